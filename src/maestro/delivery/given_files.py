"""Files that people hand in, read within a limit."""

from pathlib import Path
from typing import BinaryIO

from maestro.errors import InvalidInput

MAX_BYTES = 1_000_000


def given_text(path: Path, *, option: str = "", most: int = MAX_BYTES) -> str:
    """The file's text, whose lines all end with a line feed.

    Args:
        option: under which it was handed in.
        most: bytes.

    Raises:
        InvalidInput: it cannot be read, is too large or no text; names option, file and rule.
    """
    named = f"{option} {str(path)!r}".lstrip()
    try:
        with path.open("rb") as file:
            return text_from(file, named, most)
    except OSError as error:
        raise InvalidInput(f"{named} cannot be read: {error.strerror}") from error


def text_from(file: BinaryIO, named: str, most: int) -> str:
    """Like `given_text`, of what is open already; `named` says in errors what it is."""
    content = file.read(most + 1)
    if len(content) > most:
        raise InvalidInput(f"{named} is larger than {most} bytes; hand in less")
    try:
        return content.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{named} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
