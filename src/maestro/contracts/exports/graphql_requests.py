"""One valid request for every query and mutation of a GraphQL contract."""

from collections.abc import Iterator
from typing import Any

from maestro.contracts.sdl.reading import read_sdl, sdl_of
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.contracts.verification.graphql_requests import RequestMaker, leaf_value
from maestro.domain.contract import Contract

SEEDS = 3
"""Entries of every type that are there from the start."""


def seeds_of(roles: SchemaRoles) -> dict[str, list[Any]]:
    """Keys of the entries that are there from the start, by type."""
    made: dict[str, list[Any]] = {}
    for name, entity in roles.entities.items():
        if not entity.key:
            made[name] = [str(1 + number) for number in range(SEEDS)]
            continue
        fields: Any = roles.schema.type_map[name]
        field = fields.fields[entity.key].type
        named = getattr(field, "of_type", field)
        found = [leaf_value(name, entity.key, named, number) for number in range(SEEDS)]
        made[name] = [v for n, v in enumerate(found) if v not in found[:n]]
    return made


def planned_queries(contract: Contract) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and body. Raises InvalidInput for a schema that cannot be used."""
    roles = SchemaRoles(read_sdl(sdl_of(contract), name=f"contract {contract.id!r}").schema)
    maker = RequestMaker(roles, seeds_of(roles))
    roots = {"query": roles.schema.query_type, "mutation": roles.schema.mutation_type}
    for kind, root in roots.items():
        for name in root.fields if root is not None else ():
            request = maker.request(kind, name)
            yield request.operation, request.body()
