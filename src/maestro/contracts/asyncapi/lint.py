"""What is wrong with a document: the official meta-schemas first, then what they cannot say."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from maestro.contracts.asyncapi.document import AsyncApiDocument
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.rules import SEMANTIC_RULES
from maestro.contracts.openapi.lint import MAX_FINDINGS, LintFinding
from maestro.contracts.openapi.pointers import join
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput


def lint(document: AsyncApiDocument) -> tuple[LintFinding, ...]:
    """All findings, errors first. Never raises for what a document contains."""
    found = list(dict.fromkeys([*_structure(document), *_semantics(document)]))
    found.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    return tuple(found[:MAX_FINDINGS])


def errors_of(document: AsyncApiDocument) -> tuple[LintFinding, ...]:
    """Findings that make the document unusable as a contract."""
    return tuple(f for f in lint(document) if f.severity is Severity.ERROR)


def _structure(document: AsyncApiDocument) -> Iterator[LintFinding]:
    for error in _meta_schema(document.version).iter_errors(dict(document.root)):
        for place, message in _deepest(error):
            yield LintFinding(
                pointer=place,
                rule=f"asyncapi-{document.version}-structure",
                message=message,
                severity=Severity.ERROR,
            )


def _deepest(error: Any) -> Iterator[tuple[str, str]]:
    """The branch of a choice that came furthest says more than `matches none of them`."""
    branches = [list(branch) for branch in getattr(error.kind, "context", None) or () if branch]
    real = [b for b in branches if not any('"$ref" is a required' in e.message for e in b)]
    depth = len(error.instance_path)
    best = max(real or branches, key=_reach, default=[])
    if best and (len(real) == 1 or _reach(best) > depth):
        for inner in best:
            yield from _deepest(inner)
        return
    message = error.message
    brief = message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"
    yield join("", *error.instance_path), brief


def _reach(branch: list[Any]) -> int:
    return max(len(error.instance_path) for error in branch)


def _semantics(document: AsyncApiDocument) -> Iterator[LintFinding]:
    try:
        model = events_of(document)
    except InvalidInput as error:  # a shape or reference that leaves open what is meant
        pointer, _, message = str(error).partition(": ")
        yield LintFinding(
            pointer=pointer,
            rule="readable",
            message=message or str(error),
            severity=Severity.ERROR,
        )
        return
    for rule in SEMANTIC_RULES:
        for pointer, message in rule.check(document, model):
            yield LintFinding(
                pointer=pointer, rule=rule.name, message=message, severity=rule.severity
            )


@cache
def _meta_schema(version: str) -> Any:
    text = files("maestro.contracts.asyncapi").joinpath(f"metaschemas/{version}.json").read_text()
    return jsonschema_rs.Draft7Validator(json.loads(text), validate_formats=False, offline=True)
