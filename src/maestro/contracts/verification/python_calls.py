"""Calls of a Python module: sampled from its contract, or made by consumers of its stub."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    ParameterKind,
)
from maestro.contracts.samples import Sampler
from maestro.domain.values import JsonValue
from maestro.ports import RecordedCall

VARIANTS = 3
STRANGER = "maestro_stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    method: InterfaceMethod
    positional: tuple[tuple[InterfaceParameter, JsonValue], ...] = ()
    named: Mapping[str, JsonValue]
    """Values by parameter, as JSON."""
    replayed: bool = False
    expects_error: bool = False
    """The consumer's call ended in a documented error."""
    refused: bool = False
    """It has an argument that the contract has not, so TypeError is the right answer."""
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
    """Every method several times: by position, by keyword, with required parameters alone, and with
    an argument that it has not.

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
    if ParameterKind.KEYWORD_REST not in {p.kind for p in method.parameters}:
        made = _call(method, {**required}, by_position=False)
        calls.append(replace(made, named={**made.named, STRANGER: 1}, refused=True))
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
