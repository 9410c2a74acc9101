"""What a mutation does to stored objects, told from its name, its input and what it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from maestro.contracts.sdl.roles import EntityType, SchemaRoles
from maestro.contracts.sdl.words import noun, singular, words


class Effect(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UPSERT = "upsert"
    """Updates what has the given key, creates otherwise."""
    NONE = "none"
    """Nothing that is stored is known to change."""


_VERBS: Mapping[str, Effect] = {
    **dict.fromkeys(
        ("create", "add", "insert", "new", "register", "submit", "place", "post", "make",
         "signup", "send", "open", "start", "write", "build", "book", "invite", "upload",
         "import", "draft", "request", "generate", "schedule", "publish_new", "created", "added"),
        Effect.CREATE,
    ),
    **dict.fromkeys(
        ("update", "edit", "modify", "change", "patch", "rename", "set", "move", "assign",
         "replace", "adjust", "amend", "mark", "toggle", "increment", "decrement", "updated",
         "changed"),
        Effect.UPDATE,
    ),
    **dict.fromkeys(
        ("delete", "remove", "destroy", "drop", "erase", "purge", "discard", "deleted",
         "removed"),
        Effect.DELETE,
    ),
    **dict.fromkeys(("upsert", "save", "put", "store", "sync"), Effect.UPSERT),
}  # fmt: skip

_WRAPPERS = {"input", "data", "attributes", "attrs", "patch", "set", "values", "fields", "changes",
    "payload", "object", "params", "details"}  # fmt: skip
_FAILURES = {"error", "errors", "failure", "failed", "invalid", "exception", "problem", "denied",
    "unauthorized", "notfound", "conflict"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MutationRole:
    effect: Effect
    entity: str = ""
    """The type it changes; empty where none is known."""
    verb: str = ""
    """As the name has it: `cancel` of `cancelOrder`."""
    many: bool = False
    """Its input holds a list of entries to create."""


def mutation_role(roles: SchemaRoles, name: str, field: GraphQLField) -> MutationRole:
    effect, verb, rest = _verb(roles, name)
    entity = _entity(roles, rest, field)
    if entity is None:
        return MutationRole(Effect.NONE, verb=verb)
    has_key = bool(_keys_in(roles, entity, field))
    if effect is None:  # `cancelOrder(id)` changes the order
        effect = Effect.UPDATE if has_key else Effect.NONE
    if effect is Effect.CREATE and has_key and not _other_input(entity, field):
        effect = Effect.UPDATE  # `openTicket(id)`, `startJob(id)`
    many = effect is Effect.CREATE and _entries_argument(entity, field) != ""
    return MutationRole(effect, entity.name, verb, many)


def carries(roles: SchemaRoles, answer: Any) -> tuple[str, str]:
    """Field and type of the entity inside what a mutation answers; two empty texts for none."""
    if not isinstance(answer, GraphQLObjectType) or answer.name in roles.entities:
        return "", ""
    for name, field in answer.fields.items():
        named = get_named_type(field.type)
        if roles.is_entity(named.name) and not _is_failure(name):
            return name, named.name
    return "", ""


def success_member(roles: SchemaRoles, union: GraphQLUnionType, entity: str) -> str:
    """The member a mutation answers with when all is well."""
    members = sorted(union.types, key=lambda member: member.name)
    for member in members:
        if member.name == entity or carries(roles, member)[1] == entity:
            return str(member.name)
    healthy = [member.name for member in members if not _is_failure(member.name)]
    return str(healthy[0] if healthy else members[0].name)


@dataclass(frozen=True, slots=True)
class MutationInput:
    """The arguments of one call, laid out as an entry's key and values."""

    key: Any
    values: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...] = ()
    """One for each entry of a mutation that creates many."""
    keys: tuple[Any, ...] = ()
    """Of a mutation that is about several entries at once."""
    client_id: Any = None


def read_input(
    roles: SchemaRoles, entity: EntityType, field: GraphQLField, arguments: Mapping[str, Any]
) -> MutationInput:
    values: dict[str, Any] = {}
    many = _entries_argument(entity, field)
    entries: tuple[Mapping[str, Any], ...] = ()
    own = _own_fields(roles, entity)
    for path, value in _flat(arguments, own, noun(entity.name)):
        if path == many and isinstance(value, list):
            entries = tuple(entry for entry in value if isinstance(entry, Mapping))
        else:
            values.setdefault(path, value)
    keys: tuple[Any, ...] = ()
    for name in [n for n, v in values.items() if isinstance(v, list) and _is_keys(entity, n)]:
        keys = tuple(values.pop(name))
    key_names = [n for n in values if is_key_name(entity, n)]
    given = entity.key in values and values[entity.key] is not None
    chosen = entity.key if given else next(iter(key_names), "")
    key = values.get(chosen) if chosen else None
    if chosen and chosen != entity.key:
        values.pop(chosen, None)
    client = values.pop("clientMutationId", None)
    return MutationInput(key, values, entries, keys, client)


def is_key_name(entity: EntityType, name: str) -> bool:
    plain = "".join(words(name))
    stem = noun(entity.name)
    return name == entity.key or plain in ("id", f"{stem}id", f"{stem}uuid", "nodeid")


def _is_keys(entity: EntityType, name: str) -> bool:
    return "".join(words(name)) in ("ids", "keys", f"{noun(entity.name)}ids")


