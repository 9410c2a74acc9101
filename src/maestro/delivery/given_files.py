"""Files that people hand in, read within a limit."""

from pathlib import Path

from maestro.errors import InvalidInput

MAX_BYTES = 1_000_000


def given_text(path: Path) -> str:
    """Raises InvalidInput, naming the file and the rule, where it is none, too large or no text."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{str(path)!r} is larger than {MAX_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{str(path)!r} is not UTF-8 text") from error
