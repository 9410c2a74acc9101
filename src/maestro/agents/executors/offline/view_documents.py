"""What the documents of a build say: requirements, architecture, README, API and user guide.

Everything is derived from the requirement's parts, the domain model and the contracts.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.agents.executors.offline.api_reference import ReferenceApi, documented_api
from maestro.agents.executors.offline.prose import a_or_an, code, heading, joined, quote, words
from maestro.agents.executors.offline.view_operations import (
    FIRST_PORT,
    RunnableService,
    has_page,
    runnable_services,
)
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.entities import Entity, Field, FieldType
from maestro.domain.requirement import RequirementPart
from maestro.domain.work import Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedField:
    name: str
    label: str
    kind: str
    """For people: `text, at most 255 characters`."""
    required: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnField:
    type: str
    name: str
    key: str
    """` FK`, ` UK` or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedEntity:
    name: str
    label: str
    words: str
    a_record: str
    """With article: `a task`."""
    plural: str
    path: str
    service: str
    fields: tuple[DescribedField, ...]
    filters: tuple[str, ...]
    """Labels of the fields that narrow its list."""
    searchable: bool
    drawn: tuple[DrawnField, ...]
    """Its fields in the entity-relationship drawing."""
    needs: tuple[str, ...]
    """What has to be there before the first one, with article."""
    referrers: tuple[str, ...]
    """Plurals of what may refer to it within the same service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A line of the entity-relationship drawing."""

    source: str
    target: str
    field: str
    required: bool
    external: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEvidence:
    """What checks a part of the requirement."""

    part: str
    statements: tuple[str, ...]
    """Of criteria with an executable check."""


def requirements_view(assignment: Assignment) -> Mapping[str, object]:
    """Every part of the requirement, what was assumed, and what nobody can know yet."""
    parts = assignment.parts
    return {
        **_shared(assignment),
        "requirement": quote(assignment.requirement),
        "parts": parts,
        "uncovered": _uncovered(parts),
        "assumptions": assumptions(assignment),
        "questions": questions(assignment),
        "evidence": tuple(_evidence(part, assignment.contracts) for part in parts if part.covered),
    }


def architecture_view(assignment: Assignment) -> Mapping[str, object]:
    """Components, data, contracts and the reasons behind them."""
    return {
        **_shared(assignment),
        "relations": _relations(assignment),
        "contracts": assignment.contracts,
        "tables": any(c.kind is ContractKind.DATA_SCHEMA for c in assignment.contracts),
    }


def project_view(assignment: Assignment) -> Mapping[str, object]:
    """README, API reference and user guide of the built application."""
    services = {service.name: service for service in runnable_services(assignment)}
    apis = tuple(
        documented_api(contract, services[contract.component].url)
        for contract in assignment.contracts
        if contract.kind is ContractKind.REST
    )
    return {
        **_shared(assignment),
        "requirement": quote(assignment.requirement),
        "apis": apis,
        "operations_total": sum(len(api.operations) for api in apis),
        "uncovered": _uncovered(assignment.parts),
        "variables": _variables(tuple(services.values())),
        "plurals": tuple(words(entity.plural) for entity in assignment.domain.entities),
        "service_codes": tuple(code(name) for name in services),
        "first_list": _first_list(apis),
        "layout": _layout(assignment, tuple(services.values()), apis),
    }


def assumptions(assignment: Assignment) -> tuple[str, ...]:
    """What was added because the requirement does not say it; one sentence each."""
    domain = assignment.domain
    found = ["Every record has a number (`id`) and its time of creation (`created_at`)."]
    if domain.roles:
        names = joined([code(words(role)) for role in domain.roles])
        found.append(
            f"The roles {names} are named, but nobody signs in: everyone who reaches the "
            "application may do everything."
        )
    else:
        found.append(
            "Nobody signs in: everyone who reaches the application may do everything. It listens "
            "on this machine only unless it is told otherwise."
        )
    for entity in domain.entities:
        if not entity.source:
            found.append(
                f"{code(entity.name)} is not named in the requirement; it connects what is."
            )
            continue
        inferred = [code(field.name) for field in entity.fields if field.inferred]
        if inferred:
            found.append(f"{code(entity.name)} has {joined(inferred)} by convention.")
    if any(entity.references for entity in domain.entities):
        found.append("A record that others refer to cannot be deleted before they are.")
    return tuple(found)


