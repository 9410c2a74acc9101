"""python -m bench.server_start REQUIREMENT OPTION...

`maestro serve OPTION...` with a build under way, until it is told to end. The address is the one
that this server printed itself: where it could not listen, nothing is sent to whoever does.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence

import httpx

PATIENCE_SECONDS = 60.0


def main(requirement: str, options: Sequence[str]) -> int:
    server = subprocess.Popen(
        (sys.executable, "-m", "maestro", "serve", *options), stdout=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, too: it ends first
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    assert server.stdout is not None
    first = server.stdout.readline()
    if first:
        sys.stdout.write(first)
        sys.stdout.flush()
        url = first.split()[1].removesuffix("/dashboard/")
        try:
            sys.stdout.write(f"watch      {url}/dashboard/#/runs/{_started(url, requirement)}\n")
        except httpx.HTTPError as error:
            sys.stderr.write(f"no build was started at {url}: {error}\n")
            server.terminate()
            server.communicate()
            return 1
        sys.stdout.flush()
    for line in server.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
    return server.wait()


def _started(url: str, requirement: str) -> str:
    answer = httpx.post(
        f"{url}/api/v1/runs",
        json={"requirement": requirement},
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
