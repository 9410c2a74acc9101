"""What a look at a built module and calls of it say about its interface contract."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.mocks.interfaces.annotations import normal_annotation
from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    ParameterKind,
)
from maestro.contracts.openapi.bundling import compiled
from maestro.contracts.verification.python_calls import PlannedCall
from maestro.domain.contract import Finding, Severity
from maestro.domain.syntax import parse_expression
from maestro.domain.values import JsonValue

SHOWN = 300

RULES: Mapping[str, tuple[str, frozenset[str]]] = {
    "interface_module": (
        "The module can be imported and its classes can be made.",
        frozenset({"interface_module", "interface_missing", "interface_construct"}),
    ),
    "interface_signatures": (
        "Every method has the parameters and types that the contract names.",
        frozenset({"interface_signature"}),
    ),
    "interface_calls": (
        "Every method answers sampled arguments with what the contract promises.",
        frozenset(
            {"interface_error", "interface_return", "interface_too_long", "interface_example"}
            | {"interface_types", "interface_ends", "interface_not_built"}
        ),
    ),
    "interface_refusals": (
        "Arguments that the contract has not are refused.",
        frozenset({"interface_refusals"}),
    ),
    "consumer_replay": (
        "Every call that consumers made on the stub is answered alike.",
        frozenset({"consumer_replay"}),
    ),
}

_KINDS = {
    "POSITIONAL_ONLY": ParameterKind.POSITIONAL_ONLY,
    "POSITIONAL_OR_KEYWORD": ParameterKind.EITHER,
    "KEYWORD_ONLY": ParameterKind.KEYWORD_ONLY,
    "VAR_POSITIONAL": ParameterKind.REST,
    "VAR_KEYWORD": ParameterKind.KEYWORD_REST,
}


@dataclass(slots=True, kw_only=True)
class Told:
    """What the program in the sandbox said."""

    ended: bool
    timed_out: bool
    log: str
    imported: bool = False
    is_mock: bool = False
    import_error: Mapping[str, Any] | None = None
    owners: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    methods: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    calls: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    begun: int = -1

    def hear(self, line: Mapping[str, Any]) -> None:
        """One line of what the program said; a line of anybody else is passed over."""
        if isinstance(line.get("call"), int):
            self.calls[line["call"]] = line
        elif isinstance(line.get("begin"), int):
            self.begun = line["begin"]
        elif "method" in line:
            self.methods[(str(line.get("owner")), str(line["method"]))] = line
        elif "owner" in line:
            self.owners[str(line["owner"])] = line
        elif isinstance(line.get("import_error"), Mapping):
            self.import_error = line["import_error"]
        elif "imported" in line:
            self.imported, self.is_mock = True, line.get("mock") is True
        self.ended = self.ended or line.get("end") is True

    @property
    def answered(self) -> list[int]:
        """Calls that returned, or raised."""
        return [n for n, told in self.calls.items() if "returns" in told or "raised" in told]


def findings_of(model: InterfaceModel, calls: Sequence[PlannedCall], told: Told) -> list[Finding]:
    """In the order of the contract; the same fault of one method is told once."""
    found = [*_module(model, told), *_signatures(model, told), *_calls(model, calls, told)]
    kept: dict[tuple[str, str, str], Finding] = {}
    for finding in found:
        kept.setdefault((finding.rule, finding.operation, finding.message), finding)
    return list(kept.values())


def _module(model: InterfaceModel, told: Told) -> Iterator[Finding]:
    again = f"python -c 'import {model.module}'"
    if told.import_error is not None or not told.imported:
        seen = _error(told.import_error) if told.import_error else f"it ends: {told.log}"
        text = "the module cannot be imported"
        yield _finding("interface_module", text, model.module, "an import", seen, again)
        return
    for owner, line in told.owners.items():
        if line.get("missing"):
            text = "the module has no class of that name, nor one with all of its methods"
            yield _finding("interface_missing", text, owner, f"class {owner}", "none", again)
        else:
            text = "the class cannot be made without arguments"
            seen = _error(line.get("construct_error", {}))
            again = f"python -c 'import {model.module}; {model.module}.{owner}()'"
            yield _finding("interface_construct", text, owner, "an object", seen, again)


def _signatures(model: InterfaceModel, told: Told) -> Iterator[Finding]:
    for method in model.methods:
        line = told.methods.get((method.owner, method.name))
        if line is None:
            continue
        again = f"python -c 'import {model.module}; help({model.module}.{method.key})'"
        if line.get("missing"):
            text = "the method is missing"
            yield _finding("interface_missing", text, method.key, "a method", "none", again)
            continue
        for text, expected, seen, mild in _differences(model, method, line):
            severity = Severity.WARNING if mild else Severity.ERROR
            yield _finding("interface_signature", text, method.key, expected, seen, again, severity)


def _differences(
    model: InterfaceModel, method: InterfaceMethod, line: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, bool]]:
    """Message, expected, seen, and whether it is no more than a warning."""
    if line.get("no_signature"):
        return
    if bool(line.get("is_property")) != method.is_property:
        wanted = "an attribute" if method.is_property else "a method"
        yield f"it is not {wanted}", wanted, "the other", False
        return
    if method.is_property:
        return
    if bool(line.get("is_async")) != method.is_async:
        wanted = "async def" if method.is_async else "def"
        yield f"it is not written with {wanted}", wanted, "the other", False
    yield from _parameters(model, method, line)
    yield from _types("what it returns", method.annotation, str(line.get("returns", "")))


def _parameters(
    model: InterfaceModel, method: InterfaceMethod, line: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, bool]]:
    seen = {str(entry["name"]): entry for entry in line.get("parameters", ())}
    order = [name for name in seen if name in {p.name for p in method.parameters}]
    positional = [p.name for p in method.parameters if p.kind is not ParameterKind.KEYWORD_ONLY]
    for parameter in method.parameters:
        yield from _parameter(model, parameter, seen.get(parameter.name))
    if [name for name in order if name in positional] != [n for n in positional if n in seen]:
        yield "the parameters come in another order", ", ".join(positional), ", ".join(order), False
    for name in seen.keys() - {p.name for p in method.parameters}:
        rest = seen[name]["kind"] in ("VAR_POSITIONAL", "VAR_KEYWORD")
        if seen[name]["default"] is None and not rest:
            yield f"parameter {name} is not in the contract", "no such parameter", name, False


def _parameter(
    model: InterfaceModel, parameter: InterfaceParameter, seen: Mapping[str, Any] | None
) -> Iterator[tuple[str, str, str, bool]]:
    name = parameter.name
    if seen is None:
        yield f"parameter {name} is missing", name, "none", False
        return
    kind = _KINDS.get(str(seen["kind"]), ParameterKind.EITHER)
    wider = kind is ParameterKind.EITHER and parameter.kind in (
        ParameterKind.KEYWORD_ONLY,
        ParameterKind.POSITIONAL_ONLY,
    )
    if kind is not parameter.kind and not wider:
        yield f"parameter {name} is given otherwise", parameter.kind, kind, False
    has_default = seen["default"] is not None
    if parameter.default is not None and not has_default:
        yield f"parameter {name} has no default", parameter.default, "no default", False
    elif parameter.default is not None and seen["default"]["value"] != _default(model, parameter):
        shown = repr(seen["default"]["value"])
        yield f"parameter {name} has another default", parameter.default, shown, False
    yield from _types(f"parameter {name}", parameter.annotation, str(seen["annotation"]))


def _default(model: InterfaceModel, parameter: InterfaceParameter) -> JsonValue:
    """The contract's default as JSON."""
    text = parameter.default or "None"
    owner, _, member = text.rpartition(".")
    kind = next((entry for entry in model.types if entry.name == owner.rpartition(".")[2]), None)
    if kind is not None and member in kind.members:
        return kind.members[member]
    return _as_json(ast.literal_eval(parse_expression(text)))


