"""What may be there only once: unique values, ids, repeated requests, targets of references."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.verification.trials.lab import Lab, MadeEntry, Untestable, references
from maestro.contracts.verification.trials.life import equal, stranger
from maestro.contracts.verification.trials.paging import Pager
from maestro.contracts.verification.trials.trial import ApiTrial

AT_ONCE = 8
RACE_REPEATS = 4
RACE_ROUNDS = 4
"""Tries to make a race happen: on a busy machine requests may come one after the other."""
TAKEN = re.compile(r"\b(unique|already|taken|duplicate|in use|must not be used twice)\b", re.I)


def sameness_trials(lab: Lab) -> Iterator[ApiTrial]:
    for resource in lab.api.resources:
        create = lab.api.action(resource, ResourceAction.CREATE)
        if create is None:
            continue
        yield ApiTrial(rule="ids_differ", subject=create.key, repeats=RACE_REPEATS,
                    statement="Entries made at once are all stored, each with its own id.",
                    run=partial(ids_differ, resource=resource))  # fmt: skip
        for name in unique_fields(lab, create):
            yield from _unique(lab, resource, create, name)
        key = _idempotency_key(create)
        if key is not None:
            yield ApiTrial(rule="idempotency_kept", subject=create.key,
                        statement=f"Repeating a request with the same {key.name} makes nothing "
                        "twice.", run=partial(idempotency_kept, resource=resource,
                                              parameter=key))  # fmt: skip
        yield ApiTrial(rule="reference_checked", subject=create.key,
                    statement="References lead to entries that exist.",
                    run=partial(reference_checked, resource=resource))  # fmt: skip


def _unique(lab: Lab, resource: Resource, create: Operation, name: str) -> Iterator[ApiTrial]:
    subject = f"{create.key} {name}"
    yield ApiTrial(rule="unique_kept", subject=subject,
                statement=f"No two entries have the same {name}.",
                run=partial(unique_kept, resource=resource, name=name))  # fmt: skip
    yield ApiTrial(rule="unique_at_once", subject=subject, repeats=RACE_REPEATS,
                statement=f"No two entries get the same {name}, even when made at once.",
                run=partial(unique_at_once, resource=resource, name=name))  # fmt: skip
    update = lab.api.action(resource, ResourceAction.UPDATE)
    if update is not None and name in lab.api.properties(lab.api.body(update)):
        yield ApiTrial(rule="unique_kept", subject=f"{update.key} {name}",
                    statement=f"No entry can be changed to the {name} of another.",
                    run=partial(unique_on_change, resource=resource, name=name))  # fmt: skip


def unique_fields(lab: Lab, create: Operation) -> list[str]:
    """Fields the document says are unique: `x-unique`, or its words where it documents 409."""
    found = []
    for name, schema in lab.api.properties(lab.api.body(create)).items():
        told = TAKEN.search(str(schema.get("description", "")))
        by_words = told is not None and lab.api.documents(create, 409)
        if schema.get("x-unique") is True or by_words:
            found.append(name)
    return found


async def unique_kept(lab: Lab, resource: Resource, name: str) -> None:
    first = await lab.create(resource)
    taken = _taken(first, name)
    body = {**await lab.fresh_body(resource), name: taken}
    create = lab.need(resource, ResourceAction.CREATE)
    values = await lab.places(resource)
    answer = await lab.ask(create, values, body=body)
    if answer.ok:
        lab.made(resource, values, body, answer)
        raise lab.wrong(
            answer, "unique_kept", f"a second entry with the same {name} is stored",
            expected="409" if lab.api.documents(create, 409) else "a 4xx status",
        )  # fmt: skip


async def unique_on_change(lab: Lab, resource: Resource, name: str) -> None:
    first, second = await lab.create(resource), await lab.create(resource)
    update = lab.need(resource, ResourceAction.UPDATE)
    answer = await lab.ask(update, second.values, body={name: _taken(first, name)})
    if answer.ok:
        raise lab.wrong(
            answer, "unique_kept", f"an entry is changed to a {name} that is taken",
            expected="409" if lab.api.documents(update, 409) else "a 4xx status",
        )  # fmt: skip


def _taken(entry: MadeEntry, name: str) -> Any:
    taken = entry.sent.get(name) if isinstance(entry.sent, Mapping) else None
    if taken is None:
        raise Untestable(f"no value for {name} could be made")
    return taken


async def unique_at_once(lab: Lab, resource: Resource, name: str) -> None:
    for _ in range(RACE_ROUNDS):
        await _made_once(lab, resource, name)


async def _made_once(lab: Lab, resource: Resource, name: str) -> None:
    bodies = [await lab.fresh_body(resource) for _ in range(AT_ONCE)]
    same = bodies[0].get(name)
    if same is None:
        raise Untestable(f"no value for {name} could be made")
    create = lab.need(resource, ResourceAction.CREATE)
    values = await lab.places(resource)
    sent = [{**body, name: same} for body in bodies]
    answers = await asyncio.gather(*(lab.ask(create, values, body=body) for body in sent))
    made = [
        lab.made(resource, values, body, answer)
        for body, answer in zip(sent, answers, strict=True)
        if answer.ok
    ]
    if len(made) > 1:
        raise made[-1].answer.wrong(
            "unique_at_once", f"{len(made)} entries with the same {name} are stored",
            expected=f"1 of {AT_ONCE} requests sent at once succeeds",
            seen=f"{len(made)} of {AT_ONCE} succeed; send the request {AT_ONCE} times at once",
        )  # fmt: skip


async def ids_differ(lab: Lab, resource: Resource) -> None:
    for _ in range(RACE_ROUNDS):
        await _made_at_once(lab, resource)


async def _made_at_once(lab: Lab, resource: Resource) -> None:
    create = lab.need(resource, ResourceAction.CREATE)
    values = await lab.places(resource)
    bodies = [await lab.fresh_body(resource) for _ in range(AT_ONCE)]
    answers = await asyncio.gather(*(lab.ask(create, values, body=body) for body in bodies))
    made = [
        lab.made(resource, values, body, answer)
        for body, answer in zip(bodies, answers, strict=True)
    ]
    ids = {str(entry.id) for entry in made}
    if len(ids) != len(made):
        raise made[-1].answer.wrong(
            "ids_differ", "entries made at once share an id", expected=f"{len(made)} ids",
            seen=f"{len(ids)} ids; send {AT_ONCE} such requests at once",
        )  # fmt: skip
    if lab.api.action(resource, ResourceAction.GET) is None:
        return
    known = lab.api.properties(resource.item_schema)
    for entry in made:
        read, shown = await lab.stored(entry)
        for name, value in entry.sent.items():
            if name in known and not equal(shown.get(name), value):
                raise lab.wrong(
                    read, "ids_differ", "of entries made at once one is lost",
                    expected=f"{name}: {value!r}", seen=f"{name}: {shown.get(name)!r}",
                )  # fmt: skip


def _idempotency_key(create: Operation) -> OperationParameter | None:
    named = create.in_location("header")
    return next((p for p in named if p.name.lower().endswith("idempotency-key")), None)


async def idempotency_kept(lab: Lab, resource: Resource, parameter: OperationParameter) -> None:
    create = lab.need(resource, ResourceAction.CREATE)
    values = await lab.places(resource)
    body = await lab.fresh_body(resource)
    lab.bodies.made += 1
    key = {
        parameter.name.lower(): f"00000000-0000-4000-8000-{lab.bodies.first + lab.bodies.made:012d}"
    }
    first = lab.made(resource, values, body, await lab.ask(create, values, body=body, headers=key))
    again = await lab.ask(create, values, body=body, headers=key)
    if not again.ok:
        if again.status in (409, 422):
            return  # refused, so nothing was made twice
        raise lab.wrong(
            again, "idempotency_kept", "repeating a request with the same key fails",
            expected="the reply to the first one",
        )  # fmt: skip
    shown = again.json()
    second = shown.get(resource.id_field) if isinstance(shown, Mapping) else first.id
    if str(second) != str(first.id):
        lab.made(resource, values, body, again)
        raise lab.wrong(
            again, "idempotency_kept", "repeating a request with the same key makes a second entry",
            expected=f"{resource.id_field} {first.id!r}", seen=f"{resource.id_field} {second!r}",
        )  # fmt: skip
    await _once(lab, resource, first)


async def _once(lab: Lab, resource: Resource, entry: MadeEntry) -> None:
    pager = Pager.of(lab, resource)
    if pager is None:
        return
    answer, items = await pager.everything(entry.values)
    known = [item for item in items if isinstance(item, Mapping)]
    texts = {n: v for n, v in entry.sent.items() if isinstance(v, str) and len(v) > 6}
    alike = [item for item in known if texts and equal(item, texts)]
    if len(alike) > 1:
        raise lab.wrong(
            answer, "idempotency_kept", "repeating a request with its key makes a second entry",
            expected="one entry in the list", seen=f"{len(alike)} with {texts}",
        )  # fmt: skip


async def reference_checked(lab: Lab, resource: Resource) -> None:
    create = lab.need(resource, ResourceAction.CREATE)
    body = await lab.fresh_body(resource)
    found = [
        place
        for place in references(lab.api, lab.api.body(create), body)
        if place.declared and lab.api.documents(create, 409, 400, 404, 422)
    ]
    if not found:
        if any(not p.declared for p in references(lab.api, lab.api.body(create), body)):
            raise Untestable("x-references does not tell whether references are checked")
        return
    values = await lab.places(resource)
    for place in found:
        kept = place.owner[place.name]
        own = lab.api.properties(place.target.item_schema).get(place.target.id_field or "", {})
        unknown = stranger(own, lab.bodies)
        if unknown is None:
            continue
        place.owner[place.name] = unknown
        answer = await lab.ask(create, values, body=body)
        place.owner[place.name] = kept
        if answer.ok:
            lab.made(resource, values, body, answer)
            raise lab.wrong(
                answer, "reference_checked", f"{place.name} may lead to nothing",
                expected=f"{place.name}: {unknown!r} is refused with a 4xx status",
            )  # fmt: skip
