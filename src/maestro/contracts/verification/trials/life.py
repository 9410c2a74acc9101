"""Entries are created, read, listed, changed and deleted, and stay what they are meanwhile."""

import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.verification.trials.bodies import BodyMaker
from maestro.contracts.verification.trials.lab import Lab, MadeEntry, Untestable
from maestro.contracts.verification.trials.paging import Pager
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Answer
from maestro.contracts.verification.values import kinds, same

GONE = (404, 410)
CHANGES = (ResourceAction.UPDATE, ResourceAction.REPLACE)
MAX_CHANGES = 8


def life_trials(lab: Lab) -> Iterator[ApiTrial]:
    for resource in lab.api.resources:
        create = lab.api.action(resource, ResourceAction.CREATE)
        if create is None:
            continue
        make = partial(_trial, create, resource)
        yield make("created_as_sent", "A created entry shows what was sent.", created_as_sent)
        yield make("defaults_kept", "What is left out has its documented default.", defaults_kept)
        getting = lab.api.action(resource, ResourceAction.GET)
        if getting is not None:
            make = partial(_trial, getting, resource)
            yield make("created_is_readable", "A created entry can be read.", created_is_readable)
            make = partial(_trial, create, resource)
            yield make("location_leads", "Location leads to the new entry.", location_leads)
        if Pager.of(lab, resource) is not None:
            listing = resource.operations[ResourceAction.LIST]
            make = partial(_trial, listing, resource)
            yield make("list_shows_created", "The list has a created entry.", list_shows_created)
        yield from _changes(lab, resource)


def _changes(lab: Lab, resource: Resource) -> Iterator[ApiTrial]:
    for action in CHANGES:
        operation = lab.api.action(resource, action)
        if operation is not None and lab.api.properties(lab.api.body(operation)):
            yield ApiTrial(
                rule="change_kept",
                subject=operation.key,
                statement="A change is stored, and nothing else is changed by it.",
                run=partial(change_kept, resource=resource, operation=operation),
            )
    delete = lab.api.action(resource, ResourceAction.DELETE)
    if delete is not None:
        make = partial(_trial, delete, resource)
        yield make("delete_deletes", "A deleted entry is gone.", delete_deletes)
    for action in (ResourceAction.GET, *CHANGES, ResourceAction.DELETE):
        operation = lab.api.action(resource, action)
        if operation is not None:
            yield ApiTrial(
                rule="unknown_id",
                subject=operation.key,
                statement="An id that nothing has is answered with 404.",
                run=partial(unknown_id, resource=resource, operation=operation),
            )


def _trial(
    operation: Operation, resource: Resource, rule: str, statement: str, run: Any
) -> ApiTrial:
    return ApiTrial(
        rule=rule,
        subject=operation.key,
        statement=statement,
        run=partial(run, resource=resource),
    )


async def created_as_sent(lab: Lab, resource: Resource) -> None:
    entry = await lab.create(resource)
    if entry.answer.json() is None:
        return  # a reply without a body; reading shows what is stored
    _shows(lab, entry.answer, entry.shown, entry.sent, "created_as_sent", resource)


async def defaults_kept(lab: Lab, resource: Resource) -> None:
    create = lab.need(resource, ResourceAction.CREATE)
    schema = lab.api.body(create)
    body = await lab.fresh_body(resource)
    if not isinstance(body, dict):
        raise Untestable(f"{create.key} takes no object")
    lean = lab.bodies.lean(create, body)
    answer = await lab.ask(create, await lab.places(resource), body=lean)
    entry = lab.made(resource, await lab.places(resource), lean, answer)
    known = lab.api.properties(resource.item_schema)
    wanted = {
        name: found["default"]
        for name, found in lab.api.properties(schema).items()
        if "default" in found and name not in lean and name in known
    }
    if lab.api.action(resource, ResourceAction.GET) is not None:
        read, shown = await lab.stored(entry)
        _shows(lab, read, shown, {**lean, **wanted}, "defaults_kept", resource)


