"""What an interface contract promises: methods with typed parameters, and the types they use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from maestro.domain.values import JsonObject, JsonValue


class ParameterKind(StrEnum):
    POSITIONAL_ONLY = "positional-only"
    EITHER = "positional or keyword"
    KEYWORD_ONLY = "keyword-only"
    REST = "any number of arguments"
    KEYWORD_REST = "any keywords"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceParameter:
    name: str
    kind: ParameterKind
    annotation: str
    """As Python text; empty where none is given."""
    schema: JsonObject
    default: str | None = None
    """As Python text; None where the parameter is required."""

    @property
    def required(self) -> bool:
        rest = (ParameterKind.REST, ParameterKind.KEYWORD_REST)
        return self.default is None and self.kind not in rest


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceMethod:
    owner: str
    """Name of the class; empty for a function of the module."""
    name: str
    parameters: tuple[InterfaceParameter, ...]
    returns: JsonObject
    """Schema of what is returned."""
    annotation: str = ""
    """Of what is returned, as Python text."""
    raises: tuple[str, ...] = ()
    """Documented exceptions."""
    is_async: bool = False
    is_property: bool = False
    summary: str = ""
    examples: tuple[JsonObject, ...] = ()
    """`{"arguments": {...}, "returns": value}`."""

    @property
    def key(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name


class TypeKind(StrEnum):
    DATACLASS = "dataclass"
    TYPED_DICT = "typed dict"
    NAMED_TUPLE = "named tuple"
    ENUM = "enum"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceField:
    name: str
    annotation: str
    schema: JsonObject
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceType:
    """A type the module offers beside its methods."""

    name: str
    kind: TypeKind
    base: str = ""
    """The class it derives from, for enums and exceptions."""
    fields: tuple[InterfaceField, ...] = ()
    members: Mapping[str, JsonValue] = field(default_factory=dict)
    """Of an enum."""
    frozen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceModel:
    name: str
    """Of the contract."""
    module: str
    """Dotted path by which the built module is imported."""
    methods: tuple[InterfaceMethod, ...]
    types: tuple[InterfaceType, ...] = ()
    definitions: Mapping[str, JsonObject] = field(default_factory=dict)
    """`$defs` of every schema here."""

    @property
    def owners(self) -> tuple[str, ...]:
        """Classes in the order of the contract; the empty name stands for the module itself."""
        return tuple(dict.fromkeys(method.owner for method in self.methods))

    def whole(self, schema: JsonObject) -> dict[str, JsonValue]:
        """A schema that stands alone."""
        return {**schema, "$defs": dict(self.definitions)} if self.definitions else dict(schema)