def _flat(arguments: Mapping[str, Any], own: set[str], stem: str) -> Iterator[tuple[str, Any]]:
    """Values of an entry, out of the wrappers (`input`, `attributes`, `product`) around them."""
    for name, value in arguments.items():
        is_wrapper = name not in own and (
            noun(name) == stem
            or name in _WRAPPERS
            or set(words(name)) & {"input", "data", "attributes"}
        )
        if is_wrapper and isinstance(value, Mapping):
            yield from _flat(value, own, stem)
        else:
            yield name, value


def _verb(roles: SchemaRoles, name: str) -> tuple[Effect | None, str, tuple[str, ...]]:
    """Effect, verb and the words that name what it is done to."""
    parts = words(name)
    if parts[:2] in (("sign", "up"), ("bulk", "create")):
        return Effect.CREATE, "create", parts[2:]
    if parts[:1] == ("bulk",) and len(parts) > 1:
        parts = parts[1:]
    found = [
        (_VERBS[verb], verb, rest)
        for first, rest in ((parts[:1], parts[1:]), (parts[-1:], parts[:-1]))
        for verb in first
        if verb in _VERBS
    ]  # `createProduct` and `productCreate`
    for effect, verb, rest in found:
        if rest and roles.entity_named("_".join(rest)) is not None:
            return effect, verb, rest  # `addOnDelete` deletes an add-on and adds nothing
    if found:
        return found[0]
    return None, parts[0] if parts else "", parts


def _entity(roles: SchemaRoles, rest: tuple[str, ...], field: GraphQLField) -> EntityType | None:
    found = _entity_in_name(roles, rest)
    answered = _answered(roles, field)
    if found is not None and answered is not None and found.name != answered.name:
        # `addReview(productId): Product` adds a review; `setProductPrice: Product` no price.
        return found
    return found or answered


def _entity_in_name(roles: SchemaRoles, rest: tuple[str, ...]) -> EntityType | None:
    """The longest noun: `updateOrderItemQuantity` is about order items."""
    for length in range(len(rest), 0, -1):
        for start in range(len(rest) - length + 1):
            part = rest[start : start + length]
            found = roles.entity_named("_".join((*part[:-1], singular(part[-1]))))
            if found is not None:
                return found
    return None


def _answered(roles: SchemaRoles, field: GraphQLField) -> EntityType | None:
    named = get_named_type(field.type)
    if named.name in roles.entities:
        return roles.entities[named.name]
    candidates: list[Any] = [named]
    if isinstance(named, GraphQLUnionType):
        candidates = sorted(named.types, key=lambda member: member.name)
    for candidate in candidates:
        if candidate.name in roles.entities and not _is_failure(candidate.name):
            return roles.entities[candidate.name]
        carried = carries(roles, candidate)[1]
        if carried in roles.entities:
            return roles.entities[carried]
    return None


def _keys_in(roles: SchemaRoles, entity: EntityType, field: GraphQLField) -> list[str]:
    own = _own_fields(roles, entity)
    return [name for name, _ in _leaves(field, own, entity) if is_key_name(entity, name)]


def _other_input(entity: EntityType, field: GraphQLField) -> bool:
    return any(not is_key_name(entity, n) for n, _ in _leaves(field, set(), entity))


def _leaves(field: GraphQLField, own: set[str], entity: EntityType) -> Iterator[tuple[str, Any]]:
    stem = noun(entity.name)
    for name, argument in field.args.items():
        named = get_named_type(argument.type)
        if isinstance(named, GraphQLInputObjectType) and name not in own:
            for inner, entry in named.fields.items():
                deeper = get_named_type(entry.type)
                if isinstance(deeper, GraphQLInputObjectType) and noun(inner) == stem:
                    yield from ((n, f.type) for n, f in deeper.fields.items())
                elif inner != "clientMutationId":
                    yield inner, entry.type
        else:
            yield name, argument.type


def _entries_argument(entity: EntityType, field: GraphQLField) -> str:
    """The argument that is a list of input objects, when it can only mean the entries."""
    lists = [
        name
        for name, argument in field.args.items()
        if is_list_type(get_nullable_type(argument.type))
        and isinstance(get_named_type(argument.type), GraphQLInputObjectType)
    ]
    stem = noun(entity.name)
    fitting = [n for n in lists if noun(n) == stem or singular(n) in _WRAPPERS or n in _WRAPPERS]
    return fitting[0] if fitting and is_list_type(get_nullable_type(field.type)) else ""


def _own_fields(roles: SchemaRoles, entity: EntityType) -> set[str]:
    named = roles.schema.type_map[entity.name]
    return set(named.fields) if isinstance(named, GraphQLObjectType) else set()


def _is_failure(name: str) -> bool:
    return bool(set(words(name)) & _FAILURES)


_IRREGULAR = {"pay": "paid", "send": "sent", "buy": "bought", "win": "won", "lose": "lost",
    "begin": "begun", "hold": "held", "sell": "sold", "ship": "shipped", "submit": "submitted",
    "stop": "stopped", "start": "started", "drop": "dropped", "ban": "banned",
    "set": "set"}  # fmt: skip


def reached_state(verb: str, states: GraphQLEnumType) -> str | None:
    """The enum value a verb leads to: `cancel` -> CANCELLED."""
    forms = participles(verb)
    return next((name for name in states.values if "".join(words(name)) in forms), None)


def participles(verb: str) -> set[str]:
    stem = verb.removesuffix("e")
    return {
        _IRREGULAR.get(verb, f"{stem}ed"),
        f"{stem}ed",
        f"{stem}{stem[-1:]}ed",
        f"{verb[:-1]}ied" if verb.endswith("y") else f"{stem}ed",
        verb,
    }


def leaf_arguments(field: GraphQLField) -> list[str]:
    return [n for n, a in field.args.items() if is_leaf_type(get_nullable_type(a.type))]
