"""Reads an interface from Python source: by its syntax tree alone, nothing of it ever runs."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.mocks.interfaces.annotations import AnnotationReader, last_name
from maestro.contracts.mocks.interfaces.model import (
    InterfaceField,
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    InterfaceType,
    ParameterKind,
    TypeKind,
)
from maestro.domain.syntax import parse_python
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

MAX_SOURCE = 1_000_000
MAX_METHODS = 1_000

_ENUMS = ("Enum", "StrEnum", "IntEnum")
_RAISES = re.compile(r"^\s*(?::raises?\s+)?([A-Z]\w*(?:\s*,\s*[A-Z]\w*)*)\s*:", re.M)


def read_python(source: str, *, name: str, module: str) -> InterfaceModel:
    """Protocol classes are the interface; data classes, typed dicts, enums and errors its types.

    Raises:
        InvalidInput: no Python, too large, no Protocol class, or a part that promises nothing we
            understand, with line and column.
    """
    if len(source) > MAX_SOURCE:
        raise InvalidInput(f"contract {name!r}: more than {MAX_SOURCE} characters of Python")
    try:
        tree = parse_python(source)
    except SyntaxError as error:
        raise InvalidInput(
            f"contract {name!r}: line {error.lineno or 0}, column {error.offset or 0}: {error.msg}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"contract {name!r}: is no Python source: {error}") from None
    return _Source(tree, name).model(module)


class _Source:
    def __init__(self, tree: ast.Module, name: str) -> None:
        self._name = name
        self._classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        self._kinds = {node.name: kind for node in self._classes if (kind := _kind(node))}
        for _ in self._classes:  # errors may derive from one another in any depth
            for node in self._classes:
                if any(self._kinds.get(b) is TypeKind.EXCEPTION for b in _bases(node)):
                    self._kinds.setdefault(node.name, TypeKind.EXCEPTION)
        data = {n for n, kind in self._kinds.items() if kind is not TypeKind.EXCEPTION}
        self._read = AnnotationReader(data, _aliases(tree), name)

    def model(self, module: str) -> InterfaceModel:
        types: list[InterfaceType] = []
        methods: list[InterfaceMethod] = []
        for node in self._classes:
            if "Protocol" in _bases(node):
                methods += self._methods(node)
            elif node.name in self._kinds:
                types.append(self._type(node, self._kinds[node.name]))
            else:
                raise self._read.refusal(
                    node, f"class {node.name} is no Protocol, data class, enum or error"
                )
        if not methods:
            raise InvalidInput(
                f"contract {self._name!r}: no class derives from typing.Protocol with a method in "
                "it, so nothing is promised"
            )
        if len(methods) > MAX_METHODS:
            raise InvalidInput(f"contract {self._name!r}: more than {MAX_METHODS} methods")
        return InterfaceModel(
            name=self._name,
            module=module,
            methods=tuple(methods),
            types=tuple(types),
            definitions={t.name: _definition(t) for t in types if t.kind is not TypeKind.EXCEPTION},
        )

    def _methods(self, owner: ast.ClassDef) -> Iterator[InterfaceMethod]:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield self._method(owner.name, node)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield InterfaceMethod(
                    owner=owner.name,
                    name=node.target.id,
                    parameters=(),
                    returns=self._read.schema(node.annotation),
                    annotation=ast.unparse(node.annotation),
                    is_property=True,
                )

    def _method(self, owner: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> InterfaceMethod:
        decorators = [last_name(entry) for entry in node.decorator_list]
        unknown = [name for name in decorators if name not in ("property", "abstractmethod")]
        if unknown:
            raise self._read.refusal(node, f"{node.name}: nothing is known of @{unknown[0]}")
        text = ast.get_docstring(node) or ""
        return InterfaceMethod(
            owner=owner,
            name=node.name,
            parameters=tuple(self._parameters(node)),
            returns=self._read.schema(node.returns),
            annotation=ast.unparse(node.returns) if node.returns else "",
            raises=_raised(text),
            is_async=isinstance(node, ast.AsyncFunctionDef),
            is_property="property" in decorators,
            summary=text.splitlines()[0][:200] if text else "",
        )

    def _parameters(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[InterfaceParameter]:
        given = node.args
        plain = [*given.posonlyargs, *given.args]
        absent = len(plain) - len(given.defaults)
        for number, entry in enumerate(plain[1:], start=1):  # the first one is self
            before = number < len(given.posonlyargs)
            kind = ParameterKind.POSITIONAL_ONLY if before else ParameterKind.EITHER
            default = given.defaults[number - absent] if number >= absent else None
            yield self._parameter(entry, kind, default)
        if given.vararg:
            yield self._parameter(given.vararg, ParameterKind.REST, None)
        for entry, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            yield self._parameter(entry, ParameterKind.KEYWORD_ONLY, value)
        if given.kwarg:
            yield self._parameter(given.kwarg, ParameterKind.KEYWORD_REST, None)

    def _parameter(
        self, entry: ast.arg, kind: ParameterKind, default: ast.expr | None
    ) -> InterfaceParameter:
        return InterfaceParameter(
            name=entry.arg,
            kind=kind,
            annotation=ast.unparse(entry.annotation) if entry.annotation else "",
            schema=self._read.schema(entry.annotation),
            default=self._default(default),
        )

    def _type(self, node: ast.ClassDef, kind: TypeKind) -> InterfaceType:
        if kind is TypeKind.EXCEPTION:
            own = [base for base in _bases(node) if base in self._kinds or _is_error(base)]
            return InterfaceType(name=node.name, kind=kind, base=(own or ["Exception"])[0])
        if kind is TypeKind.ENUM:
            members = dict(self._members(node))
            base = next(base for base in _bases(node) if base in _ENUMS)
            return InterfaceType(name=node.name, kind=kind, base=base, members=members)
        fields = tuple(
            InterfaceField(
                name=entry.target.id,
                annotation=ast.unparse(entry.annotation),
                schema=self._read.schema(entry.annotation),
                default=self._default(entry.value),
            )
            for entry in node.body
            if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name)
        )
        frozen = any("frozen=True" in ast.unparse(entry) for entry in node.decorator_list)
        return InterfaceType(name=node.name, kind=kind, fields=fields, frozen=frozen)

    def _members(self, node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
        for entry in node.body:
            if isinstance(entry, ast.Assign) and isinstance(entry.targets[0], ast.Name):
                name = entry.targets[0].id
                value = _literal(entry.value)
                automatic = isinstance(entry.value, ast.Call) and "auto" in ast.unparse(entry.value)
                if automatic and "StrEnum" in _bases(node):
                    value = (name.lower(),)
                if value is None or not isinstance(value[0], str | int):
                    raise self._read.refusal(entry, f"{node.name}.{name} is no text or number")
                yield name, value[0]

    def _default(self, node: ast.expr | None) -> str | None:
        if node is None:
            return None
        if _literal(node) is not None:
            return ast.unparse(node)
        owner = last_name(node.value) if isinstance(node, ast.Attribute) else ""
        if self._kinds.get(owner) is TypeKind.ENUM:
            return ast.unparse(node)
        raise self._read.refusal(node, f"the default {ast.unparse(node)[:80]!r} is no plain value")


def _is_error(name: str) -> bool:
    """Whether Python itself has an exception of that name."""
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, Exception)


def _kind(node: ast.ClassDef) -> TypeKind | None:
    bases = _bases(node)
    decorators = [last_name(getattr(entry, "func", entry)) for entry in node.decorator_list]
    if "Protocol" in bases:
        return None
    if "dataclass" in decorators:
        return TypeKind.DATACLASS
    if "TypedDict" in bases:
        return TypeKind.TYPED_DICT
    if "NamedTuple" in bases:
        return TypeKind.NAMED_TUPLE
    if any(base in _ENUMS for base in bases):
        return TypeKind.ENUM
    return TypeKind.EXCEPTION if any(_is_error(base) for base in bases) else None


def _bases(node: ast.ClassDef) -> list[str]:
    names = [last_name(getattr(base, "value", base)) or last_name(base) for base in node.bases]
    return [name for name in names if name]


def _aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """`Sku = str`, `Sku: TypeAlias = str` and `Sku = NewType("Sku", str)`."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if not isinstance(target, ast.Name) or value is None:
            continue
        if isinstance(value, ast.Call):
            if last_name(value.func) == "NewType" and len(value.args) == 2:
                found[target.id] = value.args[1]
        elif not isinstance(value, ast.Constant | ast.List | ast.Dict):
            found[target.id] = value
    return found


def _literal(node: ast.expr) -> tuple[Any] | None:
    """The value in a tuple of one; None when it is no literal."""
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _raised(text: str) -> tuple[str, ...]:
    """Errors that a docstring's `Raises:` section, or a sentence with `Raises X`, names."""
    head, _, section = text.partition("Raises:")
    listed = [name for found in _RAISES.findall(section) for name in re.split(r"\s*,\s*", found)]
    listed += re.findall(r":raises?\s+([A-Z]\w*)", head)
    listed += re.findall(r"\bRaises ([A-Z]\w*)", text)
    return tuple(dict.fromkeys(listed))


def _definition(kind: InterfaceType) -> JsonObject:
    """The schema of one of the module's own types."""
    if kind.kind is TypeKind.ENUM:
        return {"enum": list(kind.members.values()), "x-python": f"enum:{kind.name}"}
    properties: Mapping[str, Any] = {entry.name: entry.schema for entry in kind.fields}
    needed = [entry.name for entry in kind.fields if entry.default is None]
    made = "dict" if kind.kind is TypeKind.TYPED_DICT else "class"
    tag = {} if made == "dict" else {"x-python": f"class:{kind.name}"}
    return {
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
        **tag,
    }
