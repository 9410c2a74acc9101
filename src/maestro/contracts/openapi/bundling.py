"""A schema of a document as a schema that stands alone, ready to be compiled."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urljoin

import jsonschema_rs

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.identifiers import DOCUMENT, Placed, identified, steps
from maestro.contracts.openapi.pointers import is_pointer, lookup
from maestro.contracts.openapi.schemas import Schema, rebuild, subschemas
from maestro.errors import InvalidInput

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def standalone(document: OpenApiDocument, schema: Schema, *, where: str = "schema") -> Schema:
    """`schema` with everything it refers to in `$defs`; circles stay references.

    Identifiers, anchors and dynamic references are worked out: what comes of it has no reference
    but `#/$defs/...` and `#`-less ones to the meta-schemas.

    Raises:
        InvalidInput: a reference is remote, dangling or a bare circle.
    """
    bundle = _Bundle(document, where)
    try:
        made = bundle.take(schema, _Scope(DOCUMENT, (), schema))
        while bundle.waiting:
            name, target, scope = bundle.waiting.pop()
            bundle.definitions[name] = bundle.take(target, scope)
    except RecursionError:
        raise InvalidInput(f"{where}: the schema is nested too deep") from None
    if not isinstance(made, Mapping):
        return made
    result = {key: value for key, value in made.items() if key != "$schema"}
    if bundle.definitions:
        result["$defs"] = bundle.definitions
    return {"$schema": DIALECT, **result}


def compiled(schema: Schema, *, where: str = "schema", formats: bool = True) -> Any:
    """A validator for a schema that stands alone.

    Raises:
        InvalidInput: the schema itself is broken.
    """
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, validate_formats=formats, offline=True, pattern_options=_PATTERNS
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidInput(f"{where}: is not a usable JSON Schema: {first}") from None


_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


def without_marked(schema: Schema, marker: str) -> Schema:
    """The schema with nothing required that carries `marker` (`readOnly` in requests, `writeOnly`
    in replies): the other side does not send it.

    The schema stands alone; properties are looked for behind its references, and across `allOf`.
    """
    if not isinstance(schema, Mapping):
        return schema
    definitions = schema.get("$defs", {})
    return _Unmarked(marker, definitions if isinstance(definitions, Mapping) else {}).take(schema)


class _Unmarked:
    def __init__(self, marker: str, definitions: Mapping[str, Schema]) -> None:
        self._marker = marker
        self._definitions = definitions

    def take(self, schema: Schema, outer: frozenset[str] = frozenset()) -> Schema:
        if not isinstance(schema, Mapping):
            return schema
        made = rebuild(schema, self.take)
        if "required" not in made and "allOf" not in made:
            return made
        marked = outer | frozenset(self._marked(schema, 0))
        required = made.get("required")
        if marked and isinstance(required, list):
            made["required"] = [name for name in required if name not in marked]
        if marked and isinstance(made.get("allOf"), list):
            made["allOf"] = [self.take(part, marked) for part in schema["allOf"]]
        return made

    def _marked(self, schema: Schema, depth: int) -> Iterator[str]:
        """Names of the marked properties, as far as the object is described in one go."""
        found = self._behind(schema)
        if not isinstance(found, Mapping) or depth > _MAX_NESTING:
            return
        properties = found.get("properties")
        for name, entry in properties.items() if isinstance(properties, Mapping) else ():
            told = (entry, self._behind(entry))
            if any(isinstance(s, Mapping) and s.get(self._marker) is True for s in told):
                yield name
        parts = found.get("allOf")
        for part in parts if isinstance(parts, list) else ():
            yield from self._marked(part, depth + 1)

    def _behind(self, schema: Schema) -> Schema:
        for _ in range(_MAX_NESTING):
            reference = schema.get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str):
                break
            schema = self._definitions.get(reference.removeprefix("#/$defs/"), True)
        return schema


_MAX_NESTING = 12

_WIDTHS = {"int32": 2**31, "int64": 2**63}


def _bound(schema: dict[str, Any]) -> None:
    """Whole numbers of a fixed width have limits, which JSON Schema itself does not check."""
    width = _WIDTHS.get(str(schema["format"])) if "format" in schema else None
    kind = schema.get("type")
    if width and (kind == "integer" or (isinstance(kind, list) and "integer" in kind)):
        schema.setdefault("minimum", -width)
        schema.setdefault("maximum", width - 1)


def _drop_foreign_patterns(schema: dict[str, Any]) -> None:
    """Patterns our engine cannot read are not checked; the lint warns of each."""
    if isinstance(schema.get("pattern"), str) and not usable_pattern(schema["pattern"]):
        del schema["pattern"]
    named = schema.get("patternProperties")
    if isinstance(named, Mapping):
        schema["patternProperties"] = {k: v for k, v in named.items() if usable_pattern(k)}


@cache
def usable_pattern(pattern: str) -> bool:
    """Whether the regular expression can be compiled here."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_PATTERNS)
    except ValueError:
        return False
    return True


