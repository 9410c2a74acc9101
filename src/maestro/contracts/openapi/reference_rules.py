"""Rules over references: that they lead somewhere, to the right kind, and that all is used."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.bundling import dangling
from maestro.contracts.openapi.grammar import GRAMMAR
from maestro.contracts.openapi.pointers import follow, join
from maestro.contracts.openapi.reviewing import LintRule, Problem, Review, listed, mapping
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

_SECTIONS = {section: kind for section, (_, kind) in GRAMMAR["components"].items()}


def _references(review: Review) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for pointer, kind, value in review.places:
        if isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
            yield pointer, kind, value


def _resolving(review: Review) -> Iterator[Problem]:
    for pointer, kind, value in _references(review):
        if kind != "schema":
            try:
                follow(review.document.root, value, where=pointer)
            except InvalidInput as error:
                yield pointer, str(error).partition(": ")[2]
    for pointer, schema in review.roots:
        yield from dangling(review.document, schema, pointer)


def _right_kind(review: Review) -> Iterator[Problem]:
    for pointer, kind, value in _references(review):
        target = value["$ref"].split("/")
        if len(target) == 4 and target[:2] == ["#", "components"]:
            found = _SECTIONS.get(target[2])
            if found and found != kind:
                yield pointer, f"a {kind} is needed here, $ref {value['$ref']!r} leads to a {found}"


def _unused(review: Review) -> Iterator[Problem]:
    used = {"/".join(value["$ref"].split("/")[:4]) for _, _, value in _references(review)}
    for _, schema in review.schemas():
        targets = mapping(mapping(schema.get("discriminator")).get("mapping")).values()
        for target in targets:
            used |= {str(target), f"#/components/schemas/{target}"}
    names = {name for requirement in _requirements(review) for name in requirement[1]}
    used |= {f"#/components/securitySchemes/{name}" for name in names}
    for section, entries in mapping(review.document.root.get("components")).items():
        for name in mapping(entries):
            if section in _SECTIONS and join(f"#/components/{section}", name) not in used:
                yield join("/components", section, name), "is used nowhere"


def _requirements(review: Review) -> Iterator[tuple[str, Mapping[str, Any]]]:
    owners = [("", review.document.root), *review.of_kind("operation")]
    for pointer, owner in owners:
        for position, requirement in enumerate(listed(owner.get("security"))):
            yield join(pointer, "security", position), mapping(requirement)


def _security(review: Review) -> Iterator[Problem]:
    known = mapping(mapping(review.document.root.get("components")).get("securitySchemes"))
    for pointer, requirement in _requirements(review):
        for name in requirement:
            if name not in known and not _is_address(review, name):
                yield join(pointer, name), f"no security scheme {name!r} is described"


def _is_address(review: Review, name: str) -> bool:
    return review.document.version == "3.2" and ("/" in name or "#" in name)


def _scopes(review: Review) -> Iterator[Problem]:
    known = mapping(mapping(review.document.root.get("components")).get("securitySchemes"))
    for pointer, requirement in _requirements(review):
        for name, wanted in requirement.items():
            scheme = mapping(known.get(name))
            if scheme.get("type") == "oauth2":
                flows = mapping(scheme.get("flows")).values()
                offered = {s for flow in flows for s in mapping(mapping(flow).get("scopes"))}
                for scope in listed(wanted):
                    if scope not in offered:
                        yield join(pointer, name), f"the scheme does not offer the scope {scope!r}"


def _links(review: Review) -> Iterator[Problem]:
    ids = {raw.get("operationId") for _, raw in review.of_kind("operation")}
    for pointer, link in review.of_kind("link"):
        wanted = link.get("operationId")
        if isinstance(wanted, str) and wanted not in ids:
            yield join(pointer, "operationId"), f"no operation {wanted!r} is described"


def _mappings(review: Review) -> Iterator[Problem]:
    schemas = mapping(mapping(review.document.root.get("components")).get("schemas"))
    for pointer, schema in review.schemas():
        mapped = mapping(mapping(schema.get("discriminator")).get("mapping"))
        for name, target in mapped.items():
            wanted = str(target).removeprefix("#/components/schemas/")
            if wanted != target and wanted not in schemas:
                place = join(pointer, "discriminator", "mapping", name)
                yield place, f"{target!r} leads nowhere"


def _names(review: Review) -> Iterator[Problem]:
    if review.document.version == "2.0":
        return
    for section, entries in mapping(review.document.root.get("components")).items():
        for name in mapping(entries):
            if section in _SECTIONS and not re.fullmatch(r"[A-Za-z0-9._-]+", name):
                place = join("/components", section, name)
                yield place, f"{name!r} is no name: letters, digits, `.`, `-` and `_` only"


REFERENCE_RULES = (
    LintRule(name="reference-resolves", severity=Severity.ERROR, check=_resolving),
    LintRule(name="reference-kind", severity=Severity.ERROR, check=_right_kind),
    LintRule(name="security-described", severity=Severity.ERROR, check=_security),
    LintRule(name="link-operation", severity=Severity.ERROR, check=_links),
    LintRule(name="discriminator-mapping", severity=Severity.ERROR, check=_mappings),
    LintRule(name="component-name", severity=Severity.ERROR, check=_names),
    LintRule(name="scope-offered", severity=Severity.WARNING, check=_scopes),
    LintRule(name="component-used", severity=Severity.WARNING, check=_unused),
)
