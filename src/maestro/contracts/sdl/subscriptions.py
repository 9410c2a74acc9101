"""What a subscription delivers, told from its name and type."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from maestro.contracts.sdl.mutations import Effect, carries
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.contracts.sdl.words import singular, words

_EVENTS = {
    **dict.fromkeys(("created", "added", "new", "inserted", "posted", "placed", "received",
                     "create", "add", "incoming", "registered", "opened", "sent"),
                    Effect.CREATE),
    **dict.fromkeys(("updated", "changed", "modified", "edited", "update", "updates", "change",
                     "changes", "moved"), Effect.UPDATE),
    **dict.fromkeys(("deleted", "removed", "delete", "destroyed"), Effect.DELETE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SubscriptionRole:
    entity: str = ""
    """Type of the entries it tells about, which may be abstract; empty for anything else."""
    carried_in: str = ""
    """The field that holds the entry, where the event is an object around it."""
    effects: frozenset[Effect] = frozenset()


def subscription_role(roles: SchemaRoles, name: str, field: GraphQLField) -> SubscriptionRole:
    parts = words(name)
    told = {effect for part in parts if (effect := _EVENTS.get(part)) is not None}
    effects = frozenset(told or {Effect.CREATE, Effect.UPDATE, Effect.DELETE})
    named: Any = get_named_type(field.type)
    if roles.is_entity(named.name):
        return SubscriptionRole(named.name, "", effects)
    if isinstance(named, GraphQLObjectType):
        carried, entity = carries(roles, named)
        if entity:
            return SubscriptionRole(entity, carried, effects)
    for length in range(len(parts), 0, -1):  # `productDeleted: ID!`
        part = parts[:length]
        found = roles.entity_named("_".join((*part[:-1], singular(part[-1]))))
        if found is not None and told:
            return SubscriptionRole(found.name, "", effects)
    return SubscriptionRole(effects=effects)
