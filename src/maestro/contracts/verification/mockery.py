"""Tells a provider from one of our mocks, and from what only passes requests on to one."""

import json
from collections.abc import Iterator, Mapping

from maestro.contracts.mock_marker import MOCK_NAME
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.connections import Connections, NoReply, RawReply
from maestro.contracts.verification.trials.wire import filled
from maestro.errors import InvalidInput

INSPECTION = "/__maestro/routes"
WANTED = ("contracts", "routes", "consumers")


async def refuse_mock(api: ApiUnderTest, connections: Connections, base: str) -> None:
    """Looks for the mock's header, its inspection page, and whether it follows our wishes.

    Raises InvalidInput when a mock answers, or when nothing does.
    """
    try:
        for path in (f"{base}/", INSPECTION, base + INSPECTION, *_plain_paths(api, base)):
            reply = await connections.request("GET", path, (), None)
            _refuse(connections, reply, path)
        for operation in api.operations:
            if operation.method == "GET" and "{" not in operation.path:
                await _follows_wishes(operation, connections, base + operation.path)
    except NoReply as error:
        raise InvalidInput(
            f"nothing answers at {connections.origin + base!r} ({error}); start the provider first"
        ) from error


def _plain_paths(api: ApiUnderTest, base: str) -> Iterator[str]:
    for operation in api.operations:
        if operation.method == "GET":
            names = {p.name: "1" for p in operation.in_location("path")}
            yield base + filled(operation.path, names)
            return


def _refuse(connections: Connections, reply: RawReply, path: str) -> None:
    where = connections.origin + path
    if MOCK_NAME in reply.headers:
        raise InvalidInput(
            f"{where!r} is answered by a mock ({MOCK_NAME}: {reply.headers[MOCK_NAME]}); "
            "only a really built provider can be verified"
        )
    if path.endswith(INSPECTION) and reply.status == 200 and _is_inspection(reply.content):
        raise InvalidInput(
            f"{where!r} is the inspection page of a mock; the provider passes requests on to it. "
            "Only a really built provider can be verified"
        )


def _is_inspection(content: bytes) -> bool:
    try:
        told = json.loads(content)
    except ValueError:
        return False
    return isinstance(told, Mapping) and all(name in told for name in WANTED)


async def _follows_wishes(operation: Operation, connections: Connections, path: str) -> None:
    """Only a mock answers with the status that `Prefer: code=` asks for, and only then."""
    documented = [s for s in operation.responses if s.isdigit() and int(s) >= 400]
    if not documented:
        return
    before = await connections.request("GET", path, (), None)
    for status in documented:
        wish = [(b"prefer", f"code={status}".encode())]
        wished = await connections.request("GET", path, wish, None)
        if before.status == wished.status or str(wished.status) != status:
            return
    after = await connections.request("GET", path, (), None)
    if before.status == after.status < 300:
        raise InvalidInput(
            f"{connections.origin + path!r} answers {documented[0]} because `Prefer: code="
            f"{documented[0]}` asked for it: a mock stands behind it. Only a really built "
            "provider can be verified"
        )
