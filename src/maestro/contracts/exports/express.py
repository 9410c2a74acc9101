"""A mock server in JavaScript: Express 5 and ajv 8."""

import json
from collections.abc import Iterator

from maestro.contracts.exports.client_contract import template
from maestro.contracts.exports.client_names import one_line, snake
from maestro.contracts.exports.curl_lines import curl_line, quoted
from maestro.contracts.exports.express_contract import ExpressData, express_data
from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.exports.project import ExportedProject
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

PACKAGES = {"ajv": "8.20.0", "ajv-formats": "3.0.1", "express": "5.3.0"}
"""Exactly these: they were tried together."""

PORT = 4010
_LIBRARY = ("replies", "requests", "schemas", "state")
_SHOWN = 8


def express_project(contract: Contract) -> ExportedProject:
    """A project that `npm install` and `npm start` bring to life.

    The source is the same for every contract; what the contract says is in two JSON files.

    Raises:
        InvalidInput: no OpenAPI contract, or one without a usable operation.
    """
    rest = RestContract(contract, what="Express projects are")
    data = express_data(rest)
    files = {
        "package.json": package_json(contract, server_name(contract), PACKAGES),
        "contract.json": _json(data.contract),
        "responses.json": _json(data.responses),
        server_name(contract): template("express/server.mjs", {}),
        **{f"lib/{name}.mjs": template(f"express/{name}.mjs", {}) for name in _LIBRARY},
        "README.md": _readme(rest, data),
    }
    return ExportedProject(files=files)


def server_name(contract: Contract) -> str:
    """The module that starts the server."""
    return f"{snake(contract.id)}_mock_server.mjs"


def package_json(contract: Contract, server: str, packages: dict[str, str]) -> bytes:
    return _json(
        {
            "name": f"{snake(contract.id).replace('_', '-')}-mock",
            "version": "1.0.0",
            "private": True,
            "description": one_line(f"Mock of {contract.name}, version {contract.version}"),
            "type": "module",
            "main": server,
            "scripts": {"start": f"node {server}"},
            "engines": {"node": ">=20"},
            "dependencies": dict(packages),
        }
    )


def cell(text: str) -> str:
    """Text of a contract in a table of Markdown."""
    kept = one_line(text)
    for sign in "\\`|<>[]*_":
        kept = kept.replace(sign, f"\\{sign}")
    return kept


def code(text: str) -> str:
    """Text of a contract between two backticks."""
    return one_line(text).replace("`", "'").replace("|", "\\|")


def _json(value: JsonValue) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()  # ASCII only: no separator ends a line


def _readme(rest: RestContract, data: ExpressData) -> bytes:
    base = rest.api.written_base
    operations = [o for route in data.contract["routes"] for o in route["operations"].values()]
    values = {
        "title": cell(rest.document.title),
        "contract": code(rest.contract.id),
        "version": cell(rest.contract.version),
        "base": code(base or "/"),
        "address": f"http://127.0.0.1:{PORT}" + _plain(base),
        "rows": [
            {"request": code(o["key"]), "summary": cell(o["summary"]) or "-"} for o in operations
        ],
        "curls": list(_curls(rest)),
        "notes": [cell(note) for note in data.notes],
    }
    return template("express/README.md.jinja", values)


def _plain(base: str) -> str:
    """A base path in a line of the shell."""
    return quoted(base) if base else ""


def _curls(rest: RestContract) -> Iterator[str]:
    for planned in rest.plan().in_turn[:_SHOWN]:
        try:
            line = curl_line(planned)
        except InvalidInput:
            continue
        if "```" not in line and line.isprintable():
            yield line