def _as_json(value: Any) -> JsonValue:
    if isinstance(value, dict):
        return {str(key): _as_json(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_as_json(entry) for entry in value), key=repr)
    return [_as_json(entry) for entry in value] if isinstance(value, list | tuple) else value


def _types(what: str, wanted: str, seen: str) -> Iterator[tuple[str, str, str, bool]]:
    if not wanted or normal_annotation(wanted) == normal_annotation(seen):
        return
    if not seen:
        yield f"{what} has no annotation", wanted, "none", True
    else:
        yield f"{what} has another type", wanted, seen, False


def _calls(model: InterfaceModel, calls: Sequence[PlannedCall], told: Told) -> Iterator[Finding]:
    checks = {m.key: compiled(model.whole(m.returns)) for m in model.methods}
    for number, line in told.calls.items():
        call = calls[number]
        for rule, text, expected, seen in _outcome(call, line, checks[call.method.key]):
            name = "consumer_replay" if call.replayed else rule
            again = call.shown(model.module)
            yield _finding(name, text, call.method.key, expected, seen, again)
    if told.imported and not told.ended:
        call_now = calls[told.begun] if 0 <= told.begun < len(calls) else None
        place = call_now.method.key if call_now else model.module
        text = "the call does not end" if told.timed_out else "the call ends the whole process"
        again = call_now.shown(model.module) if call_now else ""
        yield _finding("interface_ends", text, place, "a result", told.log or "nothing", again)


