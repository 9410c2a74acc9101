"""Schemas as types that programming languages have, for clients in any of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.exports.client_names import Names, pascal
from maestro.contracts.openapi import OpenApiDocument
from maestro.contracts.openapi.pointers import follow
from maestro.contracts.openapi.schemas import Schema
from maestro.errors import InvalidInput

_PREFIX = "#/components/schemas/"
_MOST_NESTING = 24
_PLAIN = ("null", "boolean", "integer", "number", "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientField:
    name: str
    type: "ClientType"
    required: bool
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientType:
    kind: str
    """`any`, `null`, `boolean`, `integer`, `number`, `string`, `binary`, `literal`, `array`,
    `map`, `object`, `named` or `union`.
    """
    name: str = ""
    """Of a named type."""
    values: tuple[str | int | bool | None, ...] = ()
    """Of a literal."""
    members: tuple["ClientType", ...] = ()
    """Of a union; the one of an array or map."""
    fields: tuple[ClientField, ...] = ()


ANY = ClientType(kind="any")


@dataclass(slots=True)
class ClientTypes:
    """Every named type of a client; reading schemas adds to it."""

    document: OpenApiDocument
    names: Names
    inline_objects: bool
    """Objects without a name stay where they are; otherwise each gets one."""
    named: dict[str, ClientType] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    _targets: dict[str, str] = field(default_factory=dict)

    def of(self, schema: Schema, hint: str, nesting: int = 0) -> ClientType:
        """The type of a schema; `hint` names it where it needs a name of its own."""
        if not isinstance(schema, Mapping) or nesting > _MOST_NESTING:
            return ANY
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference, hint, nesting)
        if "const" in schema or isinstance(schema.get("enum"), list):
            return _literal(schema)
        for key in ("anyOf", "oneOf"):
            branches = schema.get(key)
            if isinstance(branches, list) and "properties" not in schema:
                made = [self.of(b, f"{hint}{n + 1}", nesting + 1) for n, b in enumerate(branches)]
                return union(made)
        if isinstance(schema.get("allOf"), list):
            return self._all_of(schema, hint, nesting)
        return self._by_kind(schema, hint, nesting)

    def _referred(self, reference: str, hint: str, nesting: int) -> ClientType:
        if not reference.startswith(_PREFIX) or "/" in reference.removeprefix(_PREFIX):
            try:
                found = follow(self.document.root, {"$ref": reference}, where=hint)
            except InvalidInput:
                return ANY
            return self.of(found, hint, nesting + 1)
        if reference not in self._targets:
            schema = self._resolve(reference)
            if schema is None:
                return ANY
            label = reference.removeprefix(_PREFIX).replace("~1", "/").replace("~0", "~")
            name = self.names.take(pascal(label))
            self._targets[reference] = name
            self.named[name] = ANY  # holds the place, so that the order is that of first use
            self.named[name] = self.of(schema, name, 0)
            if isinstance(schema, Mapping) and isinstance(schema.get("description"), str):
                self.descriptions[name] = schema["description"]
        return ClientType(kind="named", name=self._targets[reference])

    def _resolve(self, reference: str) -> Schema | None:
        try:
            found = follow(self.document.root, {"$ref": reference}, where=reference)
        except InvalidInput:
            return None
        return found if isinstance(found, Mapping) else None

    def _all_of(self, schema: Mapping[str, Any], hint: str, nesting: int) -> ClientType:
        parts = [*self._parts(schema, 0)]
        objects = [part for part in parts if isinstance(part.get("properties"), Mapping)]
        if not objects:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            options = [self.of(p, hint, nesting + 1) for p in [rest, *schema["allOf"]]]
            return next((made for made in options if made.kind != "any"), ANY)
        if len(schema["allOf"]) == 1 and "properties" not in schema:
            return self.of(schema["allOf"][0], hint, nesting + 1)
        merged: dict[str, Any] = {}
        required: list[Any] = []
        for part in parts:
            listed = part.get("required")
            required += listed if isinstance(listed, list) else []
            merged.update(part.get("properties") or {})
        return self._object({"properties": merged, "required": required}, hint, nesting)

    def _parts(self, schema: Any, nesting: int) -> Iterator[Mapping[str, Any]]:
        """The schema and everything it is composed of, references followed."""
        if not isinstance(schema, Mapping) or nesting > _MOST_NESTING:
            return
        if isinstance(schema.get("$ref"), str):
            yield from self._parts(self._resolve(schema["$ref"]), nesting + 1)
        for part in schema.get("allOf") or ():
            yield from self._parts(part, nesting + 1)
        yield schema

    def _by_kind(self, schema: Mapping[str, Any], hint: str, nesting: int) -> ClientType:
        listed = schema.get("type")
        kinds: Sequence[Any] = [listed] if isinstance(listed, str) else listed or ()
        if not kinds and "properties" in schema:
            kinds = ["object"]
        if not kinds and "items" in schema:
            kinds = ["array"]
        return union([self._of_kind(str(kind), schema, hint, nesting) for kind in kinds])

    def _of_kind(self, kind: str, schema: Mapping[str, Any], hint: str, nesting: int) -> ClientType:
        if kind == "string" and schema.get("format") == "binary":
            return ClientType(kind="binary")
        if kind in _PLAIN:
            return ClientType(kind=kind)
        if kind == "array":
            entries = [*(schema.get("prefixItems") or ()), schema.get("items", True)]
            if schema.get("items") is False:
                entries = entries[:-1]
            made = [self.of(entry, f"{hint}Item", nesting + 1) for entry in entries]
            return ClientType(kind="array", members=(union(made),))
        if kind == "object":
            return self._object(schema, hint, nesting)
        return ANY

    def _object(self, schema: Mapping[str, Any], hint: str, nesting: int) -> ClientType:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            inner = schema.get("additionalProperties", True)
            return ClientType(kind="map", members=(self.of(inner, f"{hint}Value", nesting + 1),))
        listed = schema.get("required")
        required = listed if isinstance(listed, list) else []
        fields = tuple(
            ClientField(
                name=str(name),
                type=self.of(entry, f"{hint}{pascal(str(name))}", nesting + 1),
                required=name in required,
                description=_description(entry),
            )
            for name, entry in properties.items()
        )
        made = ClientType(kind="object", fields=fields)
        if self.inline_objects or hint in self.named:
            return made
        name = self.names.take(hint)
        self.named[name] = made
        return ClientType(kind="named", name=name)


def _description(schema: Any) -> str:
    found = schema.get("description") if isinstance(schema, Mapping) else None
    return found if isinstance(found, str) else ""


def _literal(schema: Mapping[str, Any]) -> ClientType:
    values = [schema["const"]] if "const" in schema else list(schema["enum"])
    exact = [v for v in values if v is None or isinstance(v, str | bool | int)]
    if values and len(exact) == len(values):
        return ClientType(kind="literal", values=tuple(exact))
    return union([_of_value(value) for value in values])


def _of_value(value: Any) -> ClientType:
    return ClientType(kind="number") if isinstance(value, float) else ANY


def union(members: Sequence[ClientType]) -> ClientType:
    """One of several types; `any` takes everything in."""
    flat: dict[ClientType, None] = {}
    for member in members:
        inner = member.members if member.kind == "union" else (member,)
        flat.update(dict.fromkeys(inner))
    if not flat or ANY in flat:
        return ANY
    return next(iter(flat)) if len(flat) == 1 else ClientType(kind="union", members=tuple(flat))


def at_the_top(made: ClientType, named: Mapping[str, ClientType]) -> frozenset[str]:
    """Names a type amounts to without looking into objects and arrays."""
    seen: set[str] = set()
    waiting = [made]
    while waiting:
        current = waiting.pop()
        if current.kind == "union":
            waiting.extend(current.members)
        elif current.kind == "named" and current.name not in seen:
            seen.add(current.name)
            waiting.append(named.get(current.name, ANY))
    return frozenset(seen)


def without_circles(named: Mapping[str, ClientType]) -> dict[str, ClientType]:
    """Types that are themselves and nothing else cannot be written down: they become `any`."""
    return {name: ANY if name in at_the_top(made, named) else made for name, made in named.items()}
