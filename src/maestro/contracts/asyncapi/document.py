"""Reads AsyncAPI 2.0 to 3.1 documents; what they mean is told by `events`."""

from collections.abc import Mapping
from dataclasses import dataclass

from maestro.contracts.openapi.parsing import check_values, parse
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.0", "3.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncApiDocument:
    """A parsed document. Not yet linted."""

    version: str
    """`2.0` to `3.1`."""
    root: JsonObject
    name: str = "document"

    @property
    def has_operations_apart(self) -> bool:
        """Since version 3 operations stand beside the channels and not inside of them."""
        return self.version.startswith("3")

    @property
    def title(self) -> str:
        info = self.root.get("info")
        title = info.get("title") if isinstance(info, Mapping) else None
        return title if isinstance(title, str) and title.strip() else "Events"


def load(text: str | bytes, *, name: str = "document") -> AsyncApiDocument:
    """Reads a JSON or YAML text that refers to no other file.

    Raises:
        InvalidInput: not readable within limits, or not AsyncAPI 2.0 to 3.1.
    """
    return _document(parse(text, name=name), name)


def from_object(source: JsonObject, *, name: str = "document") -> AsyncApiDocument:
    """Takes an already parsed document, such as a contract's specification.

    Raises:
        InvalidInput: values JSON does not have, or not AsyncAPI 2.0 to 3.1.
    """
    check_values(source, name=name)
    return _document(source, name)


def _document(source: JsonObject, name: str) -> AsyncApiDocument:
    declared = source.get("asyncapi")
    if declared is None:
        raise InvalidInput(f"{name}: has no `asyncapi` at the top; it is no AsyncAPI document")
    text = str(declared)
    for version in VERSIONS:
        if text == version or text.startswith(f"{version}."):
            return AsyncApiDocument(version=version, root=source, name=name)
    raise InvalidInput(
        f"{name}: /asyncapi is {declared!r}; versions {VERSIONS[0]} to {VERSIONS[-1]} are read"
    )