def dangling(document: OpenApiDocument, schema: Schema, pointer: str) -> Iterator[tuple[str, str]]:
    """Pointer and message of every reference inside `schema` that leads to no schema."""
    bundle = _Bundle(document, pointer)
    waiting = [(pointer, schema, _Scope(DOCUMENT, (), schema))]
    while waiting:
        place, current, scope = waiting.pop()
        if not isinstance(current, Mapping):
            continue
        scope = bundle.inside(current, scope)
        for key in ("$ref", "$dynamicRef"):
            reference = current.get(key)
            if isinstance(reference, str) and reference.partition("#")[0] not in _META_SCHEMAS:
                try:
                    bundle.target(reference, scope)
                except InvalidInput as error:
                    yield place, str(error).partition(": ")[2]
        waiting += [(inner, entry, scope) for inner, entry in subschemas(current, place)]


class _Scope(NamedTuple):
    """Where a schema is being looked at from."""

    base: str
    """The resource it stands in."""
    dynamic: tuple[tuple[str, str], ...]
    """Dynamic anchors and the outermost resource, of those come through, that has them."""
    local: Schema
    """What stands around it: a careless `#/$defs/...` means the definitions in there."""


class _Target(NamedTuple):
    schema: Schema
    scope: _Scope


_NOISE = frozenset({
    "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "definitions",
    "discriminator", "externalDocs", "xml",
})  # fmt: skip