def _outcome(
    call: PlannedCall, line: Mapping[str, Any], check: Any
) -> Iterator[tuple[str, str, str, str]]:
    """Rule, message, expected and seen of everything that is wrong with one call."""
    documented = ", ".join(call.method.raises)
    if "types_error" in line:
        text = "the module lacks a type of the contract, or it is made otherwise"
        yield "interface_types", text, "the contract's types", _error(line["types_error"])
    elif "too_long" in line:
        yield "interface_too_long", "the call does not end in time", "a result", "none"
    elif call.refused:
        yield from _taken(line)
    elif "raised" in line:
        yield from _raised(call, line, documented)
    elif call.replayed and call.expects_error:
        return  # a stub raises when it is asked to; the real thing need not
    else:
        yield from _returned(call, line, check)


def _taken(line: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    if "TypeError" not in line.get("raised", ()):
        text = "it takes an argument that the contract has not"
        yield "interface_refusals", text, "TypeError", str(line.get("returns") or _error(line))


def _raised(
    call: PlannedCall, line: Mapping[str, Any], documented: str
) -> Iterator[tuple[str, str, str, str]]:
    names = line["raised"]
    if any(name in call.method.raises for name in names):
        if call.example:
            yield "interface_example", "an example raises", str(call.wanted), _error(line)
        return
    if "NotImplementedError" in names:
        yield "interface_not_built", "the method is not built", "a result", _error(line)
        return
    expected = f"a result, or one of {documented}" if documented else "a result"
    text = f"it raises {names[0]}, which the contract does not name"
    yield "interface_error", text, expected, _error(line)


def _returned(
    call: PlannedCall, line: Mapping[str, Any], check: Any
) -> Iterator[tuple[str, str, str, str]]:
    value = line.get("returns")
    faults = [str(fault) for fault in line.get("faults", ())]
    expected = call.method.annotation or str(dict(call.method.returns))
    if faults:
        yield "interface_return", f"what it returns does not fit: {faults[0]}", expected, str(value)
    elif not check.is_valid(value):
        yield "interface_return", "what it returns does not fit its schema", expected, str(value)
    if call.example and value != call.wanted:
        yield "interface_example", "an example returns otherwise", str(call.wanted), str(value)


def _error(line: Mapping[str, Any]) -> str:
    return f"{line.get('error', 'error')}: {line.get('text', '')}"


def _finding(
    rule: str,
    message: str,
    operation: str,
    expected: str,
    seen: str,
    reproduce: str,
    severity: Severity = Severity.ERROR,
) -> Finding:
    return Finding(
        rule=rule,
        message=" ".join(message.split())[:SHOWN],
        operation=operation,
        expected=expected[:SHOWN],
        seen=" ".join(seen.split())[:SHOWN],
        reproduce=reproduce,
        severity=severity,
    )
