"""The user's own OpenAPI document as the contract of the backend."""

from collections.abc import Iterator

from maestro.contracts.design.criteria import Trace, criterion, with_unverified
from maestro.contracts.design.documents import document_contracts, promises
from maestro.contracts.design.layout import present
from maestro.contracts.design.services import service_deliverables
from maestro.contracts.openapi.document import OpenApiDocument, load, plain_root
from maestro.contracts.openapi.lint import errors_of
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import operations
from maestro.contracts.openapi.recognition import recognise
from maestro.contracts.openapi.resources import Resource, ResourceAction, resources
from maestro.contracts.openapi.shapes import object_shape
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    SpecificationFormat,
)
from maestro.domain.entities import CapabilityKind
from maestro.domain.requirement import RequirementPart
from maestro.domain.team import Team
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput


def adopt(
    text: str | bytes, name: str, team: Team, parts: tuple[RequirementPart, ...] = ()
) -> tuple[Contract, ...]:
    """Contracts around a document of the user's, which stays the specification as it is.

    Args:
        text: the document, JSON or YAML.
        name: its file name, for messages.
        team: who provides and consumes.
        parts: parts of the requirement that the checks are evidence for.

    Raises:
        InvalidInput: the document cannot be read or has errors; names JSON pointers and rules.
    """
    document = adoptable(text, name)
    trace = Trace(parts)
    promised = promises(
        title=document.title,
        paths=list(dict.fromkeys(operation.path for operation in operations(document))),
        parts=[part.id for part in parts],
        components=["backend"],
    )
    backend = [_backend(document, team, trace)] if present(team, "backend_developer") else []
    wanted = [promise for promise in promised if promise.contract != "ui-tokens"]
    return with_unverified((*backend, *document_contracts(wanted, team, trace)), trace)


def adoptable(text: str | bytes, name: str) -> OpenApiDocument:
    """A document that can be a contract. Raises InvalidInput as `adopt` does."""
    document = load(text, name=name)
    faults = [str(fault) for fault in errors_of(document)]
    if faults:
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        raise InvalidInput(f"{name} has errors: {'; '.join(faults[:5])}{more}")
    if not operations(document):
        raise InvalidInput(f"{name} describes no operation, so there is nothing to build")
    return document


def _backend(document: OpenApiDocument, team: Team, trace: Trace) -> Contract:
    contract = "backend-api"
    return Contract(
        id=ContractId(contract),
        name=document.title,
        kind=ContractKind.REST,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=present(team, "frontend_developer", "qa_engineer"),
        format=SpecificationFormat.OPENAPI,
        # A 2.0 document is kept in the shape of 3.1, which every reader after this one knows.
        specification=plain_root(document) if document.version == "2.0" else document.source,
        deliverables=service_deliverables("backend"),
        acceptance=tuple(
            made
            for found in resources(document)
            for made in _criteria(
                contract, found, _travelling(document, found), trace, _buildable(document)
            )
        ),
    )


def _buildable(document: OpenApiDocument) -> frozenset[str]:
    possible = {(o.resource, o.action) for o in recognise(document) if not o.reason}
    return frozenset(
        name for name, action in possible if action == "create" and (name, "get") in possible
    )


def _travelling(document: OpenApiDocument, found: Resource) -> tuple[str, ...]:
    """Fields that can be sent and are shown again, named as the domain model names them."""
    sent = object_shape(document, found.create_schema)
    shown = object_shape(document, found.item_schema)
    names = [
        name for name in (sent.properties if sent else ()) if shown and name in shown.properties
    ]
    return tuple(made for name in names for made in (snake(name), f"{snake(name)}_id"))


def _criteria(
    contract: str,
    found: Resource,
    fields: tuple[str, ...],
    trace: Trace,
    buildable: frozenset[str],
) -> Iterator[AcceptanceCriterion]:
    """`fields` are those that a round trip sends and reads back; `buildable` are the resources
    whose entries can be made and read with nothing but the document.
    """
    needed = (ResourceAction.CREATE, ResourceAction.GET)
    if all(action in found.operations for action in needed) and found.name in buildable:
        words = found.name.replace("_", " ")
        yield criterion(
            contract,
            "resource_roundtrip",
            f"A {words} can be created and read, and whatever else the document offers for it.",
            (
                *trace.entity(found.name),
                *trace.capability(CapabilityKind.MANAGE, found.name),
                *(part for name in fields for part in trace.field(found.name, name)),
            ),
            entity=found.name,
        )
