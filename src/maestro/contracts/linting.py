"""What is wrong or doubtful in a contract's specification, whatever its kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

import jsonschema_rs

from maestro.domain.contract import Contract, Severity, SpecificationFormat
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One place where a specification is not what it should be."""

    place: str
    """JSON pointer, or line and column; empty where none can be named."""
    rule: str
    """Stable slug."""
    message: str
    severity: Severity

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.message} ({self.rule})"


def problems_of(contract: Contract) -> tuple[Problem, ...]:
    """Errors first. What cannot be read at all is one error, never an exception."""
    try:
        found = tuple(_LINTS[contract.format](contract))
    except InvalidInput as error:
        found = (Problem(place="", rule="unreadable", message=str(error), severity=Severity.ERROR),)
    return tuple(sorted(found, key=lambda problem: problem.severity is not Severity.ERROR))


def errors_in(contract: Contract) -> tuple[Problem, ...]:
    """Those that keep a contract from being agreed."""
    return tuple(p for p in problems_of(contract) if p.severity is Severity.ERROR)


def _openapi(contract: Contract) -> Iterable[Problem]:
    from maestro.contracts.openapi.document import from_object  # noqa: PLC0415 - only for its kind
    from maestro.contracts.openapi.lint import lint  # noqa: PLC0415 - only for its kind

    document = from_object(contract.specification, name=contract.id)
    for finding in lint(document):
        yield Problem(
            place=finding.pointer,
            rule=finding.rule,
            message=finding.message,
            severity=finding.severity,
        )


def _asyncapi(contract: Contract) -> Iterable[Problem]:
    from maestro.contracts.asyncapi.document import from_object  # noqa: PLC0415 - only for its kind
    from maestro.contracts.asyncapi.lint import lint  # noqa: PLC0415 - only for its kind

    for finding in lint(from_object(contract.specification, name=contract.id)):
        yield Problem(
            place=finding.pointer,
            rule=finding.rule,
            message=finding.message,
            severity=finding.severity,
        )


def _graphql(contract: Contract) -> Iterable[Problem]:
    from maestro.contracts.sdl.lint import lint_sdl  # noqa: PLC0415 - only for its kind
    from maestro.contracts.sdl.reading import sdl_of  # noqa: PLC0415 - only for its kind

    for problem in lint_sdl(sdl_of(contract)):
        place = f"line {problem.line}, column {problem.column}" if problem.line else ""
        yield Problem(
            place=place, rule=problem.rule, message=problem.message, severity=problem.severity
        )


def _json_schema(contract: Contract) -> Iterable[Problem]:
    try:
        jsonschema_rs.meta.validate(dict(contract.specification))
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{part}" for part in error.instance_path)
        yield Problem(
            place=place, rule="json-schema", message=error.message, severity=Severity.ERROR
        )


def _readable(module: str, function: str) -> Callable[[Contract], Iterable[Problem]]:
    """A kind whose reader refuses what is wrong, with its place in the message."""

    def read(contract: Contract) -> Iterable[Problem]:
        getattr(import_module(f"maestro.contracts.{module}"), function)(contract)
        return ()

    return read


_LINTS: dict[SpecificationFormat, Callable[[Contract], Iterable[Problem]]] = {
    SpecificationFormat.OPENAPI: _openapi,
    SpecificationFormat.ASYNCAPI: _asyncapi,
    SpecificationFormat.GRAPHQL: _graphql,
    SpecificationFormat.JSON_SCHEMA: _json_schema,
    SpecificationFormat.PROTOBUF: _readable("protobuf.model", "read_protobuf"),
    SpecificationFormat.INTERFACE: _readable("mocks.interfaces.reading", "read_interface"),
}