def questions(assignment: Assignment) -> tuple[str, ...]:
    """What the requirement's author should decide, from what is not covered."""
    return tuple(
        f"{code(part.id)}: {quote(part.text)[2:]} - is it needed in the first version? "
        f"It is left out because: {quote(part.reason or 'no reason was recorded')[2:]}"
        for part in _uncovered(assignment.parts)
    )


def _shared(assignment: Assignment) -> dict[str, object]:
    services = runnable_services(assignment)
    page = has_page(assignment)
    return {
        "heading": heading(assignment.domain.title),
        "code": code,
        "quote": quote,
        "joined": joined,
        "described": described_entities(assignment),
        "services": services,
        "several": len(services) > 1,
        "has_page": page,
        "separate_page": page and len(services) > 1,
        "page_from_backend": page and len(services) == 1,
        "first_port": FIRST_PORT,
        "first_url": f"http://127.0.0.1:{FIRST_PORT}",
        "foreign": assignment.constraints.contract is not None,
        "framework": _framework(assignment),
        "foreign_name": assignment.constraints.contract_name or "the given document",
    }


def _framework(assignment: Assignment) -> str:
    """What services for designed and for foreign APIs are made with."""
    return "FastAPI" if assignment.constraints.contract is None else "Starlette"


def _uncovered(parts: Sequence[RequirementPart]) -> tuple[RequirementPart, ...]:
    return tuple(part for part in parts if not part.covered)


def _evidence(part: RequirementPart, contracts: Sequence[Contract]) -> PartEvidence:
    statements = (
        criterion.statement
        for contract in contracts
        for criterion in contract.acceptance
        if part.id in criterion.parts and criterion.check is not None
    )
    return PartEvidence(part=part.id, statements=tuple(dict.fromkeys(statements)))


# --- the data model -----------------------------------------------------------------------------


def described_entities(assignment: Assignment) -> tuple[DescribedEntity, ...]:
    """The entities in words, with what their contracts let people narrow and search."""
    parameters = {
        path: {str(p.get("name")) for p in (item.get("get") or {}).get("parameters", ())}
        for contract in assignment.contracts
        if contract.kind is ContractKind.REST
        for path, item in (contract.specification.get("paths") or {}).items()
    }
    return tuple(
        _described(assignment, entity, parameters.get(entity.path, set()))
        for entity in assignment.domain.entities
    )


def _described(assignment: Assignment, entity: Entity, parameters: set[str]) -> DescribedEntity:
    return DescribedEntity(
        name=entity.name,
        label=entity.label,
        words=words(entity.name),
        a_record=a_or_an(words(entity.name)),
        plural=words(entity.plural),
        path=entity.path,
        service=_owner(assignment, entity.name),
        fields=tuple(_described_field(field) for field in entity.fields),
        filters=tuple(_label(field) for field in entity.fields if field.name in parameters),
        searchable="q" in parameters,
        drawn=tuple(_drawn(field) for field in entity.fields),
        needs=tuple(
            a_or_an(words(field.target))
            for field in entity.references
            if field.required and field.target
        ),
        referrers=tuple(
            words(other.plural)
            for other in assignment.domain.entities
            if any(field.target == entity.name for field in other.references)
            and _owner(assignment, other.name) == _owner(assignment, entity.name)
        ),
    )


def _drawn(field: Field) -> DrawnField:
    key = " FK" if field.type is FieldType.REFERENCE else " UK" if field.unique else ""
    kind = "integer" if field.type is FieldType.REFERENCE else field.type.value
    return DrawnField(type=kind, name=field.name, key=key)


def _owner(assignment: Assignment, entity: str) -> str:
    owners = [s.name for s in assignment.domain.services if entity in s.entities]
    return owners[0] if owners else "backend"


