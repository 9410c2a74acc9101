"""Filters narrow, searches find, sorting sorts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import OperationParameter
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.verification.trials.lab import Lab, MadeEntry, Untestable, references
from maestro.contracts.verification.trials.life import equal
from maestro.contracts.verification.trials.paging import Pager
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Answer, text_of
from maestro.contracts.verification.values import kinds, members

SEARCH = ("q", "query", "search", "search_term", "keyword", "text")
SORT = ("sort", "sort_by", "order_by", "ordering")
SCALARS = {"string", "integer", "number", "boolean"}
_BOUND = re.compile(r"(?:(min|max)_(.+)|(.+)_(min|max|gte|lte|from|to))")
_LOW = ("min", "gte", "from")


def narrowing_trials(lab: Lab) -> Iterator[ApiTrial]:
    for resource in lab.api.resources:
        pager = Pager.of(lab, resource)
        if pager is None or lab.api.action(resource, ResourceAction.CREATE) is None:
            continue
        known = lab.api.properties(resource.item_schema)
        for parameter in pager.narrowing():
            yield from _of(lab, resource, pager, parameter, known)


def _of(
    lab: Lab,
    resource: Resource,
    pager: Pager,
    parameter: OperationParameter,
    known: Mapping[str, Mapping[str, Any]],
) -> Iterator[ApiTrial]:
    name = snake(parameter.name)
    subject = f"{pager.operation.key} ?{parameter.name}"
    field = next((f for f in known if snake(f) == name), None)
    bound = _BOUND.fullmatch(name)
    if name in SORT:
        for key in sort_keys(lab, parameter, known):
            run = partial(sort_sorts, resource=resource, parameter=parameter, key=key)
            yield ApiTrial(rule="sort_sorts", subject=f"{subject}={key}", run=run,
                        statement=f"Sorting by {key} sorts.")  # fmt: skip
    elif name in SEARCH and field is None:
        run = partial(search_narrows, resource=resource, parameter=parameter)
        yield ApiTrial(rule="search_narrows", subject=subject, run=run,
                    statement="A search finds what has the text and nothing else.")  # fmt: skip
    elif field is not None and set(kinds(known[field])) & SCALARS:
        run = partial(filter_narrows, resource=resource, parameter=parameter, field=field)
        yield ApiTrial(rule="filter_narrows", subject=subject, run=run,
                    statement=f"Filtering by {parameter.name} narrows the list.")  # fmt: skip
    elif bound is not None and (bound[2] or bound[3]) in known:
        low = (bound[1] or bound[4]) in _LOW
        run = partial(bound_narrows, resource=resource, parameter=parameter,
                      field=bound[2] or bound[3], low=low)  # fmt: skip
        yield ApiTrial(rule="filter_narrows", subject=subject, run=run,
                    statement=f"Filtering by {parameter.name} narrows the list.")  # fmt: skip
    else:
        run = partial(_unknown_meaning, name=parameter.name)
        yield ApiTrial(rule="filter_narrows", subject=subject, run=run,
                    statement=f"Filtering by {parameter.name} narrows the list.")  # fmt: skip


async def _unknown_meaning(lab: Lab, name: str) -> None:
    raise Untestable(f"no property of the entries tells what the parameter {name!r} compares")


async def two_entries(lab: Lab, resource: Resource, field: str) -> tuple[MadeEntry, MadeEntry]:
    """Two entries with different values of a field. Raises Untestable where there are none."""
    create = lab.need(resource, ResourceAction.CREATE)
    settable = lab.api.properties(lab.api.body(create))
    first = await lab.create(resource)
    second = await lab.create(resource)
    target = next(
        (
            p.target
            for p in references(lab.api, lab.api.body(create), first.sent)
            if p.name == field
        ),
        None,
    )
    if target is not None:
        return first, await lab.create(resource, {field: (await lab.create(target)).id})
    if field in settable:
        present = first.shown.get(field, first.sent.get(field))
        body = await lab.fresh_body(resource)
        body[field] = present
        found, value = lab.bodies.another(create, body, field)
        if found:
            return first, await lab.create(resource, {field: value})
    update = lab.api.action(resource, ResourceAction.UPDATE)
    if update is not None and field in lab.api.properties(lab.api.body(update)):
        found, value = lab.bodies.another(update, {field: first.shown.get(field)}, field)
        if found:
            answer = await lab.ask(update, second.values, body={field: value})
            if answer.ok:
                return first, second
    raise Untestable(f"{resource.name}.{field} cannot be given two values")


async def filter_narrows(
    lab: Lab, resource: Resource, parameter: OperationParameter, field: str
) -> None:
    pair = await two_entries(lab, resource, field)
    pager = Pager.required(lab, resource)
    shown = [(await _shown(lab, entry)).get(field) for entry in pair]
    if shown[0] == shown[1]:
        raise Untestable(f"two entries with different {field} could not be made")
    schema = lab.api.plain(parameter.schema)
    exact = bool(members(schema)) or "boolean" in kinds(schema)
    for position in (0, 1):
        wanted, other = pair[position], pair[1 - position]
        if shown[position] is None:
            continue
        query = [(parameter.name, text_of(shown[position]))]
        answer, items = await pager.everything(wanted.values, query)
        strangers = [i for i in items if exact and not equal(i.get(field), shown[position])]
        _right(pager, answer, items, wanted, other, query[0])
        if strangers:
            seen = f"{field}: {strangers[0].get(field)!r}"
            raise pager.wrong(
                answer, "filter_narrows", f"{parameter.name} lets others through",
                expected=f"only {field}: {shown[position]!r}", seen=seen,
            )  # fmt: skip
        total = pager.total(answer)
        if total is not None and total != len(items):
            raise pager.wrong(
                answer, "filter_narrows", "the total does not count what the filter lets through",
                expected=str(len(items)), seen=str(total),
            )  # fmt: skip


async def bound_narrows(
    lab: Lab, resource: Resource, parameter: OperationParameter, field: str, low: bool
) -> None:
    pair = await two_entries(lab, resource, field)
    shown: list[Any] = [(await _shown(lab, entry)).get(field) for entry in pair]
    if type(shown[0]) is not type(shown[1]) or shown[0] == shown[1] or shown[0] is None:
        raise Untestable(f"{field} cannot be compared")
    order = [0, 1] if shown[0] < shown[1] else [1, 0]
    wanted, other = (order[1], order[0]) if low else (order[0], order[1])
    pager = Pager.required(lab, resource)
    query = (parameter.name, text_of(shown[wanted]))
    answer, items = await pager.everything(pair[0].values, [query])
    _right(pager, answer, items, pair[wanted], pair[other], query)


def _right(
    pager: Pager,
    answer: Answer,
    items: Sequence[Any],
    wanted: MadeEntry,
    other: MadeEntry,
    query: tuple[str, str],
) -> None:
    name = pager.resource.id_field
    if not pager.has(items, wanted):
        raise pager.wrong(
            answer, "filter_narrows", f"{query[0]} hides an entry that matches",
            expected=f"{name} {wanted.id!r} for {query[0]}={query[1]}",
            seen=f"{pager.ids(items)[:20]}",
        )  # fmt: skip
    if pager.has(items, other):
        raise pager.wrong(
            answer, "filter_narrows", f"{query[0]} lets an entry through that does not match",
            expected=f"no {name} {other.id!r} for {query[0]}={query[1]}",
            seen=f"{pager.ids(items)[:20]}",
        )  # fmt: skip


async def _shown(lab: Lab, entry: MadeEntry) -> Mapping[str, Any]:
    """The entry as it is stored now."""
    if lab.api.action(entry.resource, ResourceAction.GET) is None:
        return entry.shown
    return (await lab.stored(entry))[1]


async def search_narrows(lab: Lab, resource: Resource, parameter: OperationParameter) -> None:
    entry, other = await lab.create(resource), await lab.create(resource)
    pager = Pager.required(lab, resource)
    lab.bodies.made += 1
    nonsense = f"zq{lab.bodies.token()}"
    answer, items = await pager.everything(entry.values, [(parameter.name, nonsense)])
    if pager.has(items, entry) or pager.has(items, other):
        raise pager.wrong(
            answer, "search_narrows", "a search finds what does not have the text",
            expected=f"nothing has the text {nonsense!r}", seen=f"{len(items)} entries",
        )  # fmt: skip
    texts = [t for t in entry.sent.values() if isinstance(t, str)]
    for text in texts:
        answer, items = await pager.everything(entry.values, [(parameter.name, text[:60])])
        if pager.has(items, entry):
            return
    raise pager.wrong(
        answer, "search_narrows", "no text of an entry finds it",
        expected=f"{resource.id_field} {entry.id!r}", seen=f"{pager.ids(items)[:20]}",
    )  # fmt: skip


def sort_keys(lab: Lab, parameter: OperationParameter, known: Mapping[str, Any]) -> list[str]:
    """Values of the parameter whose meaning is plain: `name`, `-name`, `name_desc`, `name:asc`."""
    schema = lab.api.plain(parameter.schema)
    inner = lab.api.plain(schema.get("items", {})) if "array" in kinds(schema) else schema
    return [k for k in members(inner) if isinstance(k, str) and _direction(k)[0] in known]


def _direction(key: str) -> tuple[str, bool]:
    """The field, and whether the order goes down."""
    found = re.fullmatch(r"(?P<minus>[-+]?)(?P<field>.+?)(?:[_:. ](?P<way>asc|desc))?", key)
    assert found is not None
    return found["field"], found["minus"] == "-" or found["way"] == "desc"


async def sort_sorts(lab: Lab, resource: Resource, parameter: OperationParameter, key: str) -> None:
    field, down = _direction(key)
    values = await lab.places(resource)
    bodies = [await lab.fresh_body(resource) for _ in range(3)]
    create = lab.need(resource, ResourceAction.CREATE)
    entries = []
    for position in (1, 0, 2):  # made in another order than that of their values
        answer = await lab.ask(create, values, body=bodies[position])
        entries.append(lab.made(resource, values, bodies[position], answer))
    pager = Pager.required(lab, resource)
    answer, items = await pager.everything(values, [(parameter.name, key)])
    ours = [item.get(field) for item in pager.entries(items, entries)]
    if len(ours) != len(entries):
        raise pager.wrong(
            answer, "sort_sorts", "sorting leaves entries out",
            expected=f"all of {len(entries)} entries", seen=f"{len(ours)} of them",
        )  # fmt: skip
    if members(lab.api.properties(resource.item_schema)[field]) or not all(map(_ordered, ours)):
        raise Untestable(f"{field} has values whose order is not plain")
    wanted = sorted(ours, key=_rank, reverse=down)
    if ours != wanted:
        raise pager.wrong(
            answer, "sort_sorts", f"{parameter.name}={key} does not sort by {field}",
            expected=f"{field} in the order {wanted}", seen=f"{ours}",
        )  # fmt: skip


def _ordered(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _rank(value: Any) -> Any:
    """Moments by time, however many digits their seconds have."""
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
    except ValueError:
        return value
