"""Messages of a document: traits merged, schemas made to stand alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.asyncapi.dialects import UnverifiableSchema, message_schema
from maestro.contracts.asyncapi.document import AsyncApiDocument
from maestro.contracts.asyncapi.model import EventMessage, MessageExample
from maestro.contracts.asyncapi.places import DocumentPart, entries, place, with_traits
from maestro.contracts.openapi.bundling import compiled
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schemas import Schema
from maestro.errors import InvalidInput

JSON = "application/json"


class MessageReader:
    """Reads each message once, however often it is referred to."""

    def __init__(self, document: AsyncApiDocument) -> None:
        self._document = document
        default = document.root.get("defaultContentType")
        self._content_type = default if isinstance(default, str) and default else JSON
        self._known: dict[str, EventMessage] = {}
        self.notebook = Notebook()
        """What was put right in the schemas."""

    def read(self, found: DocumentPart, name: str) -> EventMessage:
        """Raises InvalidInput for a message that is no message; schemas are judged later."""
        if found.pointer not in self._known:
            apart = self._document.has_operations_apart
            whole = with_traits(self._document.root, found, target_wins=apart)
            self._known[found.pointer] = self._made(whole, name)
        return self._known[found.pointer]

    def alternatives(self, value: Any, pointer: str, name: str) -> tuple[EventMessage, ...]:
        """The `message` of a version 2 operation, which may be one of several."""
        if value is None:
            return ()
        found = place(self._document.root, value, pointer)
        if "oneOf" not in found.value:
            return (self.read(found, _own_name(found, name)),)
        options = entries(self._document.root, found.value["oneOf"], f"{found.pointer}/oneOf")
        return tuple(
            self.read(option, _own_name(option, f"{name}{number + 1}"))
            for number, option in enumerate(options)
        )

    def _made(self, found: DocumentPart, name: str) -> EventMessage:
        problem, broken = "", False
        payload: Schema = True
        headers: Schema = True
        try:
            payload = self._schema(found, "payload", found.text("schemaFormat"))
            headers = self._schema(found, "headers", "")
        except UnverifiableSchema as error:
            problem = str(error)
        except InvalidInput as error:
            problem, broken = str(error), True
        message = EventMessage(
            name=name,
            pointer=found.pointer,
            payload=payload,
            headers=headers,
            content_type=found.text("contentType", self._content_type),
            summary=found.text("summary", found.text("title", found.text("description"))),
            correlation=self._correlation(found),
            examples=tuple(_examples(found)),
            unverifiable=problem,
            broken=broken,
            bindings=found.object("bindings"),
        )
        if not problem and not (message.is_json or _is_text(message.content_type)):
            return _unreadable(message)
        return message

    def _schema(self, found: DocumentPart, key: str, declared: str) -> Schema:
        if key not in found.value:
            return True
        where = join(found.pointer, key)
        made = message_schema(
            self._document.root, found.value[key], declared, where=where, notebook=self.notebook
        )
        compiled(made, where=where)
        return made

    def _correlation(self, found: DocumentPart) -> str:
        value = found.value.get("correlationId")
        if value is None:
            return ""
        return place(self._document.root, value, f"{found.pointer}/correlationId").text("location")


def _own_name(found: DocumentPart, name: str) -> str:
    """`messageId`, `name`, or the last word of where it is written, or what the place suggests."""
    last = found.pointer.rpartition("/")[2]
    named = last if "/messages/" in found.pointer and not last.isdigit() else name
    return found.text("messageId", found.text("name", named))


def _is_text(content_type: str) -> bool:
    return content_type.lower().startswith("text/")


def _unreadable(message: EventMessage) -> EventMessage:
    """Payloads in a form that is no JSON cannot be held against a JSON Schema."""
    return EventMessage(
        name=message.name,
        pointer=message.pointer,
        payload=message.payload,
        headers=message.headers,
        content_type=message.content_type,
        summary=message.summary,
        correlation=message.correlation,
        examples=message.examples,
        unverifiable=f"contentType {message.content_type!r} is neither JSON nor text",
        bindings=message.bindings,
    )


def _examples(found: DocumentPart) -> Iterator[MessageExample]:
    listed = found.value.get("examples")
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping) and ("payload" in entry or "headers" in entry):
            headers = entry.get("headers")
            yield MessageExample(
                pointer=join(found.pointer, "examples", number),
                payload=entry.get("payload"),
                has_payload="payload" in entry,
                headers=headers if isinstance(headers, Mapping) else None,
            )
