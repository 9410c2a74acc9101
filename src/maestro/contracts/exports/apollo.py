"""A mock server in JavaScript for GraphQL: Apollo Server 5 with graphql-tools' mocks."""

import json
from collections.abc import Iterator
from typing import Any

from graphql import print_schema

from maestro.contracts.exports.apollo_mocks import apollo_mocks
from maestro.contracts.exports.client_contract import template
from maestro.contracts.exports.client_names import one_line
from maestro.contracts.exports.curl_lines import quoted
from maestro.contracts.exports.express import cell, code, package_json, server_name
from maestro.contracts.exports.graphql_requests import planned_queries
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.sdl.reading import read_sdl, sdl_of
from maestro.contracts.sdl.roles import SchemaRoles
from maestro.domain.contract import Contract

PACKAGES = {
    "@apollo/server": "5.5.1",
    "@graphql-tools/mock": "9.1.14",
    "@graphql-tools/schema": "10.1.5",
    "graphql": "16.15.0",
}
"""Exactly these: they were tried together."""

_SHOWN = 4


def apollo_project(contract: Contract) -> ExportedProject:
    """A project that `npm install` and `npm start` bring to life.

    Raises:
        InvalidInput: no GraphQL contract, or a schema that cannot be used.
    """
    read = read_sdl(sdl_of(contract), name=f"contract {contract.id!r}")
    roles = SchemaRoles(read.schema)
    server = server_name(contract)
    mocks = json.dumps(apollo_mocks(roles), indent=1) + "\n"
    files = {
        "package.json": package_json(contract, server, PACKAGES),
        "schema.graphql": (print_schema(read.schema) + "\n").encode(),
        "mocks.json": mocks.encode(),
        server: template("apollo/server.mjs", {}),
        "lib/world.mjs": template("apollo/world.mjs", {}),
        "README.md": _readme(contract, roles),
    }
    return ExportedProject(files=files)


def _readme(contract: Contract, roles: SchemaRoles) -> bytes:
    planned = [entry for _, entry in zip(range(_SHOWN), planned_queries(contract), strict=False)]
    values = {
        "title": cell(contract.name),
        "contract": code(contract.id),
        "version": cell(contract.version),
        "rows": list(_rows(roles)),
        "curls": [
            "curl -sS --header 'content-type: application/json' --data-raw "
            f'{quoted(json.dumps(body))} "$URL"'
            for _, body in planned
        ],
        "subscriptions": roles.schema.subscription_type is not None,
    }
    return template("apollo/README.md.jinja", values)


def _rows(roles: SchemaRoles) -> Iterator[dict[str, str]]:
    roots: dict[str, Any] = {
        "query": roles.schema.query_type,
        "mutation": roles.schema.mutation_type,
    }
    for kind, root in roots.items():
        for name, field in root.fields.items() if root is not None else ():
            arguments = ", ".join(f"{n}: {a.type}" for n, a in field.args.items())
            call = f"{name}({arguments})" if arguments else name
            yield {
                "call": code(f"{kind} {call}: {field.type}"),
                "told": cell(one_line(field.description or "")) or "-",
            }
