"""An importable stand-in for a module nobody has built yet."""

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    InterfaceType,
    ParameterKind,
    TypeKind,
)
from maestro.contracts.mocks.interfaces.reading import read_interface
from maestro.contracts.samples import Sampler
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue

MARKER = "MAESTRO_MOCK"
"""Name by which a stub says that it is one; the verification refuses such a module."""
CALLS_VARIABLE = "STUB_CALLS"
"""Environment variable with the path of the file that calls are written to."""
VARIANTS = 3

_HEADER = '''"""Stand-in for the module {module}, made from its contract.

Every method answers with sampled values that keep to the contract, refuses arguments that do not
with TypeError, and writes each call as a JSON line to the file that the environment variable
{variable} names. `PREFER["{example}"] = "SomeError"` lets it raise a documented error.
"""

from __future__ import annotations

import base64
import builtins
import collections
import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import math
import os
import pathlib
import re
import uuid
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, TypedDict, Union
from uuid import UUID

{marker} = {label!r}
PREFER = {{}}
'''

_ANSWER = '''

_CONTRACT = json.loads({table!r})


def _note(line):
    target = os.environ.get("{variable}")
    if target:
        line["at"] = datetime.datetime.now(datetime.timezone.utc).isoformat()
        line["contract"] = {name!r}
        line["version"] = {version!r}
        with open(target, "ab", buffering=0) as file:
            file.write((json.dumps(line, ensure_ascii=False) + "\\n").encode())


def _answer(key, arguments):
    known = _CONTRACT["methods"][key]
    definitions = _CONTRACT["definitions"]
    line = {{"operation": key, "arguments": _plain(arguments), "valid": True}}
    for name, value in arguments.items():
        if name in known["defaults"] and value == known["defaults"][name]:
            continue
        found = _faults(known["parameters"].get(name, {{}}), value, definitions, name)
        if found:
            _note({{**line, "valid": False, "error": "TypeError", "problem": found[0]}})
            raise TypeError(f"{{key}}: {{found[0]}}")
    preferred = PREFER.get(key)
    if preferred:
        _note({{**line, "error": preferred}})
        raise (globals().get(preferred) or getattr(builtins, preferred))("as asked by PREFER")
    made = _sampled(known, arguments, definitions)
    _note({{**line, "returns": _plain(made)}})
    return made


def _sampled(known, arguments, definitions):
    """The contract's sample, with what was asked in it where it fits."""
    number = known["calls"] = known.get("calls", -1) + 1
    samples = known["returns"]
    plain = samples[number % len(samples)] if _CONTRACT["dynamic"] else samples[0]
    schema = known["schema"]
    if isinstance(plain, dict):
        echoed = {{**plain, **{{k: _plain(v) for k, v in arguments.items() if k in plain}}}}
        try:
            made = _build(schema, echoed, definitions, globals())
            if not _faults(schema, made, definitions):
                return made
        except (KeyError, TypeError, ValueError, ArithmeticError):
            pass
    return _build(schema, plain, definitions, globals())
'''


def stub_module(contract: Contract, *, seed: int = 0, dynamic: bool = False) -> str:
    """Source of a module that needs nothing but Python itself. Blocks for as long as sampling does.

    Raises:
        InvalidInput: the contract cannot be read, or no value fits what a method returns.
    """
    model = read_interface(contract)
    header = _HEADER.format(
        module=model.module,
        variable=CALLS_VARIABLE,
        example=model.methods[0].key,
        marker=MARKER,
        label=f"{contract.id} {contract.version}",
    )
    table = json.dumps(_table(model, seed, dynamic=dynamic), ensure_ascii=False)
    answer = _ANSWER.format(
        table=table, variable=CALLS_VARIABLE, name=str(contract.id), version=contract.version
    )
    types = "".join(_type(entry) for entry in model.types)
    owners = "".join(_owner(model, owner) for owner in model.owners)
    return f"{header}{types}\n\n{runtime_source()}{answer}{owners}"


def runtime_source() -> str:
    """Source of what stubs and verification share, without its docstring and imports."""
    text = files("maestro.contracts.mocks.interfaces").joinpath("runtime.py").read_text("utf-8")
    return text[text.index("_DEPTH = ") :]


