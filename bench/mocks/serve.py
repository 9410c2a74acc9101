"""Maestro's mock server as a process of its own, until it is ended."""

import asyncio
import sys
from pathlib import Path

from maestro.contracts.mocks.host import run_mock_server
from maestro.contracts.mocks.serving import mock_loop


def main() -> None:
    port, *files = sys.argv[1:]
    paths = [Path(file) for file in files]
    with asyncio.Runner(loop_factory=mock_loop) as runner:
        runner.run(run_mock_server(paths, port=int(port), tell=lambda line: None))


if __name__ == "__main__":
    main()
