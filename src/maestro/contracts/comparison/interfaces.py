"""Two versions of an interface contract held against each other."""

from collections.abc import Callable, Iterator, Mapping

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.comparison.schemas import SchemaComparison, schema_changes
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import LocatedSchema
from maestro.contracts.mocks.interfaces.annotations import normal_annotation
from maestro.contracts.mocks.interfaces.model import (
    InterfaceMethod,
    InterfaceModel,
    InterfaceParameter,
    ParameterKind,
    TypeKind,
)
from maestro.contracts.mocks.interfaces.reading import read_interface
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject

_WIDER = {
    ParameterKind.POSITIONAL_ONLY: ParameterKind.EITHER,
    ParameterKind.KEYWORD_ONLY: ParameterKind.EITHER,
}
_Schemas = Callable[[JsonObject, JsonObject, SchemaDirection, str, str], list[Change]]


def compare_interfaces(before: Contract, after: Contract) -> Comparison:
    """Raises InvalidInput when one of the two cannot be read."""
    old, new = read_interface(before), read_interface(after)
    schemas = _schemas(old, new)
    changes: list[Change] = []
    mine = {method.key: method for method in old.methods}
    theirs = {method.key: method for method in new.methods}
    for key in sorted(mine.keys() | theirs.keys()):
        if key not in theirs:
            changes.append(_change(ChangeKind.BREAKING, "method-removed", key, "it is gone"))
        elif key not in mine:
            changes.append(_change(ChangeKind.COMPATIBLE, "method-added", key, "it is new"))
        else:
            changes += _method(key, mine[key], theirs[key], schemas)
    changes += _errors(old, new)
    if old.module != new.module:
        text = f"the module was {old.module}, is {new.module}"
        changes.append(_change(ChangeKind.BREAKING, "module-renamed", new.module, text))
    edited = before.specification_digest() != after.specification_digest()
    return Comparison.of(changes, edited=edited)


def _schemas(old: InterfaceModel, new: InterfaceModel) -> _Schemas:
    comparison = SchemaComparison(
        {"$defs": dict(old.definitions)}, {"$defs": dict(new.definitions)}
    )

    def compared(
        one: JsonObject, other: JsonObject, direction: SchemaDirection, side: str, key: str
    ) -> list[Change]:
        found = comparison.differences(LocatedSchema(one, ""), LocatedSchema(other, ""), direction)
        return schema_changes(found, side=side, subject=key, operation=key)

    return compared


def _method(
    key: str, old: InterfaceMethod, new: InterfaceMethod, schemas: _Schemas
) -> Iterator[Change]:
    for what, one, other in (
        ("async", old.is_async, new.is_async),
        ("attribute", old.is_property, new.is_property),
    ):
        if one != other:
            text = f"it is {'now' if other else 'no longer'} {what}"
            yield _change(ChangeKind.BREAKING, f"method-{what}-changed", key, text)
    yield from _parameters(key, old, new, schemas)
    told = schemas(old.returns, new.returns, SchemaDirection.RESPONSE, "return", key)
    yield from told
    if not told and normal_annotation(old.annotation) != normal_annotation(new.annotation):
        text = f"it returned {old.annotation or 'anything'}, returns {new.annotation or 'anything'}"
        yield _change(ChangeKind.DANGEROUS, "return-annotation-changed", key, text)
    for name in sorted(set(new.raises) - set(old.raises)):
        text = f"it may raise {name}, which nobody catches yet"
        yield _change(ChangeKind.DANGEROUS, "error-added", key, text)


def _parameters(
    key: str, old: InterfaceMethod, new: InterfaceMethod, schemas: _Schemas
) -> Iterator[Change]:
    mine = {parameter.name: parameter for parameter in old.parameters}
    theirs = {parameter.name: parameter for parameter in new.parameters}
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in theirs:
            yield _change(ChangeKind.BREAKING, "parameter-removed", key, f"{name} is gone")
        elif name not in mine:
            kind = ChangeKind.BREAKING if theirs[name].required else ChangeKind.COMPATIBLE
            rule = "parameter-added-required" if theirs[name].required else "parameter-added"
            yield _change(kind, rule, key, f"{name} is new")
        else:
            yield from _parameter(key, mine[name], theirs[name], schemas)
    one, other = _order(mine, theirs), _order(theirs, mine)
    if one != other[: len(one)]:
        text = f"by position it took {', '.join(one)}, takes {', '.join(other)}"
        yield _change(ChangeKind.BREAKING, "parameter-order-changed", key, text)


def _parameter(
    key: str, old: InterfaceParameter, new: InterfaceParameter, schemas: _Schemas
) -> Iterator[Change]:
    name = old.name
    if old.kind is not new.kind:
        kind = ChangeKind.COMPATIBLE if _WIDER.get(old.kind) is new.kind else ChangeKind.BREAKING
        text = f"{name} was {old.kind}, is {new.kind}"
        yield _change(kind, "parameter-kind-changed", key, text)
    if new.required and not old.required:
        yield _change(ChangeKind.BREAKING, "parameter-became-required", key, f"{name} is required")
    elif old.required and not new.required:
        yield _change(
            ChangeKind.COMPATIBLE, "parameter-became-optional", key, f"{name} may stay out"
        )
    elif old.default != new.default:
        text = f"the default of {name} was {old.default}, is {new.default}"
        yield _change(ChangeKind.DANGEROUS, "parameter-default-changed", key, text)
    yield from schemas(old.schema, new.schema, SchemaDirection.REQUEST, f"parameter-{name}", key)


def _order(
    own: Mapping[str, InterfaceParameter], others: Mapping[str, InterfaceParameter]
) -> list[str]:
    """Parameters of both versions that can be given by position, in their order."""
    both = (ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER)
    return [
        name
        for name, parameter in own.items()
        if name in others and parameter.kind in both and others[name].kind in both
    ]


def _errors(old: InterfaceModel, new: InterfaceModel) -> Iterator[Change]:
    """Types of errors, which no schema describes."""
    kept = {entry.name: entry.base for entry in new.types if entry.kind is TypeKind.EXCEPTION}
    for entry in old.types:
        if entry.kind is not TypeKind.EXCEPTION:
            continue
        if entry.name not in kept:
            text = "the error is gone; who catches it by name fails"
            yield _change(ChangeKind.BREAKING, "error-removed", entry.name, text)
        elif kept[entry.name] != entry.base:
            text = f"the error derived from {entry.base}, derives from {kept[entry.name]}"
            yield _change(ChangeKind.DANGEROUS, "error-base-changed", entry.name, text)


def _change(kind: ChangeKind, rule: str, key: str, message: str) -> Change:
    return Change(kind=kind, rule=rule, pointer=key, message=f"{key}: {message}", operation=key)
