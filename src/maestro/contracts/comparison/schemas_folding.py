"""Other ways of writing the same schema, brought to one."""

import math
from collections.abc import Mapping
from typing import Any

from maestro.contracts.comparison.schemas_nodes import (
    ATOMS,
    ArrayPart,
    LocatedSchema,
    Node,
    ObjectPart,
    is_number,
    occurs,
    same,
    single,
)

_GROUPS = (frozenset({"integer", "fraction"}), *(frozenset({a}) for a in sorted(ATOMS)))


def are_apart(nodes: list[Node]) -> bool:
    """Every value's type decides which of the schemas can hold."""
    if any(entry.unions or entry.conditions or entry.never for entry in nodes):
        return False
    if any(entry.enum is not None for entry in nodes):
        others = [entry for entry in nodes if entry.types != {"null"}]
        if len(others) != 1:
            return False
    taken: set[str] = set()
    for entry in nodes:
        wide = set[str]().union(*(group for group in _GROUPS if group & entry.types))
        if taken & wide:
            return False
        taken |= wide
    return True


def fold(node: Node, branches: list[Node]) -> bool:
    """Adds what schemas of separate types say, since no keyword speaks of two types."""
    if node.enum is not None and any(entry.enum is not None for entry in branches):
        return False
    node.types &= frozenset[str]().union(*(entry.types for entry in branches))
    for entry in branches:
        if entry.enum is not None:
            null = [None] if "null" in node.types else []
            node.enum = [v for v in entry.enum if v is not None or not null] + null
        for key, bound in entry.bounds.items():
            choose = max if key.startswith("min") else min
            node.bounds[key] = choose(node.bounds.get(key, bound), bound)
        for key, values in entry.sets.items():
            node.sets[key] = {**values, **node.sets.get(key, {})}
        node.dependent.update(entry.dependent)
        node.names += entry.names
        node.objects += entry.objects
        node.arrays += entry.arrays
        node.notes = {**entry.notes, **node.notes}
        node.places = {**entry.places, **node.places}
    return True


def fold_constants(node: Node, key: str, branches: list[Node]) -> bool:
    if any(entry.conditions for entry in branches):
        return False
    values = [value for entry in branches for value in entry.enum or ()]
    if key == "oneOf":
        values = [v for v in values if sum(same(v, other) for other in values) == 1]
    node.enum = values if node.enum is None else [v for v in node.enum if occurs(v, values)]
    for entry in branches:
        node.places = {**entry.places, **node.places}
    return True


def close_unevaluated(node: Node) -> None:
    """Without choices and conditions, what is unevaluated is what nothing declares."""
    if node.unions or any(not key.startswith("unevaluated") for key, _ in node.conditions):
        return
    for key, placed in node.conditions:
        entry = single(placed.schema, key, placed.pointer)
        if key == "unevaluatedItems":
            longest = max((part.prefix for part in node.arrays), key=len, default=())
            allowed = tuple(LocatedSchema(True, part.pointer) for part in longest)
            if all(part.others is None for part in node.arrays):
                node.arrays.append(ArrayPart(prefix=allowed, others=entry))
        elif all(part.others is None for part in node.objects):
            patterns = {name for part in node.objects for name in part.patterns}
            node.objects.append(
                ObjectPart(
                    properties={n: LocatedSchema(True, p) for n, p in node.declared().items()},
                    patterns={name: LocatedSchema(True, placed.pointer) for name in patterns},
                    others=entry,
                )
            )
    node.conditions = []


def settle_bounds(node: Node) -> None:
    """One way of writing bounds for what means the same."""
    multiples = [m for m in node.sets.get("multipleOf", {}) if is_number(m) and m > 0]
    if any(float(m).is_integer() for m in multiples):
        node.types -= {"fraction"}
    if "fraction" not in node.types:
        for key, step in (("minimum", 1), ("maximum", -1)):
            if key in node.bounds:
                value, beyond = node.bounds[key]
                node.bounds[key] = (_whole(value, beyond, step), 0)
        node.sets["multipleOf"] = {
            m: p for m, p in node.sets.get("multipleOf", {}).items() if m != 1
        }
    if node.types & {"integer", "fraction"} and _empty(node.bounds, "minimum", "maximum"):
        node.types -= {"integer", "fraction"}
    for kind, key in (("string", "Length"), ("array", "Items"), ("object", "Properties")):
        if _empty(node.bounds, f"min{key}", f"max{key}"):
            node.types -= {kind}


def _whole(value: float, beyond: int, step: int) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        return value
    rounded = math.ceil(value) if step > 0 else math.floor(value)
    return rounded + step if beyond and rounded == value else rounded


def _empty(bounds: Mapping[str, Any], low: str, high: str) -> bool:
    return low in bounds and high in bounds and bool(bounds[low] > bounds[high])
