"""A typed client in Python: asynchronous, on httpx."""

import builtins
import keyword
from collections.abc import Iterator

from maestro.contracts.exports.client_contract import (
    ClientContract,
    needed_credentials,
    read_client,
    template,
)
from maestro.contracts.exports.client_names import one_line, snake
from maestro.contracts.exports.client_operations import ClientFunction, ClientParameter
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.python_types import RESERVED_TYPES, annotation, docstring, models
from maestro.domain.contract import Contract

_KEYWORDS = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins)})
_METHODS = frozenset({"aclose", "schemes"}) | _KEYWORDS
_ARGUMENTS = frozenset({"self", "body", "cast", "models"}) | _KEYWORDS


def python_client(contract: Contract) -> ExportedProject:
    """A package with a method per operation, which `mypy --strict` finds no fault with.

    Raises:
        InvalidInput: no OpenAPI contract, or one without a usable operation.
    """
    client = read_python_client(contract)
    package = client.package
    values = {
        "package": package,
        "distribution": package.replace("_", "-"),
        "version": contract.version,
        "description": _toml(f"Client of {client.title}"),
        "title": client.title,
        "contract": contract.id,
        "address": client.address,
        "credentials": _credentials(client),
        "example": _example(client.functions),
        "rows": [_row(function) for function in client.functions],
    }
    files = {
        "pyproject.toml": template("python-client/pyproject.toml.jinja", values),
        "README.md": template("python-client/README.md.jinja", values),
        f"{package}/__init__.py": _package(client).encode(),
        f"{package}/models.py": models(client.named, client.descriptions).encode(),
        f"{package}/client.py": ("\n".join(_client(client)) + "\n").encode(),
        f"{package}/runtime.py": template("python-client/runtime.py.jinja", {}),
        f"{package}/py.typed": b"",
    }
    return ExportedProject(files=files)


def read_python_client(contract: Contract) -> ClientContract:
    """The contract with names of Python. Raises InvalidInput as `python_client` does."""
    return read_client(
        contract,
        spell=snake,
        reserved_types=RESERVED_TYPES,
        reserved=(_METHODS, _ARGUMENTS),
        inline_objects=False,
    )


def _package(client: ClientContract) -> str:
    return (
        f"{docstring(f'Client of {client.title}.')}\n\n"
        f"from {client.package}.client import Client\n"
        f"from {client.package}.runtime import ApiError\n\n"
        '__all__ = ["ApiError", "Client"]\n'
    )


def _client(client: ClientContract) -> Iterator[str]:
    yield docstring(f"Operations of {client.title}.")
    yield ""
    yield "from __future__ import annotations"
    yield ""
    yield "from typing import Any, Literal, Self, cast"
    yield ""
    yield f"from {client.package} import models"
    yield f"from {client.package}.runtime import Operation, Parameter, Transport"
    yield ""
    yield "_OPERATIONS: dict[str, Operation] = {"
    for function in client.functions:
        yield from _operation(function)
    yield "}"
    yield ""
    yield ""
    yield "class Client(Transport):"
    yield f"    {docstring(f'{client.title}. Every method raises ApiError unless it succeeds.')}"
    yield ""
    yield f"    schemes = {dict(client.schemes)!r}"
    yield ""
    yield "    async def __aenter__(self) -> Self:"
    yield "        return self"
    for function in client.functions:
        yield ""
        yield from _method(function)
    yield ""
    yield ""
    yield '__all__ = ["Any", "Client", "Literal"]'


def _operation(function: ClientFunction) -> Iterator[str]:
    yield f"    {function.name!r}: Operation("
    yield f"        method={function.method!r},"
    yield f"        path={function.path!r},"
    if function.parameters:
        yield "        parameters=("
        for parameter in function.parameters:
            yield f"            Parameter({', '.join(map(repr, _wire(parameter)))}),"
        yield "        ),"
    if function.body_form:
        yield f"        body_form={function.body_form!r},"
        yield f"        body_media={function.body_media!r},"
    yield f"        accept={function.accept!r},"
    if function.security:
        yield f"        security={function.security!r},"
    yield "    ),"


def _wire(parameter: ClientParameter) -> tuple[str | bool, ...]:
    return (
        parameter.key,
        parameter.name,
        parameter.location,
        parameter.style,
        parameter.explode,
        parameter.is_json,
    )


def _method(function: ClientFunction) -> Iterator[str]:
    result = annotation(function.result, "models.")
    yield f"    async def {function.name}("
    yield "        self,"
    if function.parameters or function.body is not None:
        yield "        *,"
    for parameter in function.needed:
        yield f"        {parameter.key}: {annotation(parameter.type, 'models.')},"
    if function.body is not None:
        kind = annotation(function.body, "models.")
        yield f"        body: {kind}," if function.body_required else f"        body: {_or(kind)},"
    for parameter in function.optional:
        yield f"        {parameter.key}: {_or(annotation(parameter.type, 'models.'))},"
    yield f"    ) -> {result}:"
    told = one_line(function.summary) or f"{function.method} {one_line(function.path)}"
    yield f"        {docstring(told)}"
    values = ", ".join(f"{p.key!r}: {p.key}" for p in function.parameters)
    body = ", body" if function.body is not None else ""
    call = f"await self._call(_OPERATIONS[{function.name!r}], {{{values}}}{body})"
    if result == "None":
        yield f"        {call}"
    else:
        yield f"        return {call if result == 'Any' else f'cast({result!r}, {call})'}"


def _or(kind: str) -> str:
    if kind == "Any":
        return "Any = None"
    return f"{kind} = None" if "None" in kind.split(" | ") else f"{kind} | None = None"


def _credentials(client: ClientContract) -> str:
    needed = needed_credentials(client)
    if not needed:
        return ""
    return ", credentials={" + ", ".join(f"{name!r}: '...'" for name in needed) + "}"


def _example(found: tuple[ClientFunction, ...]) -> str:
    ranked = sorted(found, key=lambda f: (f.method != "GET", len(f.needed), f.body_required))
    first = ranked[0]
    arguments = [f"{p.key}=..." for p in first.needed]
    arguments += ["body=..."] if first.body_required else []
    return f"{first.name}({', '.join(arguments)})"


def _row(function: ClientFunction) -> dict[str, str]:
    return {
        "call": f"{function.name}({', '.join(f'{name}=...' for name in function.told)})",
        "request": one_line(f"{function.method} {function.path}").replace("|", "\\|"),
        "result": annotation(function.result).replace("|", "\\|"),
    }


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
