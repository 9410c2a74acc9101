"""Requests inside of the document are accepted, at its very edges too."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import ResourceAction
from maestro.contracts.openapi.shapes import json_content
from maestro.contracts.verification.conformance import CURSOR
from maestro.contracts.verification.trials.lab import Lab, Untestable, references
from maestro.contracts.verification.trials.refusals import placed
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Answer, text_of
from maestro.contracts.verification.values import kinds, members

RULE = "positive_data_acceptance"
WRITES = ("POST", "PUT", "PATCH")


def edge_trials(lab: Lab) -> Iterator[ApiTrial]:
    for operation in lab.api.operations:
        key = operation.key
        yield _trial("answers_as_documented", key, "A plain request is answered as documented.",
                     partial(plain_request, operation=operation), "reply")  # fmt: skip
        schema = lab.api.body(operation)
        if schema is not None and lab.api.properties(schema) and operation.method in WRITES:
            yield _trial("edge_body", key, "Bodies at the limits of the schema are accepted.",
                         partial(edge_bodies, operation=operation))  # fmt: skip
        media = json_content(operation.body.content) if operation.body else None
        if media is not None and media.examples:
            yield _trial("example_body", key, "The document's own examples are accepted.",
                         partial(example_bodies, operation=operation))  # fmt: skip
        for parameter in operation.in_location("query"):
            if next(edge_texts(lab, parameter), None) is not None:
                run = partial(edge_query, operation=operation, parameter=parameter)
                yield _trial("edge_query", f"{key} ?{parameter.name}",
                             "Parameters at the limits of their schema are accepted.",
                             run)  # fmt: skip


def _trial(rule: str, subject: str, statement: str, run: Any, kind: str = "negative") -> ApiTrial:
    return ApiTrial(rule=rule, subject=subject, statement=statement, run=run, kind=kind)


def accepted(lab: Lab, answer: Answer, about: str, *, may: tuple[int, ...] = ()) -> None:
    """A valid request must succeed; `may` are statuses that depend on what is stored."""
    if answer.ok or answer.status in may or answer.status >= 500:
        return  # a failure is complained of already
    if answer.status in (401, 403):
        raise Untestable(f"{answer.operation.key} wants credentials that are not known")
    lab.complain(answer.finding(RULE, f"refused: {about}", expected="2xx"))


async def plain_request(lab: Lab, operation: Operation) -> None:
    values, body = await placed(lab, operation)
    answer = await lab.ask(operation, values, body=body)
    if answer.status in (401, 403):
        raise Untestable(f"{operation.key} wants credentials that are not known")
    owner = lab.api.owner(operation)
    if owner is not None and owner[1] is ResourceAction.CREATE and answer.ok:
        lab.made(owner[0], values, body, answer)
    if owner is not None:
        stored = (404, 409) if operation.method in ("PUT", "PATCH") else (409,)
        accepted(lab, answer, "a plain request", may=stored)
    elif not answer.ok and answer.status < 500:
        raise Untestable(
            f"{operation.key} answers {answer.status} to samples; what would succeed is not known"
        )


async def edge_bodies(lab: Lab, operation: Operation) -> None:
    owner = lab.api.owner(operation)
    if owner is None:
        raise Untestable(f"what {operation.key} works on is not known")
    resource, action = owner
    for edge in lab.bodies.edges(operation):
        if action is ResourceAction.CREATE:
            body = await lab.referring(resource, edge.value)
            values = await lab.places(resource)
        else:
            entry = await lab.some(resource)
            body, values = edge.value, dict(entry.values)
            if action is ResourceAction.UPSERT:
                body = lab.naming(entry, body)
        if resource.id_field is not None and edge.pointer == f"/{resource.id_field}":
            continue
        answer = await lab.ask(operation, values, body=body)
        accepted(lab, answer, edge.about, may=(409,))
        if answer.ok and action is ResourceAction.CREATE:
            lab.made(resource, values, body, answer)


async def example_bodies(lab: Lab, operation: Operation) -> None:
    media = json_content(operation.body.content) if operation.body else None
    owner = lab.api.owner(operation)
    if media is None:
        return
    for example in media.examples:
        if not lab.bodies.valid(operation, example):
            continue  # the lint of the contract says so
        values, _ = await placed(lab, operation)
        body = json.loads(json.dumps(example))
        if owner is not None:
            body = await lab.referring(owner[0], body) if _creates(owner) else body
        if owner is None or any(not p.declared for p in references(lab.api, media.schema, body)):
            raise Untestable(f"what the example of {operation.key} refers to is not known")
        answer = await lab.ask(operation, values, body=body)
        accepted(lab, answer, "an example of the document", may=(409,))
        if answer.ok and _creates(owner):
            lab.made(owner[0], values, body, answer)


def _creates(owner: tuple[Any, ResourceAction]) -> bool:
    return owner[1] is ResourceAction.CREATE


async def edge_query(lab: Lab, operation: Operation, parameter: OperationParameter) -> None:
    values, body = await placed(lab, operation)
    content = None if body is None else json.dumps(body).encode()
    for text in edge_texts(lab, parameter):
        answer = await lab.ask(operation, values, query=[(parameter.name, text)], content=content)
        accepted(lab, answer, f"{parameter.name} = {text!r}", may=(404, 409))


def edge_texts(lab: Lab, parameter: OperationParameter) -> Iterator[str]:
    """Valid values at the limits of a query parameter."""
    schema: Mapping[str, Any] = lab.api.plain(parameter.schema)
    if parameter.is_json or snake(parameter.name) in CURSOR or len(kinds(schema)) != 1:
        return
    if members(schema):
        yield from (text_of(member) for member in members(schema))
    elif "boolean" in kinds(schema):
        yield from ("true", "false")
    else:
        for rule in ("minimum", "maximum"):
            if isinstance(schema.get(rule), int | float):
                yield text_of(schema[rule])
