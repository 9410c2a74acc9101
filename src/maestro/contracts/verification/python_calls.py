"""Calls of a Python module: sampled from its contract, or made by consumers of its stub."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    ParameterKind,
)
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

VARIANTS = 3
MAX_CALLS_BYTES = 32_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    method: InterfaceMethod
    positional: tuple[tuple[InterfaceParameter, JsonValue], ...] = ()
    named: Mapping[str, JsonValue]
    """Values by parameter, as JSON."""
    replayed: bool = False
    expects_error: bool = False
    """The consumer's call ended in a documented error."""
    example: bool = False
    wanted: JsonValue = None
    """What an example of the contract returns."""

    def job(self) -> dict[str, Any]:
        return {
            "owner": self.method.owner,
            "method": self.method.name,
            "property": self.method.is_property,
            "positional": [[parameter.schema, value] for parameter, value in self.positional],
            "named": dict(self.named),
            "schemas": {p.name: p.schema for p in self.method.parameters},
            "returns": self.method.returns,
        }

    def shown(self, module: str) -> str:
        """A line that makes the call again, values as JSON."""
        given = [json.dumps(value, ensure_ascii=False) for _, value in self.positional]
        given += [f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in self.named.items()]
        owner = f"{module}.{self.method.owner}()" if self.method.owner else module
        arguments = "" if self.method.is_property else f"({', '.join(given)})"
        return f"python -c 'import {module}; print({owner}.{self.method.name}{arguments})'"


def planned_calls(
    model: InterfaceModel, replay: Sequence[RecordedCall] = (), *, seed: int = 0
) -> list[PlannedCall]:
    """Every method several times: by position, by keyword, with required parameters alone.

    Raises:
        InvalidInput: no value fits a parameter.
    """
    calls: list[PlannedCall] = []
    for method in model.methods:
        calls += _sampled(model, method, seed)
        for example in method.examples:
            calls.append(
                PlannedCall(
                    method=method,
                    named=dict(example["arguments"]),
                    example="returns" in example,
                    wanted=example.get("returns"),
                )
            )
    known = {method.key: method for method in model.methods}
    for recorded in replay:
        if recorded.path in known and recorded.protocol == "python" and recorded.valid:
            calls.append(_replayed(known[recorded.path], recorded))
    return calls


def read_calls(path: Path, *, contract: str, consumer: str = "") -> list[RecordedCall]:
    """What a stub wrote down. Blocks.

    Raises:
        InvalidInput: too large, or a line is none of a stub's.
    """
    if path.stat().st_size > MAX_CALLS_BYTES:
        raise InvalidInput(f"{str(path)!r} holds more than {MAX_CALLS_BYTES} bytes of calls")
    calls = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["at"])
            operation, arguments = str(told["operation"]), told["arguments"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidInput(f"{str(path)!r}, line {number}: is no call of a stub") from None
        calls.append(
            RecordedCall(
                at=at if at.tzinfo else at.replace(tzinfo=UTC),
                method="call",
                path=operation,
                operation=operation,
                status=1 if told.get("error") else 0,
                valid=told.get("valid") is True,
                problem=str(told.get("problem") or told.get("error") or ""),
                request_body=arguments,
                reply_body=told.get("returns"),
                contract=contract,
                consumer=consumer,
                protocol="python",
            )
        )
    return calls


def _sampled(model: InterfaceModel, method: InterfaceMethod, seed: int) -> list[PlannedCall]:
    if method.is_property or not method.parameters:
        return [PlannedCall(method=method, named={})]
    samplers = {
        p.name: Sampler(model.whole(p.schema), name=p.name, seed=seed) for p in method.parameters
    }
    calls = []
    for variant in range(VARIANTS):
        values = {name: sampler.sample(variant=variant) for name, sampler in samplers.items()}
        calls.append(_call(method, values, by_position=variant == 0))
    required = {p.name: samplers[p.name].sample() for p in method.parameters if p.required}
    if len(required) < len(method.parameters):
        calls.append(_call(method, required, by_position=False))
    return calls


def _call(
    method: InterfaceMethod, values: Mapping[str, JsonValue], *, by_position: bool
) -> PlannedCall:
    positional: list[tuple[InterfaceParameter, JsonValue]] = []
    named: dict[str, JsonValue] = {}
    for parameter in method.parameters:
        if parameter.name not in values or parameter.kind is ParameterKind.KEYWORD_REST:
            continue
        only = parameter.kind is ParameterKind.POSITIONAL_ONLY
        either = parameter.kind in (ParameterKind.EITHER, ParameterKind.REST)
        if only or (by_position and either):
            positional.append((parameter, values[parameter.name]))
        elif parameter.kind is not ParameterKind.REST:
            named[parameter.name] = values[parameter.name]
    return PlannedCall(method=method, positional=tuple(positional), named=named)


def _replayed(method: InterfaceMethod, recorded: RecordedCall) -> PlannedCall:
    given = recorded.request_body if isinstance(recorded.request_body, Mapping) else {}
    values: dict[str, JsonValue] = {}
    positional: list[tuple[InterfaceParameter, JsonValue]] = []
    for parameter in method.parameters:
        value = given.get(parameter.name)
        if parameter.name not in given:
            continue
        if parameter.kind is ParameterKind.POSITIONAL_ONLY:
            positional.append((parameter, value))
        elif parameter.kind is ParameterKind.KEYWORD_REST:
            values.update(value if isinstance(value, Mapping) else {})
        elif parameter.kind is not ParameterKind.REST:
            values[parameter.name] = value
    return PlannedCall(
        method=method,
        positional=tuple(positional),
        named=values,
        replayed=True,
        expects_error=recorded.status != 0,
    )
