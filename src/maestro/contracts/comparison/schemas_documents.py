"""Contracts that are one JSON Schema, or a document of ours: tables, pages, hooks."""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.comparison.schemas import compare_schemas
from maestro.contracts.comparison.schemas_nodes import same
from maestro.contracts.openapi.dialects import SchemaReader
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject

BREAKING, DANGEROUS, COMPATIBLE = ChangeKind.BREAKING, ChangeKind.DANGEROUS, ChangeKind.COMPATIBLE
_SCHEMA_KEYWORDS = frozenset({
    "$schema", "$ref", "$defs", "definitions", "type", "properties", "allOf", "anyOf", "oneOf",
    "enum", "const", "required", "items", "prefixItems", "patternProperties", "not", "if",
})  # fmt: skip
_NAMES = ("name", "id", "entity", "path")
"""Members by which entries of a list are told apart."""


def compare_documents(old: JsonObject, new: JsonObject) -> Comparison:
    """Compares schemas by what they allow, tables by their columns, the rest by its values."""
    edited = not same(old, new)
    if not edited:
        return Comparison(changes=())
    if isinstance(old.get("tables"), list) and isinstance(new.get("tables"), list):
        return Comparison.of(_tables(old, new), edited=edited)
    if _is_schema(old) and _is_schema(new):
        return Comparison.of(compare_schemas(_modern(old), _modern(new)), edited=edited)
    return Comparison.of(_values("", old, new), edited=edited)


def _modern(schema: JsonObject) -> JsonObject:
    """The schema as 2020-12, whatever draft its `$schema` names."""
    made = SchemaReader(Notebook()).read(schema, "")
    return made if isinstance(made, Mapping) else schema


def _is_schema(document: JsonObject) -> bool:
    return not document or bool(_SCHEMA_KEYWORDS & document.keys())


def _change(
    kind: ChangeKind, rule: str, pointer: str, message: str, before: Any = None, after: Any = None
) -> Change:
    return Change(
        kind=kind, rule=rule, pointer=pointer, message=message, before=before, after=after
    )


def _named(entries: Any) -> dict[str, tuple[int, Mapping[str, Any]]]:
    if not isinstance(entries, list):
        return {}
    return {
        str(entry.get("name")): (position, entry)
        for position, entry in enumerate(entries)
        if isinstance(entry, Mapping)
    }


def _tables(old: JsonObject, new: JsonObject) -> Iterator[Change]:
    before, after = _named(old["tables"]), _named(new["tables"])
    for name, (position, table) in before.items():
        if name not in after:
            place = join("", "tables", position)
            yield _change(BREAKING, "table-removed", place, f"table `{name}` was removed", name)
        else:
            yield from _columns(name, join("", "tables", after[name][0]), table, after[name][1])
    for name, (position, _) in after.items():
        if name not in before:
            place = join("", "tables", position)
            yield _change(COMPATIBLE, "table-added", place, f"table `{name}` was added", None, name)


def _columns(
    table: str, pointer: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    before, after = _named(old.get("columns")), _named(new.get("columns"))
    for name in before:
        said = f"column `{table}.{name}`"
        if name not in after:
            place = join(pointer, "columns")
            yield _change(BREAKING, "column-removed", place, f"{said} was removed", name)
        else:
            place = join(pointer, "columns", after[name][0])
            yield from _column(said, place, before[name][1], after[name][1])
    for name, (position, column) in after.items():
        if name not in before:
            needed = column.get("nullable") is False and not column.get("primary_key")
            yield _change(
                BREAKING if needed else COMPATIBLE,
                "required-column-added" if needed else "column-added",
                join(pointer, "columns", position),
                f"column `{table}.{name}` was added" + (" and must be filled" if needed else ""),
                None,
                name,
            )


_COLUMN_RULES: Mapping[str, tuple[str, ChangeKind, ChangeKind]] = {
    "nullable": ("column-nullable", DANGEROUS, BREAKING),
    "unique": ("column-unique", BREAKING, COMPATIBLE),
    "primary_key": ("column-primary-key", BREAKING, BREAKING),
}
"""Slug, kind when it becomes true, kind when it becomes false."""


def _column(
    said: str, pointer: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    for key, (slug, kind_true, kind_false) in _COLUMN_RULES.items():
        was, is_now = old.get(key) is True, new.get(key) is True
        if was is not is_now:
            yield _change(
                kind_true if is_now else kind_false,
                f"{slug}-{'added' if is_now else 'removed'}",
                join(pointer, key),
                f"{said} is {'now' if is_now else 'no longer'} {key.replace('_', ' ')}",
                was,
                is_now,
            )
    before, after = old.get("type"), new.get("type")
    if before != after:
        kind = DANGEROUS if (before, after) == ("string", "text") else BREAKING
        message = f"{said} has type {after} instead of {before}"
        yield _change(kind, "column-type-changed", join(pointer, "type"), message, before, after)
    before, after = old.get("references"), new.get("references")
    if before != after:
        kind = COMPATIBLE if after is None else (BREAKING if before is None else DANGEROUS)
        message = f"{said} refers to {after or 'nothing'} instead of {before or 'nothing'}"
        place = join(pointer, "references")
        yield _change(kind, "column-reference-changed", place, message, before, after)
    yield from _column_values(said, join(pointer, "enum"), old.get("enum"), new.get("enum"))


def _column_values(said: str, pointer: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None and new is None:
        return
    if not isinstance(old, list) or not isinstance(new, list):
        limited = isinstance(new, list)
        yield _change(
            BREAKING if limited else DANGEROUS,
            f"column-enum-{'added' if limited else 'removed'}",
            pointer,
            f"{said} is {'now' if limited else 'no longer'} limited to listed values",
            old,
            new,
        )
        return
    for value in (value for value in old if value not in new):
        text = f"{said} can no longer be {value!r}"
        yield _change(BREAKING, "column-enum-value-removed", pointer, text, value)
    for value in (value for value in new if value not in old):
        text = f"{said} can now be {value!r}"
        yield _change(DANGEROUS, "column-enum-value-added", pointer, text, None, value)


def _values(pointer: str, old: Any, new: Any) -> Iterator[Change]:
    """What is gone breaks, what is new does not, what is different has to be looked at."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _members(pointer, dict(old), dict(new))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _members(pointer, _by_name(old), _by_name(new))
    elif not same(old, new):
        text = f"{pointer} is {new!r:.80} instead of {old!r:.80}"
        yield _change(DANGEROUS, "document-value-changed", pointer, text, old, new)


def _members(pointer: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[Change]:
    for name in old:
        place = join(pointer, name)
        if name in new:
            yield from _values(place, old[name], new[name])
        else:
            text = f"{place} was removed"
            yield _change(BREAKING, "document-value-removed", place, text, old[name])
    for name in new:
        if name not in old:
            place = join(pointer, name)
            text = f"{place} was added"
            yield _change(COMPATIBLE, "document-value-added", place, text, None, new[name])


def _by_name(entries: list[Any]) -> dict[str, Any]:
    """Entries by what names them: order says nothing."""
    found: dict[str, Any] = {}
    for entry in entries:
        name = entry
        if isinstance(entry, Mapping):
            name = next((entry[key] for key in _NAMES if isinstance(entry.get(key), str)), None)
        label = str(name) if isinstance(name, str | int | float) else f"{len(found)}"
        found[label if label not in found else f"{label} #{len(found)}"] = entry
    return found