async def created_is_readable(lab: Lab, resource: Resource) -> None:
    await lab.create(resource)
    entry = await lab.create(resource)
    await lab.create(resource)
    read, shown = await lab.stored(entry)
    wanted = dict(entry.sent) if isinstance(entry.sent, Mapping) else {}
    if resource.id_field:
        wanted[resource.id_field] = entry.id
    _shows(lab, read, shown, wanted, "created_is_readable", resource)


async def location_leads(lab: Lab, resource: Resource) -> None:
    entry = await lab.create(resource)
    location = entry.answer.headers.get("location")
    if not location:
        raise Untestable("the reply has no Location")
    target = urlsplit(urljoin(entry.answer.url, location))
    place = urlsplit(lab.wire.url)
    if not target.path.startswith(place.path):
        seen = f"Location: {location}"
        raise entry.answer.wrong(
            "location_leads", "Location leaves the API", expected=lab.wire.url, seen=seen
        )
    getting = lab.need(resource, ResourceAction.GET)
    expected = str(lab.wire.url + _item_path(entry, getting))
    answer = await lab.ask(getting, entry.values)
    found = await lab.ask(getting, path=target.path[len(place.path) :])
    if not found.ok or found.content != answer.content:
        raise lab.wrong(
            found, "location_leads", "Location does not lead to the new entry",
            expected=f"what {expected} answers",
            seen=f"Location: {location} answers {found.shown()}",
        )  # fmt: skip


def _item_path(entry: MadeEntry, getting: Operation) -> str:
    path = getting.path
    for name, value in entry.values.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path


async def list_shows_created(lab: Lab, resource: Resource) -> None:
    entry = await lab.create(resource)
    pager = Pager.required(lab, resource)
    answer, items = await pager.everything(entry.values)
    if not pager.has(items, entry):
        raise lab.wrong(
            answer, "list_shows_created", "the list lacks an entry that was created",
            expected=f"{resource.id_field} {entry.id!r} in the list",
        )  # fmt: skip


async def change_kept(lab: Lab, resource: Resource, operation: Operation) -> None:
    entry, other = await lab.create(resource), await lab.create(resource)
    _, before = await lab.stored(entry)
    _, untouched = await lab.stored(other)
    settable = lab.api.properties(lab.api.body(operation))
    names = [n for n in settable if n in before and settable[n].get("readOnly") is not True]
    tried = 0
    whole = operation.method == "PUT"
    for name in names[:MAX_CHANGES]:
        body = await _change(lab, resource, operation, name, before)
        if body is None:
            continue
        tried += 1
        answer = await lab.ask(operation, entry.values, body=body)
        if not answer.ok:
            _refusal(lab, answer)
        read, after = await lab.stored(entry)
        _shows(lab, read, after, body, "change_kept", resource)
        if not whole:
            _kept(lab, read, after, before, {*body}, settable)
        before = after
    if not tried:
        raise Untestable(f"no field of {resource.name} can be changed to another value")
    read, now = await lab.stored(other)
    _kept(lab, read, now, untouched, set(), lab.api.properties(resource.item_schema))


def _refusal(lab: Lab, answer: Answer) -> None:
    if answer.status in (401, 403):
        raise Untestable(f"{answer.operation.key} wants credentials that are not known")
    raise lab.wrong(
        answer, "positive_data_acceptance", "a valid request is refused", expected="2xx"
    )