def _table(model: InterfaceModel, seed: int, *, dynamic: bool) -> dict[str, JsonValue]:
    return {
        "definitions": dict(model.definitions),
        "dynamic": dynamic,
        "methods": {method.key: _method(model, method, seed) for method in model.methods},
    }


def _method(model: InterfaceModel, method: InterfaceMethod, seed: int) -> dict[str, JsonValue]:
    examples = [e["returns"] for e in method.examples if "returns" in e]
    sampler = Sampler(model.whole(method.returns), name=method.name, seed=seed)
    return {
        "parameters": {p.name: _parameter_schema(p) for p in method.parameters},
        "defaults": {p.name: None for p in method.parameters if p.default == "None"},
        "schema": method.returns,
        "returns": examples or [sampler.sample(variant=variant) for variant in range(VARIANTS)],
    }


def _parameter_schema(parameter: InterfaceParameter) -> Any:
    """Of the value as it arrives: the rest of the arguments comes as one tuple."""
    if parameter.kind is ParameterKind.REST:
        return {"type": "array", "items": parameter.schema}
    if parameter.kind is ParameterKind.KEYWORD_REST:
        return {"type": "object", "additionalProperties": parameter.schema}
    return parameter.schema


def _type(entry: InterfaceType) -> str:
    lines: list[str] = []
    if entry.kind is TypeKind.DATACLASS:
        lines = [f"@dataclass(frozen={entry.frozen})", f"class {entry.name}:"]
    elif entry.kind in (TypeKind.TYPED_DICT, TypeKind.NAMED_TUPLE):
        base = "TypedDict" if entry.kind is TypeKind.TYPED_DICT else "NamedTuple"
        lines = [f"class {entry.name}({base}):"]
    else:
        lines = [f"class {entry.name}({entry.base or 'Exception'}):"]
    for field in entry.fields:
        given = f" = {_default(field.default)}" if field.default is not None else ""
        lines.append(f"    {field.name}: {field.annotation}{given}")
    lines += [f"    {name} = {value!r}" for name, value in entry.members.items()]
    if not entry.fields and not entry.members:
        lines.append("    pass")
    return "\n\n" + "\n".join(lines) + "\n"


def _default(text: str) -> str:
    """Data classes take no list, set or dict as a default, so these are made anew."""
    return f"dataclasses.field(default_factory=lambda: {text})" if text[0] in "[{" else text


def _owner(model: InterfaceModel, owner: str) -> str:
    methods = [method for method in model.methods if method.owner == owner]
    indent = "    " if owner else ""
    lines = [f"\n\nclass {owner}:"] if owner else [""]
    for method in methods:
        lines += ["", *(indent + line if line else "" for line in _function(method))]
    return "\n".join(lines) + "\n"


def _function(method: InterfaceMethod) -> Iterator[str]:
    if method.is_property:
        yield "@property"
    start = "async def" if method.is_async else "def"
    returns = f" -> {method.annotation}" if method.annotation else ""
    yield f"{start} {method.name}({', '.join(_signature(method))}){returns}:"
    if method.summary:
        yield f"    {method.summary!r}"
    given = ", ".join(f"{p.name!r}: {p.name}" for p in method.parameters)
    yield f"    return _answer({method.key!r}, {{{given}}})"


def _signature(method: InterfaceMethod) -> Sequence[str]:
    parts = ["self"] if method.owner else []
    own: list[str] = []
    star = False
    positional = 0
    for parameter in method.parameters:
        if parameter.kind is ParameterKind.POSITIONAL_ONLY:
            positional = len(own) + 1
        if parameter.kind is ParameterKind.KEYWORD_ONLY and not star:
            own.append("*")
        star = star or parameter.kind in (ParameterKind.KEYWORD_ONLY, ParameterKind.REST)
        own.append(_written(parameter))
    if positional:
        own.insert(positional, "/")
    return [*parts, *own]


def _written(parameter: InterfaceParameter) -> str:
    marks = {ParameterKind.REST: "*", ParameterKind.KEYWORD_REST: "**"}
    annotation = f": {parameter.annotation}" if parameter.annotation else ""
    default = f" = {parameter.default}" if parameter.default is not None else ""
    return f"{marks.get(parameter.kind, '')}{parameter.name}{annotation}{default}"