class _Bundle:
    def __init__(self, document: OpenApiDocument, where: str) -> None:
        self.definitions: dict[str, Any] = {}
        self.waiting: list[tuple[str, Schema, _Scope]] = []
        self._names: dict[tuple[int, tuple[tuple[str, str], ...]], str] = {}
        self._kept: list[Schema] = []
        self._root = document.root
        self._identifiers = document.identifiers
        self._where = where

    def take(self, schema: Schema, scope: _Scope) -> Schema:
        """The schema with its references leading into `$defs`."""
        if not isinstance(schema, Mapping):
            return schema
        scope = self.inside(schema, scope)
        made = rebuild(schema, lambda entry: self.take(entry, scope))
        _bound(made)
        _drop_foreign_patterns(made)
        for noise in _NOISE.intersection(made):
            del made[noise]
        reference = made.get("$ref")
        if isinstance(reference, str) and reference.partition("#")[0] not in _META_SCHEMAS:
            made["$ref"] = self._name(self.target(reference, scope))
        dynamic = made.pop("$dynamicRef", None)
        if isinstance(dynamic, str):
            name = self._name(self._dynamic_target(dynamic, scope))
            if "$ref" in made:
                made["allOf"] = [*made.get("allOf", ()), {"$ref": name}]
            else:
                made["$ref"] = name
        return made

    def inside(self, schema: Mapping[str, Any], scope: _Scope) -> _Scope:
        """The scope of what stands in `schema`, which may be a resource of its own."""
        if "$id" not in schema:
            return scope
        return self._entered(identified(schema, scope.base), scope)

    def _entered(self, base: str, scope: _Scope) -> _Scope:
        if base in (scope.base, DOCUMENT):
            return scope._replace(base=base)
        known = dict(scope.dynamic)
        for name in self._identifiers.dynamic(base):
            known.setdefault(name, base)
        return scope._replace(base=base, dynamic=tuple(sorted(known.items())))

    def _dynamic_target(self, reference: str, scope: _Scope) -> _Target:
        found = self.target(reference, scope)
        name = reference.partition("#")[2]
        if not isinstance(found.schema, Mapping) or found.schema.get("$dynamicAnchor") != name:
            return found
        outermost = DOCUMENT if name in self._identifiers.dynamic(DOCUMENT) else None
        uri = outermost or dict(scope.dynamic).get(name)
        if uri is None:
            return found
        return self._at(self._identifiers.dynamic(uri)[name], self._entered(uri, scope))

    def target(self, reference: str, scope: _Scope) -> _Target:
        """The schema a reference means. Raises InvalidInput where there is none."""
        found = self._step(reference, scope)
        seen: list[Schema] = []
        last = found
        while isinstance(last.schema, Mapping) and set(last.schema) == {"$ref"}:
            if any(last.schema is other for other in seen):
                raise InvalidInput(
                    f"{self._where}: $ref {reference!r} refers to itself in a circle"
                )
            seen.append(last.schema)
            further = last.schema["$ref"]
            if not isinstance(further, str) or further.partition("#")[0] in _META_SCHEMAS:
                break
            last = self._step(further, last.scope)
        if not isinstance(found.schema, Mapping | bool):
            raise InvalidInput(
                f"{self._where}: $ref {reference!r} leads to {found.schema!r:.80}, no schema"
            )
        return found

    def _step(self, reference: str, scope: _Scope) -> _Target:
        """Where one reference leads, following no further one."""
        uri, fragment = self._split(reference, scope)
        resource = self._identifiers.resource(uri)
        if resource is None:
            raise self._outside(reference)
        entered = self._entered(uri, scope)
        if not is_pointer(f"#{fragment}"):
            found = self._identifiers.anchor(uri, fragment)
            if found is None:
                raise InvalidInput(
                    f"{self._where}: $ref {reference!r} leads nowhere (no such $anchor)"
                )
            return self._at(found, entered)
        if fragment in ("", "/"):
            return self._at(resource, entered)
        way = list(steps(resource, f"#{fragment}"))
        if len(way) < fragment.count("/"):
            return self._careless(reference, scope)
        return self._at(way[-1], self._entered(way[-1].base, entered))

    def _at(self, placed: Placed, entered: _Scope) -> _Target:
        """`entered` has the dynamic anchors; the base is the one outside the schema's own."""
        return _Target(placed.schema, entered._replace(base=placed.base, local=placed.schema))

    def _careless(self, reference: str, scope: _Scope) -> _Target:
        """Definitions inside the schema itself, which others mean by `#/$defs/...`."""
        if reference.startswith(("#/$defs/", "#/definitions/")):
            way = list(steps(Placed(scope.local, scope.base), reference))
            if len(way) == reference.count("/"):
                return _Target(way[-1].schema, scope._replace(base=way[-1].base))
        lookup(self._root, f"#{reference.partition('#')[2]}", where=self._where)
        raise InvalidInput(f"{self._where}: $ref {reference!r} leads nowhere")

    def _outside(self, reference: str) -> InvalidInput:
        return InvalidInput(
            f"{self._where}: $ref {reference!r} leads outside this document, which is not read; "
            "bundle everything into one file"
        )

    def _split(self, reference: str, scope: _Scope) -> tuple[str, str]:
        if reference.startswith("#"):
            return scope.base, reference[1:]
        try:
            uri, fragment = urldefrag(urljoin(scope.base, reference))
        except ValueError:
            raise self._outside(reference) from None
        return uri, fragment

    def _name(self, target: _Target) -> str:
        schema = target.schema
        key = (id(schema), target.scope.dynamic)
        if isinstance(schema, bool) or key not in self._names:
            self._names[key] = f"r{len(self._names)}"
            self._kept.append(schema)  # so that no other object gets its id
            self.waiting.append((self._names[key], schema, target.scope))
        return f"#/$defs/{self._names[key]}"


_META_SCHEMAS = (DIALECT,)