async def _change(
    lab: Lab, resource: Resource, operation: Operation, name: str, before: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A valid body that changes one field; None where there is no other value."""
    schema = lab.api.properties(lab.api.body(operation))[name]
    if "x-references" in schema or name == resource.id_field:
        return None
    if operation.method == "PUT":
        own = lab.api.properties(lab.api.body(operation))
        start = {n: before[n] for n in own if n in before}
    else:
        start = {}
    found, value = lab.bodies.another(operation, {**start, name: before.get(name)}, name)
    if not found:
        return None
    body = {**start, name: value}
    return body if lab.bodies.valid(operation, body) else None


async def delete_deletes(lab: Lab, resource: Resource) -> None:
    entry, other = await lab.create(resource), await lab.create(resource)
    delete = lab.need(resource, ResourceAction.DELETE)
    answer = await lab.ask(delete, entry.values)
    if not answer.ok:
        _refusal(lab, answer)
    getting = lab.api.action(resource, ResourceAction.GET)
    if getting is not None:
        read = await lab.ask(getting, entry.values)
        if read.status not in GONE:
            raise lab.wrong(
                read, "delete_deletes", "a deleted entry can still be read", expected="404"
            )
        await lab.stored(other)
    pager = Pager.of(lab, resource)
    if pager is not None:
        listed, items = await pager.everything(entry.values)
        if pager.has(items, entry):
            raise lab.wrong(
                listed, "delete_deletes", "a deleted entry is still in the list",
                expected=f"no {resource.id_field} {entry.id!r}",
            )  # fmt: skip


async def unknown_id(lab: Lab, resource: Resource, operation: Operation) -> None:
    values = dict(await lab.places(resource))
    name = resource.id_parameter or ""
    await lab.create(resource)
    unknown = stranger(lab.api.plain(_parameter(operation, name)), lab.bodies)
    if unknown is None:
        raise Untestable(f"no id can be made up for {{{name}}}")
    body = None
    if operation.body is not None:
        body = lab.bodies.fresh(operation)
    answer = await lab.ask(operation, {**values, name: unknown}, body=body)
    told = lab.api.documents(operation, *GONE)
    fits = answer.status in GONE if told else 400 <= answer.status < 500
    if fits or answer.status in (401, 403) or answer.status >= 500:
        return
    if not told and operation.method != "GET":
        return  # creating what is replaced, or deleting twice, may well be meant
    if operation.method in ("PUT", "PATCH", "DELETE") and answer.ok:
        why = f"{operation.method} of an unknown id succeeds"
    else:
        why = "an unknown id is not answered with 404"
    raise lab.wrong(answer, "unknown_id", why, expected="404")


def _parameter(operation: Operation, name: str) -> Any:
    return next((p.schema for p in operation.in_location("path") if p.name == name), True)


def stranger(schema: Mapping[str, Any], bodies: BodyMaker) -> Any:
    """An id that fits its schema and that no entry has."""
    if "integer" in kinds(schema):
        return int(schema.get("maximum", 2_000_000_000)) - 7
    if schema.get("format") == "uuid":
        return str(uuid.UUID(int=bodies.first + 10**30, version=4))
    if "pattern" in schema or "enum" in schema or not (set(kinds(schema)) <= {"string"}):
        return None
    bodies.made += 1
    return f"maestro-{bodies.token()}"[-int(schema.get("maxLength", 64)) :]


# comparing


def _shows(
    lab: Lab,
    answer: Answer,
    shown: Mapping[str, Any],
    wanted: Mapping[str, Any],
    rule: str,
    resource: Resource,
) -> None:
    """Every sent field that an entry has must be shown as it was sent."""
    known = lab.api.properties(resource.item_schema)
    sent = wanted if isinstance(wanted, Mapping) else {}
    for name, value in sent.items():
        if name not in known or known[name].get("writeOnly") is True:
            continue
        if not equal(shown.get(name), value):
            raise lab.wrong(
                answer, rule, f"{name} is not what was sent",
                expected=f"{name}: {value!r}", seen=f"{name}: {shown.get(name)!r}",
            )  # fmt: skip


def _kept(
    lab: Lab,
    answer: Answer,
    after: Mapping[str, Any],
    before: Mapping[str, Any],
    changed: set[str],
    settable: Mapping[str, Any],
) -> None:
    for name in settable:
        if name in changed or name not in before or settable[name].get("readOnly") is True:
            continue
        if not equal(after.get(name), before[name]):
            raise lab.wrong(
                answer, "change_kept", f"{name} was changed without being asked for",
                expected=f"{name}: {before[name]!r}", seen=f"{name}: {after.get(name)!r}",
            )  # fmt: skip


def equal(left: Any, right: Any) -> bool:
    """Whether a stored value means what was sent; objects may have got more properties."""
    if isinstance(right, Mapping) and isinstance(left, Mapping):
        return all(equal(left.get(name), value) for name, value in right.items())
    if isinstance(right, list) and isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return same(left, right)
