"""A script for a POSIX shell with one call per operation."""

import json
import shlex
from collections.abc import Iterator

from maestro.contracts.exports.client_names import one_line, snake
from maestro.contracts.exports.curl_lines import curl_line, quoted
from maestro.contracts.exports.planned_requests import RestContract
from maestro.contracts.exports.project import ExportedProject
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

_HEAD = """#!/bin/sh
# One call per operation of {title}; answers go to the output, each with its status.
# BASE_URL says where the API is served, this script's first argument too.
BASE_URL="${{1:-${{BASE_URL:-{address}}}}}"
failed=0

call() {{
  printf '%s\\n' "$1"
  shift
  curl --silent --show-error --max-time 30 --write-out '\\n%{{http_code}}\\n\\n' "$@" || failed=1
}}
"""


def curl_script(contract: Contract) -> ExportedProject:
    """Raises InvalidInput for contracts that are neither OpenAPI nor GraphQL, or have no
    operation that can be called.
    """
    lines = list(_graphql(contract) if _is_graphql(contract) else _rest(contract))
    text = "\n".join([*lines, "", 'exit "$failed"', ""])
    return ExportedProject(files={f"{snake(contract.id)}_calls.sh": text.encode()})


def _is_graphql(contract: Contract) -> bool:
    return contract.format is SpecificationFormat.GRAPHQL


def _rest(contract: Contract) -> Iterator[str]:
    rest = RestContract(contract, what="scripts of REST calls are")
    yield _head(rest.document.title, rest.api.written_base)
    plan = rest.plan()
    left_out = list(plan.notes)
    count = 0
    for planned in plan.in_turn:
        key = planned.operation.key
        try:
            line = curl_line(planned, f"call {quoted(one_line(key))}")
        except InvalidInput as error:
            left_out.append(f"{key}: {error}")
            continue
        count += 1
        yield ""
        if planned.operation.summary:
            yield f"# {one_line(planned.operation.summary)}"
        yield line
    if not count:
        raise InvalidInput(f"contract {contract.id!r} has no operation that can be called")
    if left_out:
        yield ""
        yield from (f"# left out: {one_line(note)}" for note in left_out)


def _graphql(contract: Contract) -> Iterator[str]:
    # Imported late: graphql is only needed for its own kind.
    from maestro.contracts.exports.graphql_requests import planned_queries  # noqa: PLC0415

    yield _head(contract.name, "/graphql")
    for name, body in planned_queries(contract):
        yield ""
        sent = quoted(json.dumps(body))
        yield (
            f"call {quoted(name)} --globoff --request POST --header "
            f"'content-type: application/json' --data-raw {sent} \"$BASE_URL\""
        )


def _head(title: str, base: str) -> str:
    address = "http://127.0.0.1:4010" + "".join(c for c in base if c.isalnum() or c in "/-_.~")
    return _HEAD.format(title=one_line(title), address=shlex.quote(address)).rstrip("\n")
