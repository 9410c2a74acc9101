"""References of a document, followed with the places they lead through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.pointers import join, lookup, tokens_of
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A value of the document that is an object."""

    value: Mapping[str, Any]
    pointer: str
    """Where it is written, behind all references."""
    trail: tuple[str, ...]
    """Every pointer on the way, its first place included: its identities."""

    def text(self, key: str, otherwise: str = "") -> str:
        found = self.value.get(key)
        return found if isinstance(found, str) and found else otherwise

    def object(self, key: str) -> Mapping[str, Any]:
        """A member that is an object, empty where it is missing. Raises InvalidInput."""
        return as_object(self.value.get(key, {}), join(self.pointer, key))


def place(root: JsonObject, value: Any, pointer: str) -> DocumentPart:
    """What stands at `pointer`, behind its references. Raises InvalidInput."""
    trail = [pointer]
    while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
        reference = value["$ref"]
        value = lookup(root, reference, where=pointer)
        target = join("", *tokens_of(reference))
        if target in trail:
            raise InvalidInput(f"{pointer}: $ref {reference!r} refers to itself in a circle")
        trail.append(target)
    return DocumentPart(as_object(value, trail[-1]), trail[-1], tuple(trail))


def members(
    root: JsonObject, parent: Mapping[str, Any], pointer: str
) -> Iterator[tuple[str, DocumentPart]]:
    """Name and value of every entry of a map of objects. Raises InvalidInput."""
    for name, value in parent.items():
        if not name.startswith("x-"):
            yield name, place(root, value, join(pointer, name))


def entries(root: JsonObject, value: Any, pointer: str) -> Iterator[DocumentPart]:
    """Every entry of a list of objects, none where it is missing. Raises InvalidInput."""
    if value is None:
        return
    if not isinstance(value, list):
        raise InvalidInput(f"{pointer}: must be a list, got {type(value).__name__}")
    for number, entry in enumerate(value):
        yield place(root, entry, join(pointer, number))


def as_object(value: Any, pointer: str) -> Mapping[str, Any]:
    """Raises InvalidInput for anything but an object; a missing value counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{pointer}: must be an object, got {type(value).__name__}")
    return value


def merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    made = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


def with_traits(root: JsonObject, target: DocumentPart, *, target_wins: bool) -> DocumentPart:
    """The value with its traits merged into it.

    Until version 3 a trait overrides what it is merged into; since then it does not.
    """
    traits = [
        t.value for t in entries(root, target.value.get("traits"), f"{target.pointer}/traits")
    ]
    if not traits:
        return target
    own = {k: v for k, v in target.value.items() if k != "traits"}
    made: Any = {} if target_wins else own
    for patch in (*traits, own) if target_wins else traits:
        made = merged(made, patch)
    return DocumentPart(made, target.pointer, target.trail)
