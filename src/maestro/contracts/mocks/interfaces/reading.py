"""Interface contracts of both forms: Python source, or a document of methods with JSON Schemas."""

import builtins
import json
import keyword
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    InterfaceType,
    ParameterKind,
    TypeKind,
)
from maestro.contracts.mocks.interfaces.python_source import MAX_METHODS, read_python
from maestro.contracts.openapi.bundling import compiled
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

_TYPES = {
    "integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None",
    "array": "list[Any]", "object": "dict[str, Any]",
}  # fmt: skip


def read_interface(contract: Contract) -> InterfaceModel:
    """Nothing of the contract is run.

    Raises:
        InvalidInput: not an interface contract, or naming the place and what is wrong with it.
    """
    if contract.format is not SpecificationFormat.INTERFACE:
        raise InvalidInput(
            f"contract {contract.id!r} is written in {contract.format.value!r}, not as an interface"
        )
    return interface_model(contract.specification, name=contract.id, module=_module(contract))


def import_folders(module: str, root: Path) -> tuple[Path, ...]:
    """Where in a provider's work tree a module is looked for: at the root, or in a folder that is
    named like its first package.
    """
    first = module.partition(".")[0]
    return (root, root / first) if "." in module else (root,)


def interface_model(specification: JsonObject, *, name: str, module: str = "") -> InterfaceModel:
    """As `read_interface`, of a specification alone."""
    named = specification.get("module", module) or name.replace("-", "_")
    if not isinstance(named, str) or not all(_is_name(part) for part in named.split(".")):
        raise InvalidInput(f"contract {name!r}: {named!r} is no path of a Python module")
    source = specification.get("python")
    if isinstance(source, str):
        return read_python(source, name=name, module=named)
    listed = specification.get("methods")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise InvalidInput(
            f"contract {name!r}: an interface is {{'python': source}} or {{'methods': [...]}}; it "
            f"has {sorted(map(str, specification))!r}"
        )
    if len(listed) > MAX_METHODS:
        raise InvalidInput(f"contract {name!r}: more than {MAX_METHODS} methods")
    return _Document(specification, name).model(named, listed)


class _Document:
    def __init__(self, document: JsonObject, name: str) -> None:
        self._document = document
        self._name = name
        given = document.get("$defs", {})
        self._definitions = dict(given) if isinstance(given, Mapping) else {}

    def model(self, module: str, listed: Sequence[Any]) -> InterfaceModel:
        methods = tuple(self._method(entry, n) for n, entry in enumerate(listed))
        keys = [method.key for method in methods]
        double = next((key for key in keys if keys.count(key) > 1), None)
        if double is not None:
            raise self._refusal("/methods", f"{double!r} is declared twice")
        errors = dict.fromkeys(error for method in methods for error in method.raises)
        types = tuple(
            InterfaceType(name=error, kind=TypeKind.EXCEPTION, base="Exception")
            for error in errors
            if not hasattr(builtins, error)
        )
        return InterfaceModel(
            name=self._name,
            module=module,
            methods=methods,
            types=types,
            definitions=self._definitions,
        )

    def _method(self, entry: Any, number: int) -> InterfaceMethod:
        place = f"/methods/{number}"
        if not isinstance(entry, Mapping):
            raise self._refusal(place, "is no object")
        owner = entry.get("class", self._document.get("class", ""))
        if owner != "":
            self._identifier(f"{place}/class", owner)
        parameters = self._listed(entry, "parameters", place)
        returns = self._schema(f"{place}/returns", entry.get("returns", {}))
        raises = self._listed(entry, "raises", place)
        for error in raises:
            self._identifier(f"{place}/raises", error)
        return InterfaceMethod(
            owner=owner,
            name=self._identifier(f"{place}/name", entry.get("name")),
            parameters=tuple(
                self._parameter(item, f"{place}/parameters/{n}")
                for n, item in enumerate(parameters)
            ),
            returns=returns,
            annotation=annotation_of(returns),
            raises=tuple(raises),
            is_async=entry.get("async") is True,
            summary=str(entry.get("summary", ""))[:200],
            examples=tuple(e for e in self._listed(entry, "examples", place) if _is_example(e)),
        )

    def _parameter(self, entry: Any, place: str) -> InterfaceParameter:
        if not isinstance(entry, Mapping):
            raise self._refusal(place, "is no object")
        schema = self._schema(f"{place}/schema", entry.get("schema", {}))
        keyword_only = entry.get("keyword_only") is True
        default = None
        if "default" in entry:
            default = self._default(place, entry["default"])
        elif entry.get("required") is False:
            default = "None"
        return InterfaceParameter(
            name=self._identifier(f"{place}/name", entry.get("name")),
            kind=ParameterKind.KEYWORD_ONLY if keyword_only else ParameterKind.EITHER,
            annotation=annotation_of(schema),
            schema=schema,
            default=default,
        )

    def _default(self, place: str, value: Any) -> str:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise self._refusal(f"{place}/default", f"{value!r} is no plain value") from None
        return repr(value)

    def _schema(self, place: str, schema: Any) -> JsonObject:
        if not isinstance(schema, Mapping):
            raise self._refusal(place, "is no JSON Schema")
        whole = {**schema, "$defs": self._definitions} if self._definitions else dict(schema)
        compiled(whole, where=f"contract {self._name!r}: {place}")
        return schema

    def _listed(self, entry: Mapping[str, Any], key: str, place: str) -> Sequence[Any]:
        found = entry.get(key, ())
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self._refusal(f"{place}/{key}", "is no list")
        return found

    def _identifier(self, place: str, text: Any) -> str:
        if not isinstance(text, str) or not _is_name(text):
            raise self._refusal(place, f"{text!r} is no name in Python")
        return text

    def _refusal(self, place: str, why: str) -> InvalidInput:
        return InvalidInput(f"contract {self._name!r}: {place}: {why}")


def annotation_of(schema: JsonObject) -> str:
    """A Python annotation for a JSON Schema; `Any` where none says it."""
    kind = schema.get("type")
    if isinstance(kind, str):
        items = schema.get("items")
        if kind == "array" and isinstance(items, Mapping):
            return f"list[{annotation_of(items)}]"
        return _TYPES.get(kind, "Any")
    if isinstance(kind, list) and kind:
        return " | ".join(annotation_of({**schema, "type": entry}) for entry in kind)
    return "Any"


def _module(contract: Contract) -> str:
    """Where the built module lies: the first Python file that is promised."""
    for deliverable in contract.deliverables:
        for path in deliverable.paths:
            pure = PurePosixPath(path)
            if pure.suffix == ".py" and not re.search(r"[*?\[]", path):
                parts = pure.with_suffix("").parts
                return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def _is_name(text: str) -> bool:
    plain = text.isidentifier() and text.isascii() and len(text) <= 100
    return plain and not keyword.iskeyword(text) and not text.startswith("__")


def _is_example(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("arguments"), Mapping)
