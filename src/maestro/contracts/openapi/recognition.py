"""What the operations of somebody's own document do to stored entries, and which can be built.

An operation can be built without knowing more than the document when it creates, reads, lists,
changes or deletes entries, takes and answers JSON, asks for no credentials, and answers only what
follows from what was stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from maestro.contracts.openapi.bundling import standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.domain_reading import domain_from
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.resources import Resource, ResourceAction, survey
from maestro.contracts.openapi.shapes import body_schema, kinds_of, object_shape, plain
from maestro.domain.contract import DocumentedParameter, DocumentedReply, RecognisedOperation
from maestro.domain.entities import DomainModel, Entity, FieldType

_WRITES = (
    ResourceAction.CREATE,
    ResourceAction.REPLACE,
    ResourceAction.UPDATE,
    ResourceAction.UPSERT,
)
_LISTS = (ResourceAction.LIST, ResourceAction.FIND)


def recognise(document: OpenApiDocument) -> tuple[RecognisedOperation, ...]:
    """Every operation of the document, in no particular order."""
    found = survey(document)
    made: list[RecognisedOperation] = []
    for resource in found.resources:
        gap = _underivable(document, resource)
        for action, operation in _actions(resource):
            reason = _obstacle(document, operation, action, resource) or gap
            made.append(_recognised(document, operation, action.value, reason, resource))
    for rest in found.unrecognised:
        made.append(_recognised(document, rest.operation, "", rest.reason, None))
    return tuple(made)


def _actions(resource: Resource) -> Iterator[tuple[ResourceAction, Operation]]:
    yield from resource.operations.items()
    for operation in resource.finds:
        yield ResourceAction.FIND, operation


def _obstacle(
    document: OpenApiDocument, operation: Operation, action: ResourceAction, resource: Resource
) -> str:
    if any(operation.security):
        return "asks for credentials, and who issues them is not in the document"
    if resource.parents:
        return "works on entries below other entries"
    if action in _WRITES and not _takes_json(operation):
        return "takes no JSON body"
    success = _success(operation)
    if success is None:
        return "documents no reply for success"
    reply = next(iter(operation.responses[success].content.items()), None)
    if reply is None:
        return "" if action not in (ResourceAction.GET, *_LISTS) else "answers without a body"
    if not any("json" in kind for kind in operation.responses[success].content):
        return f"answers {reply[0]}, not JSON"
    return _foreign_answer(document, operation, success, action, resource)


def _takes_json(operation: Operation) -> bool:
    return operation.body is not None and any("json" in kind for kind in operation.body.content)


def _foreign_answer(
    document: OpenApiDocument,
    operation: Operation,
    success: str,
    action: ResourceAction,
    resource: Resource,
) -> str:
    """Whether a reply for success is something else than the entry or the list of entries."""
    content = operation.responses[success].content
    schema = next(media.schema for kind, media in content.items() if "json" in kind)
    if action in _LISTS:
        return ""
    shape, entry = object_shape(document, schema), object_shape(document, resource.item_schema)
    if shape is None:
        loose = schema is True or (isinstance(schema, Mapping) and not kinds_of(schema))
        return "" if loose else "answers something else than the entry"
    if entry is None or not shape.required <= entry.properties.keys():
        return "answers something else than the entry"
    return ""


def _underivable(document: OpenApiDocument, resource: Resource) -> str:
    """A property every entry must have although nobody sends it, and that has no natural value."""
    entry = object_shape(document, resource.item_schema)
    if entry is None:
        return "the entries have no known properties"
    sent = object_shape(document, resource.create_schema) if resource.create_schema else None
    known = (sent.required if sent else frozenset()) | {resource.id_field}
    for name in sorted(entry.required - known):
        schema = plain(document, entry.properties.get(name, True))
        natural = isinstance(schema, Mapping) and (
            "default" in schema or schema.get("format") == "date-time"
        )
        if not natural:
            return f"every entry has {name!r}, which no request brings"
    return ""


def _success(operation: Operation) -> str | None:
    exact = sorted(status for status in operation.responses if status.startswith("2"))
    if exact:
        return exact[0]
    return "default" if "default" in operation.responses else None


def _recognised(
    document: OpenApiDocument,
    operation: Operation,
    action: str,
    reason: str,
    resource: Resource | None,
) -> RecognisedOperation:
    body = body_schema(operation)
    entry = resource.item_schema if resource else None
    envelope = resource.envelope if resource else None
    return RecognisedOperation(
        method=operation.method,
        path=operation.path,
        action=action,
        reason=reason,
        resource=resource.name if resource else "",
        collection=resource.collection_path if resource else "",
        id_parameter=resource.id_parameter if resource else None,
        id_field=resource.id_field if resource else None,
        envelope_items=envelope.items if envelope else None,
        envelope_total=envelope.total if envelope else None,
        parameters=tuple(_parameter(document, p) for p in operation.parameters),
        body=None if body is None else _alone(document, without_marked(body, "readOnly")),
        body_required=operation.body.required if operation.body else False,
        entry=None if entry is None else _alone(document, entry),
        replies=tuple(_replies(document, operation)),
    )


def _parameter(document: OpenApiDocument, parameter: OperationParameter) -> DocumentedParameter:
    return DocumentedParameter(
        name=parameter.name,
        location=parameter.location,
        required=parameter.required,
        body=_alone(document, parameter.schema),
        explode=parameter.explode,
    )


def _replies(document: OpenApiDocument, operation: Operation) -> Iterator[DocumentedReply]:
    for status, response in operation.responses.items():
        kinds = list(response.content)
        chosen = next((kind for kind in kinds if "json" in kind), kinds[0] if kinds else "")
        media = response.content.get(chosen)
        yield DocumentedReply(
            status=status,
            content_type=chosen,
            body=None if media is None else _alone(document, media.schema),
        )


def _alone(document: OpenApiDocument, schema: Any) -> dict[str, Any]:
    made = standalone(document, schema)
    return dict(made) if isinstance(made, Mapping) else ({} if made is True else {"not": {}})


def buildable_domain(document: OpenApiDocument) -> DomainModel:
    """The document's domain model, with only those entities whose entries can be made and kept."""
    whole = domain_from(document, document.title)
    possible = {operation.resource for operation in recognise(document) if not operation.reason}
    kept = {entity.name for entity in whole.entities if entity.name in possible}
    return replace(
        whole,
        entities=tuple(_without_strangers(e, kept) for e in whole.entities if e.name in kept),
        capabilities=tuple(c for c in whole.capabilities if c.entity in kept),
        services=tuple(
            replace(service, entities=tuple(name for name in service.entities if name in kept))
            for service in whole.services
        ),
    )


def _without_strangers(entity: Entity, kept: set[str]) -> Entity:
    """References to entities that are not kept become plain numbers."""
    return replace(
        entity,
        fields=tuple(
            replace(field, type=FieldType.INTEGER, target=None)
            if field.type is FieldType.REFERENCE and field.target not in kept
            else field
            for field in entity.fields
        ),
    )
