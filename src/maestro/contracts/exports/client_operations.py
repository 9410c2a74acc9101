"""Operations as functions of a client, before they are written in a language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.exports.client_names import Names, pascal
from maestro.contracts.exports.client_types import ANY, ClientType, ClientTypes, union
from maestro.contracts.openapi.operations import MediaType, Operation, OperationParameter
from maestro.contracts.openapi.shapes import is_json

_FORMS = {"application/x-www-form-urlencoded": "form", "multipart/form-data": "multipart"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientParameter:
    key: str
    """Name in the source code."""
    name: str
    """Name on the wire."""
    location: str
    required: bool
    type: ClientType
    style: str
    explode: bool
    is_json: bool
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFunction:
    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[ClientParameter, ...]
    body: ClientType | None
    body_required: bool
    body_media: str
    body_form: str
    """`json`, `form`, `multipart`, `text` or `bytes`; empty without a body."""
    result: ClientType
    accept: str
    security: tuple[tuple[str, ...], ...]

    @property
    def needed(self) -> tuple[ClientParameter, ...]:
        return tuple(p for p in self.parameters if p.required)

    @property
    def optional(self) -> tuple[ClientParameter, ...]:
        return tuple(p for p in self.parameters if not p.required)

    @property
    def told(self) -> tuple[str, ...]:
        """The names of what every call has to give."""
        body = ("body",) if self.body is not None and self.body_required else ()
        return (*(parameter.key for parameter in self.needed), *body)


def functions(
    found: tuple[Operation, ...],
    types: ClientTypes,
    spell: Callable[[str], str],
    reserved: tuple[frozenset[str], frozenset[str]],
) -> tuple[ClientFunction, ...]:
    """Args:
    found: the operations of the document.
    types: takes the types they need.
    spell: makes a name of the language out of any text.
    reserved: names functions and parameters must not have.
    """
    names = Names(reserved[0])
    return tuple(_function(operation, types, spell, names, reserved[1]) for operation in found)


def _function(
    operation: Operation,
    types: ClientTypes,
    spell: Callable[[str], str],
    names: Names,
    reserved: frozenset[str],
) -> ClientFunction:
    wanted = operation.operation_id or f"{operation.method} {operation.path}"
    name = names.take(spell(wanted))
    hint = pascal(name)
    keys = Names(reserved)
    form, media, body = _body(operation, types, hint)
    return ClientFunction(
        name=name,
        method=operation.method,
        path=operation.path,
        summary=operation.summary,
        parameters=tuple(
            _parameter(parameter, types, keys.take(spell(parameter.name)), hint)
            for parameter in operation.parameters
            if parameter.location != "header"
            or parameter.name.lower() not in ("accept", "content-type", "authorization")
        ),
        body=body,
        body_required=operation.body is not None and operation.body.required,
        body_media=media,
        body_form=form,
        result=_result(operation, types, hint),
        accept=_accept(operation),
        security=tuple(tuple(str(name) for name in way) for way in operation.security),
    )


def _parameter(
    parameter: OperationParameter, types: ClientTypes, key: str, hint: str
) -> ClientParameter:
    return ClientParameter(
        key=key,
        name=parameter.name,
        location=parameter.location,
        required=parameter.required,
        type=types.of(parameter.schema, f"{hint}{pascal(parameter.name)}"),
        style=parameter.style,
        explode=parameter.explode,
        is_json=parameter.is_json,
    )


def _body(
    operation: Operation, types: ClientTypes, hint: str
) -> tuple[str, str, ClientType | None]:
    content: Mapping[str, MediaType] = operation.body.content if operation.body else {}
    if not content:
        return "", "", None
    ranked = sorted(content, key=lambda kind: (not is_json(kind), kind not in _FORMS))
    kind = ranked[0]
    schema: Any = content[kind].schema
    if is_json(kind) or "*" in kind:
        return "json", "application/json" if "*" in kind else kind, types.of(schema, f"{hint}Body")
    if kind in _FORMS:
        return _FORMS[kind], kind, types.of(schema, f"{hint}Body")
    form = "text" if kind.startswith("text/") else "bytes"
    return form, kind, ClientType(kind="string" if form == "text" else "binary")


def _result(operation: Operation, types: ClientTypes, hint: str) -> ClientType:
    made: list[ClientType] = []
    listed = [status for status in operation.responses if status.startswith("2")]
    for status in listed or [s for s in operation.responses if s == "default"]:
        content = operation.responses[status].content
        if not content:
            made.append(ClientType(kind="null"))
        for kind, media in content.items():
            if is_json(kind) or kind == "*/*":
                made.append(types.of(media.schema, f"{hint}Result"))
            else:
                text = kind.startswith("text/")
                made.append(ClientType(kind="string" if text else "binary"))
    return union(made) if made else ANY


def _accept(operation: Operation) -> str:
    """Every kind of reply that is documented, the good ones first."""
    ordered = sorted(operation.responses, key=lambda status: not status.startswith("2"))
    kinds = [kind for status in ordered for kind in operation.responses[status].content]
    return ", ".join(dict.fromkeys(kinds)) or "*/*"
