"""What is wrong with a document: the official meta-schemas first, then what they cannot say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.reviewing import Review
from maestro.contracts.openapi.rules import SEMANTIC_RULES
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    pointer: str
    rule: str
    """Stable slug, e.g. `path-parameter-declared`."""
    message: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message} ({self.rule})"


MAX_FINDINGS = 100
"""A document with more has one fault repeated; the rest would help nobody."""


def lint(document: OpenApiDocument) -> tuple[LintFinding, ...]:
    """All findings, errors first. Never raises for what a document contains."""
    found = [*_structure(document), *_semantics(document)]
    seen: dict[tuple[str, str], LintFinding] = {}
    for finding in found:  # the same fault by two rules is said once
        seen.setdefault((finding.pointer, finding.message), finding)
    unique = list(seen.values())
    unique.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    return tuple(unique[:MAX_FINDINGS])


def errors_of(document: OpenApiDocument) -> tuple[LintFinding, ...]:
    """Findings that make the document unusable as a contract."""
    return tuple(f for f in lint(document) if f.severity is Severity.ERROR)


def _structure(document: OpenApiDocument) -> Iterator[LintFinding]:
    validator = _meta_schema(document.version)
    for error in validator.iter_errors(_with_version(document)):
        for place, message in _deepest(error):
            yield LintFinding(
                pointer=place,
                rule=f"openapi-{document.version}-structure",
                message=message,
                severity=Severity.ERROR,
            )


def _with_version(document: OpenApiDocument) -> dict[str, Any]:
    """An unquoted version is a number to YAML; that is noted, and no fault of the structure."""
    source = dict(document.source)
    for key in ("swagger", "openapi"):
        if isinstance(source.get(key), int | float) and document.version == "2.0":
            source[key] = document.version
    return source


def _deepest(error: Any) -> Iterator[tuple[str, str]]:
    """The branch of a choice that came nearest says more than `matches none of them`."""
    branches = getattr(error.kind, "context", None) or []
    nested = [list(branch) for branch in branches if branch]
    nested = [branch for branch in nested if not _wants_reference(branch)] or nested
    if not nested:
        yield join("", *error.instance_path), _brief(error.message)
        return
    deepest = max(nested, key=lambda branch: max(len(e.instance_path) for e in branch))
    if len(nested) == 1 or max(len(e.instance_path) for e in deepest) > len(error.instance_path):
        for inner in deepest:
            yield from _deepest(inner)
    else:
        missing = [_missing(branch) for branch in nested]
        message = f"one of {', '.join(missing)} is required" if all(missing) else error.message
        yield join("", *error.instance_path), _brief(message)


def _missing(branch: list[Any]) -> str:
    """The property that alone is missing for this branch to hold, quoted."""
    kinds = [error.kind for error in branch]
    if len(kinds) == 1 and isinstance(kinds[0], jsonschema_rs.ValidationErrorKind.Required):
        return f'"{kinds[0].property}"'
    return ""


def _wants_reference(branch: list[Any]) -> bool:
    """The branch `this could have been a $ref` helps nobody."""
    return any('"$ref" is a required property' in error.message for error in branch)


def _semantics(document: OpenApiDocument) -> Iterator[LintFinding]:
    review = Review(document)
    for rule in SEMANTIC_RULES:
        try:
            for pointer, message in rule.check(review):
                yield LintFinding(
                    pointer=pointer, rule=rule.name, message=message, severity=rule.severity
                )
        except InvalidInput as error:  # a shape the rule could not get past
            pointer, _, message = str(error).partition(": ")
            yield LintFinding(
                pointer=pointer,
                rule="readable",
                message=message or str(error),
                severity=Severity.ERROR,
            )


def _brief(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"


@cache
def _meta_schema(version: str) -> Any:
    text = files("maestro.contracts.openapi").joinpath(f"metaschemas/{version}.json").read_text()
    schema: Mapping[str, Any] = json.loads(text)
    modern = version not in ("2.0", "3.0")
    kind = jsonschema_rs.Draft202012Validator if modern else jsonschema_rs.Draft4Validator
    # what a pattern may look like is for the rules of schemas to say
    return kind(
        dict(schema),
        validate_formats=True,
        offline=True,
        formats={"regex": lambda _: True, "uri-reference": _is_address},
    )


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.is_valid(text))


_ADDRESS = jsonschema_rs.Draft202012Validator({"format": "uri-reference"}, validate_formats=True)
