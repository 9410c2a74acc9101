"""A program that serves documents, each by a mock server of its own, until its input ends.

Reads paths, one a line up to an empty one; tells of each in a line of JSON where it is served, or
why it is not.
"""

import asyncio
import json
import sys
from pathlib import Path

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.serving import mock_loop
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import MaestroError


async def serve(paths: list[Path], patience: float) -> None:
    hosts: list[MockHost] = []
    for path in paths:
        try:
            contract = await asyncio.to_thread(read_contract, path)
            host = MockHost([contract], behaviour=MockBehaviour(patience=patience))
            await host.__aenter__()
        except MaestroError as error:
            tell({"path": str(path), "refused": str(error)})
            continue
        hosts.append(host)
        served = [address for _, address in host.addresses()]
        tell(
            {
                "path": str(path),
                "format": contract.format.value,
                "port": host.port,
                "addresses": served,
            }
        )
    tell({})
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(host.__aexit__(None, None, None) for host in hosts))


def tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    given = iter(sys.stdin.readline, "\n")
    documents = [Path(line.rstrip("\n")) for line in given]
    with asyncio.Runner(loop_factory=mock_loop) as runner:
        runner.run(serve(documents, float(sys.argv[1])))
