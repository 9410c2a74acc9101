"""Annotations of Python as JSON Schemas, read from the syntax tree and never evaluated."""

import ast
from collections.abc import Callable, Collection
from typing import Any

from maestro.domain.syntax import parse_expression
from maestro.errors import InvalidInput

MAX_DEPTH = 30

_PLAIN: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "complex": {"type": "string", "x-python": "complex"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "object": {},
    "Any": {},
    "bytes": {"type": "string", "examples": ["c2FtcGxl"], "x-python": "bytes"},
    "Decimal": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
        "examples": ["19.99", "5.00"],
        "x-python": "decimal",
    },
    "datetime": {"type": "string", "format": "date-time", "x-python": "datetime"},
    "date": {"type": "string", "format": "date", "x-python": "date"},
    "time": {"type": "string", "format": "time", "x-python": "time"},
    "timedelta": {"type": "number", "x-python": "timedelta"},
    "UUID": {"type": "string", "format": "uuid", "x-python": "uuid"},
    "Path": {"type": "string", "examples": ["folder/file.txt"], "x-python": "path"},
}

_CODE = (
    ast.Call,
    ast.Lambda,
    ast.NamedExpr,
    ast.comprehension,
    ast.Await,
    ast.Yield,
    ast.YieldFrom,
)
_LISTS = frozenset({"list", "List", "Sequence", "Iterable", "Collection", "MutableSequence"})
_SETS = frozenset({"set", "Set", "frozenset", "FrozenSet", "AbstractSet"})
_MAPS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_WRAPPERS = frozenset({"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly"})
_AWAITED = frozenset({"Awaitable", "Coroutine"})