_KINDS: Mapping[FieldType, str] = {
    FieldType.STRING: "one line of text",
    FieldType.TEXT: "text",
    FieldType.INTEGER: "whole number",
    FieldType.DECIMAL: "number with two decimal places",
    FieldType.BOOLEAN: "yes or no",
    FieldType.DATE: "date",
    FieldType.DATETIME: "date and time (UTC)",
    FieldType.EMAIL: "e-mail address",
    FieldType.URL: "web address",
    FieldType.ENUM: "one of",
    FieldType.REFERENCE: "reference to",
}


def _described_field(field: Field) -> DescribedField:
    kind = _KINDS[field.type]
    if field.type is FieldType.ENUM:
        kind = f"{kind} {joined([code(value) for value in field.values], 'or')}"
    if field.type is FieldType.REFERENCE:
        kind = f"{kind} {a_or_an(words(field.target or 'record'))}"
    if field.max_length is not None:
        kind = f"{kind}, at most {field.max_length} characters"
    if field.minimum is not None or field.maximum is not None:
        low = "" if field.minimum is None else f"from {field.minimum}"
        high = "" if field.maximum is None else f"to {field.maximum}"
        kind = f"{kind} {low} {high}".replace("  ", " ").rstrip()
    notes = ["unique"] if field.unique else []
    if field.default is not None:
        notes.append(f"default {code(_default(field))}")
    return DescribedField(
        name=field.name,
        label=_label(field),
        kind=kind,
        required=field.required,
        note=", ".join(notes),
    )


def _default(field: Field) -> str:
    if field.type is FieldType.BOOLEAN:
        return "yes" if field.default else "no"
    return str(field.default)


def _label(field: Field) -> str:
    name = field.name.removesuffix("_id") if field.type is FieldType.REFERENCE else field.name
    return words(name).capitalize()


def _relations(assignment: Assignment) -> tuple[Relation, ...]:
    return tuple(
        Relation(
            source=entity.name,
            target=field.target,
            field=field.name,
            required=field.required,
            external=_owner(assignment, entity.name) != _owner(assignment, field.target),
        )
        for entity in assignment.domain.entities
        for field in entity.references
        if field.target and assignment.domain.entity(field.target)
    )


# --- the application ----------------------------------------------------------------------------


def _variables(services: tuple[RunnableService, ...]) -> tuple[tuple[str, str, str], ...]:
    """Name, default and meaning of every setting."""
    several = len(services) > 1
    databases = tuple(
        (
            f"DATABASE_URL_{service.name.upper()}" if several else "DATABASE_URL",
            f"sqlite:///./data/app.db in {service.folder}",
            f"Where {words(service.name) if several else 'the data'} is stored.",
        )
        for service in services
    )
    return (
        ("PORT", str(FIRST_PORT), "First port, for `make run`."),
        ("PYTHON", "python3", "Python to set up and run with, for `make`."),
        *databases,
    )


def _first_list(apis: Sequence[ReferenceApi]) -> str:
    """Address of the first list, as a word of a shell command; empty when there is none."""
    for api in apis:
        for operation in api.operations:
            if operation.method == "GET" and "{" not in operation.path:
                return shlex.quote(f"{api.url}{operation.path}")
    return ""


def _layout(
    assignment: Assignment, services: tuple[RunnableService, ...], apis: Sequence[ReferenceApi]
) -> tuple[tuple[str, str], ...]:
    """Path and purpose of what lies in the application's folder."""
    providers = {contract.provider for contract in assignment.contracts}
    rows = [("run.py", "starts everything"), ("Makefile", "setup, run, test, clean")]
    for service in services:
        own = f" {words(service.name)}" if len(services) > 1 else ""
        rows.append((f"{service.folder}/app/", f"the service{own} ({_framework(assignment)})"))
        if "database_designer" in providers:
            rows.append((f"{service.folder}/migrations/", "database schema as Alembic migrations"))
        rows.append((f"{service.folder}/tests/", "its own tests"))
    optional = (
        (has_page(assignment), "frontend/", "the page: plain ES modules, no build step"),
        ("qa_engineer" in providers, "tests/contract/", "tests of the running API"),
        ("security_specialist" in providers, "security/", "security checklist and its script"),
        (bool(apis), "docs/", "API reference, user guide and design documents"),
        ("devops_engineer" in providers, "Dockerfile, compose.yaml", "containers"),
    )
    return (*rows, *((path, purpose) for there, path, purpose in optional if there))
