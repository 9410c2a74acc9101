"""What an export is: files that somebody else runs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedProject:
    """A small project made from a contract."""

    files: Mapping[str, bytes]
    """Content by path, relative to the project's folder."""