class AnnotationReader:
    """Reads annotations that may name the module's own types."""

    def __init__(self, types: Collection[str], aliases: dict[str, ast.expr], place: str) -> None:
        self._types = types
        self._aliases = aliases
        self._place = place

    def schema(self, node: ast.expr | None, depth: int = 0) -> dict[str, Any]:
        """Raises InvalidInput for what has no schema, naming line and column."""
        if node is None:
            return {}
        if depth > MAX_DEPTH:
            raise self.refusal(node, "an annotation nests too deep")
        if depth == 0:
            self._refuse_code(node)
        if isinstance(node, ast.Constant):
            return self._constant(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union([node.left, node.right], depth)
        if isinstance(node, ast.Subscript):
            return self._generic(node, depth)
        return self._named(node, depth)

    def _named(self, node: ast.expr, depth: int) -> dict[str, Any]:
        name = last_name(node)
        if name in self._aliases:
            return self.schema(self._aliases[name], depth + 1)
        if name in self._types:
            return {"$ref": f"#/$defs/{name}"}
        if name in _PLAIN:
            return dict(_PLAIN[name])
        bare = _bare(name)
        if bare is None:
            raise self.refusal(node, f"nothing is known of the type {ast.unparse(node)[:80]!r}")
        return bare

    def _refuse_code(self, node: ast.expr) -> None:
        """An annotation of a stub may be evaluated by whoever asks for type hints."""
        if any(isinstance(part, _CODE) for part in ast.walk(node)):
            raise self.refusal(node, f"{ast.unparse(node)[:80]!r} is code, not a type")

    def refusal(self, node: ast.AST, why: str) -> InvalidInput:
        line = getattr(node, "lineno", 0)
        column = getattr(node, "col_offset", 0) + 1
        return InvalidInput(
            f"contract {self._place!r}: line {line}, column {column}: {why}; use the module's own "
            "data classes, typed dicts and enums, or built-in types"
        )

    def _constant(self, node: ast.Constant, depth: int) -> dict[str, Any]:
        if node.value is None:
            return dict(_PLAIN["None"])
        if isinstance(node.value, str):  # a forward reference
            return self.schema(self.parsed(node), depth + 1)
        raise self.refusal(node, f"{node.value!r} is no type")

    def parsed(self, node: ast.Constant) -> ast.expr:
        try:
            inner = parse_expression(str(node.value))
            self._refuse_code(inner)
            return inner
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self.refusal(node, f"{str(node.value)[:80]!r} is no type") from None

    def _union(self, nodes: list[ast.expr], depth: int) -> dict[str, Any]:
        options: list[dict[str, Any]] = []
        for node in nodes:
            made = self.schema(node, depth + 1)
            nested = made.get("anyOf") if set(made) == {"anyOf"} else None
            options += nested if isinstance(nested, list) else [made]
        unique = [option for n, option in enumerate(options) if option not in options[:n]]
        return unique[0] if len(unique) == 1 else {"anyOf": unique}

    def _generic(self, node: ast.Subscript, depth: int) -> dict[str, Any]:
        name = last_name(node.value)
        inner = node.slice
        parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        if name == "Literal":
            return self._literal(node, parts)
        if name == "Optional":
            return self._union([*parts, ast.Constant(value=None)], depth)
        if name == "Union":
            return self._union(parts, depth)
        if name in ("tuple", "Tuple"):
            return self._tuple(parts, depth)
        if name in _MAPS and len(parts) == 2:
            return {"type": "object", "additionalProperties": self.schema(parts[1], depth + 1)}
        make = _SINGLE.get(name)
        if make is not None and parts:
            return make(self.schema(parts[-1 if name == "Coroutine" else 0], depth + 1))
        raise self.refusal(node, f"nothing is known of the type {ast.unparse(node)[:80]!r}")

    def _literal(self, node: ast.AST, parts: list[ast.expr]) -> dict[str, Any]:
        values = [part.value for part in parts if isinstance(part, ast.Constant)]
        plain = all(value is None or isinstance(value, str | int | bool) for value in values)
        if len(values) != len(parts) or not plain:
            raise self.refusal(node, "Literal takes texts, whole numbers and truth values")
        return {"enum": values}

    def _tuple(self, parts: list[ast.expr], depth: int) -> dict[str, Any]:
        last = parts[-1]
        if len(parts) == 2 and isinstance(last, ast.Constant) and last.value is Ellipsis:
            items = self.schema(parts[0], depth + 1)
            return {"type": "array", "items": items, "x-python": "tuple"}
        made = [self.schema(part, depth + 1) for part in parts]
        count = len(made)
        return {
            "type": "array",
            "prefixItems": made,
            "minItems": count,
            "maxItems": count,
            "x-python": "tuple",
        }


def _listed(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _set(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": True, "x-python": "set"}


def _same(schema: dict[str, Any]) -> dict[str, Any]:
    return schema


_SINGLE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    **dict.fromkeys(_LISTS, _listed),
    **dict.fromkeys(_SETS, _set),
    **dict.fromkeys(_WRAPPERS | _AWAITED, _same),
}


def _bare(name: str) -> dict[str, Any] | None:
    """A container whose content is not told."""
    if name in _LISTS:
        return {"type": "array"}
    if name in _SETS:
        return _set({})
    if name in _MAPS:
        return {"type": "object"}
    return {"type": "array", "x-python": "tuple"} if name in ("tuple", "Tuple") else None


def last_name(node: ast.AST) -> str:
    """`Decimal` of both `Decimal` and `decimal.Decimal`; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def normal_annotation(text: str) -> str:
    """Two spellings of one type become one text: `Optional[x.Quote]` and `Quote | None`."""
    try:
        node = parse_expression(text.strip().strip("'\""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text.strip()
    return _normal(node, 0)


_SPELLINGS = {
    "List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "FrozenSet": "frozenset",
    "NoneType": "None", "AbstractSet": "Set",
}  # fmt: skip


def _normal(node: ast.expr, depth: int) -> str:
    if depth > MAX_DEPTH:
        return ast.unparse(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [_normal(side, depth + 1) for side in (node.left, node.right)]
        return " | ".join(sorted({part for side in sides for part in side.split(" | ")}))
    if isinstance(node, ast.Subscript):
        inner = node.slice
        parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        texts = [_normal(part, depth + 1) for part in parts]
        name = last_name(node.value)
        if name in ("Optional", "Union"):
            texts += ["None"] if name == "Optional" else []
            return " | ".join(sorted({part for text in texts for part in text.split(" | ")}))
        return f"{_SPELLINGS.get(name, name)}[{', '.join(texts)}]"
    if isinstance(node, ast.Constant):
        return repr(node.value)
    name = last_name(node)
    return _SPELLINGS.get(name, name) or ast.unparse(node)
