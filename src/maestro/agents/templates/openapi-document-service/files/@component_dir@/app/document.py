"""The API document, operation by operation, as `operations.json` holds it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs

FILE = Path(__file__).with_name("operations.json")


@dataclass(frozen=True)
class Parameter:
    name: str
    location: str
    required: bool
    schema: Mapping[str, Any]
    explode: bool

    @cached_property
    def validator(self) -> Any:
        return compiled(self.schema)


@dataclass(frozen=True)
class Reply:
    status: str
    content_type: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    action: str
    reason: str
    resource: str
    id_parameter: str | None
    id_field: str | None
    envelope_items: str | None
    envelope_total: str | None
    parameters: tuple[Parameter, ...]
    body: Mapping[str, Any] | None
    body_required: bool
    entry: Mapping[str, Any] | None
    replies: tuple[Reply, ...]

    @property
    def built(self) -> bool:
        return bool(self.action) and not self.reason

    @cached_property
    def body_validator(self) -> Any:
        return None if self.body is None else compiled(self.body)

    @cached_property
    def entry_validator(self) -> Any:
        return None if self.entry is None else compiled(self.entry)

    def reply(self, status: int) -> Reply | None:
        """What the document says of a status: exactly, by its range, or by default."""
        named = {reply.status: reply for reply in self.replies}
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in named:
                return named[key]
        return None

    @property
    def success(self) -> int:
        exact = sorted(int(r.status) for r in self.replies if r.status.isdigit() and r.status < "3")
        return exact[0] if exact else 200


def compiled(schema: Mapping[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)


def load(file: Path = FILE) -> tuple[Operation, ...]:
    return tuple(_operation(item) for item in json.loads(file.read_text(encoding="utf-8")))


def _operation(item: dict[str, Any]) -> Operation:
    parameters = tuple(
        Parameter(p["name"], p["location"], p["required"], p["body"], p["explode"])
        for p in item.pop("parameters")
    )
    replies = tuple(
        Reply(r["status"], r["content_type"], r["body"]) for r in item.pop("replies")
    )
    item.pop("collection")
    return Operation(parameters=parameters, replies=replies, **item)
