"""Searches files with the plugins of detect-secrets: `python -I secret_session.py OPTIONS FILE...`.

OPTIONS is JSON: `guesses`, plugins that are left out, and `excuses`, filters that do not apply.
Prints a list of path, line and kind. detect-secrets asks every plugin about every line with much
ado; here their expressions are held against the lines first, and only files in which one of them
matches are given to it. Text it could not decode, which it would pass over, is decoded for it.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings, get_plugins
from detect_secrets.transformers import get_transformed_file
from detect_secrets.types import NamedIO


class Expressions:
    """Of all plugins that are asked."""

    def __init__(self) -> None:
        plugins = get_plugins()
        self.known = all(hasattr(plugin, "denylist") for plugin in plugins)
        """Without it nobody can say beforehand what they would find."""
        self.every: list[re.Pattern[str]] = [
            expression for plugin in plugins for expression in getattr(plugin, "denylist", ())
        ]

    def match(self, path: str) -> bool:
        """Whether a plugin could find something in a line of the file, as detect-secrets reads it:
        as it is or read as configuration.
        """
        if not self.known:
            return True
        with Path(path).open(encoding="utf-8") as file:
            for eager in (False, True):
                lines = get_transformed_file(cast(NamedIO, file), use_eager_transformers=eager)
                if self._match(lines or ()):
                    return True
                file.seek(0)
            return self._match(file)

    def _match(self, lines: Iterable[str]) -> bool:
        stripped = (line.rstrip() for line in lines)
        return any(found.search(line) for line in stripped for found in self.every)


def search(paths: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    expressions = Expressions()
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            readable = _readable(path, Path(folder))
            if expressions.match(readable):
                for found in scan_file(readable):
                    yield path, found.line_number, found.type


def _readable(path: str, folder: Path) -> str:
    """The file, or where it is not UTF-8 a copy that is."""
    content = Path(path).read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        copy = folder / Path(path).name
        copy.write_text(content.decode("utf-8", errors="replace"), encoding="utf-8")
        return str(copy)
    return path


def main(options: dict[str, list[str]], paths: Sequence[str]) -> None:
    with default_settings() as settings:
        settings.disable_plugins(*options["guesses"])
        settings.disable_filters(*options["excuses"])
        sys.stdout.write(json.dumps(list(search(paths))))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
