"""Requests outside of the document are refused, and nothing makes the provider fail."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.bodies import Body, broken
from maestro.contracts.verification.trials.lab import Lab, MadeEntry, Untestable, first_value
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Answer, filled, text_of
from maestro.contracts.verification.values import kinds, members
from maestro.errors import InvalidInput

RULE = "negative_data_rejection"
MAX_BODIES = 60
TEXT = 100_000
DEPTH = 3_000
LEFT_ALONE = frozenset({"accept", "authorization", "content-type", "cookie"})
RAW: tuple[tuple[bytes, str], ...] = (
    (b'{"unfinished": ', "an unfinished body"),
    (b"\xff\xfe{}", "bytes that are no UTF-8"),
    (b"", "no body"),
    (b"[" * DEPTH + b"]" * DEPTH, f"lists {DEPTH} deep"),
)
PLACES = ("%00", "..%2f..%2fetc%2fpasswd", "x" * 2000, "%F0%9F%9A%80", "%27%20OR%201%3D1--")
"""Written into a path as they are."""


def refusal_trials(lab: Lab) -> Iterator[ApiTrial]:
    for operation in lab.api.operations:
        key = operation.key
        if lab.api.body(operation) is not None:
            yield _trial("bad_body", key, "Bodies that break the schema are refused.",
                         bodies_refused, operation)  # fmt: skip
            yield _trial("unreadable_body", key, "What cannot be read is refused.",
                         unreadable_refused, operation)  # fmt: skip
            yield _trial("long_text", key, "Long texts do not make it fail.",
                         long_texts, operation)  # fmt: skip
        for parameter in operation.parameters:
            if parameter.location == "path":
                yield _trial("bad_path", f"{key} {{{parameter.name}}}",
                             "Paths that break the schema are refused.",
                             paths_refused, operation, parameter)  # fmt: skip
            elif next(wrong_texts(lab.api, parameter), None) is not None:
                yield _trial(f"bad_{parameter.location}", f"{key} {parameter.name}",
                             "Parameters that break their schema are refused.",
                             parameters_refused, operation, parameter)  # fmt: skip


def _trial(rule: str, subject: str, statement: str, run: Any, *given: Any) -> ApiTrial:
    async def work(lab: Lab) -> None:
        await run(lab, *given)

    return ApiTrial(rule=rule, subject=subject, statement=statement, run=work, kind="negative")


async def placed(lab: Lab, operation: Operation) -> tuple[dict[str, Any], Any]:
    """Path parameters of something that exists, and a valid body."""
    owner = lab.api.owner(operation)
    body = None
    if owner is not None:
        resource, action = owner
        if action is ResourceAction.CREATE:
            return await lab.places(resource), await lab.fresh_body(resource)
        values: dict[str, Any] = dict(await lab.places(resource))
        if resource.id_parameter and f"{{{resource.id_parameter}}}" in operation.path:
            values = dict((await _existing(lab, resource)).values)
    else:
        values = _samples(lab, operation)
    if lab.api.body(operation) is not None:
        try:
            body = lab.bodies.fresh(operation)
        except InvalidInput as error:
            raise Untestable(str(error)) from error
    if owner is not None and owner[1] is ResourceAction.UPSERT:
        body = lab.naming(await _existing(lab, owner[0]), body)
    return values, body


async def _existing(lab: Lab, resource: Resource) -> MadeEntry:
    if lab.api.action(resource, ResourceAction.CREATE) is None:
        raise Untestable(f"the document has no operation to create a {resource.name}")
    return await lab.some(resource)


def _samples(lab: Lab, operation: Operation) -> dict[str, Any]:
    """For an operation of no known resource: examples or samples of its parameters."""
    return {p.name: first_value(lab.api, p) for p in operation.in_location("path")}


def judge(lab: Lab, answer: Answer, about: str, rule: str = RULE) -> None:
    """A request outside of the document must be refused with a 4xx."""
    if answer.status in (401, 403):
        raise Untestable(f"{answer.operation.key} wants credentials that are not known")
    if answer.status < 400:
        lab.complain(
            answer.finding(
                rule, f"accepted: {about}", expected="the request is refused with a 4xx status"
            )
        )


async def bodies_refused(lab: Lab, operation: Operation) -> None:
    values, body = await placed(lab, operation)
    if not isinstance(body, Mapping):
        raise Untestable(f"{operation.key} takes no object")
    for wrong in _some(broken(lab.api, operation, body)):
        answer = await lab.ask(
            operation, values, content=json.dumps(wrong.value).encode(), inside=False
        )
        judge(lab, answer, wrong.about)
        _remember(lab, operation, values, wrong.value, answer)
        if answer.ok and operation.method != "GET":
            body = _renewed(lab, operation, body)


def _some(bodies: Iterator[Body]) -> Iterator[Body]:
    """Each rule at each place once."""
    seen: set[tuple[str, str]] = set()
    for body in bodies:
        kind = (body.rule, body.pointer or body.about)
        if kind not in seen and len(seen) < MAX_BODIES:
            seen.add(kind)
            yield body


def _renewed(lab: Lab, operation: Operation, body: Mapping[str, Any]) -> Mapping[str, Any]:
    made = lab.bodies.fresh(operation)
    return made if isinstance(made, Mapping) else body


def _remember(
    lab: Lab, operation: Operation, values: Mapping[str, Any], body: Any, answer: Answer
) -> None:
    """What was created although it should not have been is taken away with the rest."""
    owner = lab.api.owner(operation)
    if answer.ok and owner is not None and owner[1] is ResourceAction.CREATE:
        shown = answer.json()
        if isinstance(shown, Mapping) and owner[0].id_field in shown:
            lab.made(owner[0], values, body, answer)


async def unreadable_refused(lab: Lab, operation: Operation) -> None:
    values, body = await placed(lab, operation)
    for content, about in RAW:
        if not content and operation.body is not None and not operation.body.required:
            continue
        answer = await lab.ask(operation, values, content=content, inside=False)
        judge(lab, answer, about)
        _remember(lab, operation, values, None, answer)
    kinds_taken = operation.body.content if operation.body else {}
    if all(is_json(kind) for kind in kinds_taken):
        answer = await lab.ask(
            operation, values, content=json.dumps(body).encode(), inside=False,
            headers={"content-type": "text/plain"},
        )  # fmt: skip
        judge(lab, answer, "a media type that is not documented")
        _remember(lab, operation, values, body, answer)


async def long_texts(lab: Lab, operation: Operation) -> None:
    """Any reply but a failure will do; limits of the schema are tried elsewhere."""
    values, body = await placed(lab, operation)
    fields = lab.api.properties(lab.api.body(operation))
    for name, schema in fields.items():
        if not isinstance(body, Mapping) or "string" not in kinds(schema) or members(schema):
            continue
        longer = {**body, name: "x" * TEXT}
        inside = lab.bodies.valid(operation, longer)
        answer = await lab.ask(
            operation, values, content=json.dumps(longer).encode(), inside=inside
        )
        _remember(lab, operation, values, longer, answer)


async def paths_refused(lab: Lab, operation: Operation, parameter: OperationParameter) -> None:
    values, body = await placed(lab, operation)
    content = None if body is None else json.dumps(body).encode()
    for text in wrong_ids(lab.api, parameter, values.get(parameter.name)):
        answer = await lab.ask(
            operation, {**values, parameter.name: text}, content=content, inside=False
        )
        judge(lab, answer, f"{parameter.name} = {text!r}")
    for place in PLACES:
        template = operation.path.replace(f"{{{parameter.name}}}", place)
        path = filled(template, values)
        await lab.ask(operation, path=path, content=content, inside=False)


def wrong_ids(api: ApiUnderTest, parameter: OperationParameter, present: Any) -> Iterator[str]:
    """Path values that the schema refuses."""
    schema = api.plain(parameter.schema)
    if "integer" in kinds(schema):
        yield from ("maestro", f"{present}abc", "1.5")
        if isinstance(schema.get("minimum"), int):
            yield str(schema["minimum"] - 1)
        if isinstance(schema.get("maximum"), int):
            yield str(schema["maximum"] + 1)
    elif schema.get("format") == "uuid":
        yield from ("maestro", f"{present}0")
    elif members(schema):
        yield "maestro-stranger"


async def parameters_refused(lab: Lab, operation: Operation, parameter: OperationParameter) -> None:
    values, body = await placed(lab, operation)
    for text in wrong_texts(lab.api, parameter):
        pairs = [(parameter.name, text)] if parameter.location == "query" else []
        headers = {parameter.name.lower(): text} if parameter.location == "header" else {}
        content = None if body is None else json.dumps(body).encode()
        answer = await lab.ask(
            operation, values, query=pairs, headers=headers, content=content, inside=False
        )
        judge(lab, answer, f"{parameter.name} = {text[:40]!r}")
        _remember(lab, operation, values, body, answer)


def wrong_texts(api: ApiUnderTest, parameter: OperationParameter) -> Iterator[str]:
    """Values of a query or header parameter that its schema refuses, written as text."""
    schema = api.plain(parameter.schema)
    readable = parameter.location in ("query", "header") and not parameter.is_json
    if not readable or parameter.name.lower() in LEFT_ALONE or len(kinds(schema)) != 1:
        return
    kind = kinds(schema)[0]
    if members(schema):
        yield "maestro-stranger"
    elif kind in ("integer", "number", "boolean"):
        yield "maestro"
    for rule, step in (("minimum", -1), ("maximum", 1)):
        if isinstance(schema.get(rule), int | float) and kind in ("integer", "number"):
            yield text_of(schema[rule] + step)
    if kind == "string":
        yield from _wrong_strings(schema)


def _wrong_strings(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema.get("maxLength"), int) and schema["maxLength"] < 4000:
        yield "x" * (schema["maxLength"] + 1)
    if "pattern" in schema:
        yield "!?! maestro !?!"
    if schema.get("format") in ("date", "date-time", "uuid"):
        yield "maestro"
