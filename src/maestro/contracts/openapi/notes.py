"""What was put right while a document was read, and what could not be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One place where a document says something else than it means."""

    pointer: str
    """JSON pointer into the document as it was written."""
    rule: str
    """Stable slug, e.g. `type-name`; `spoiled` where an operation cannot be used."""
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message} ({self.rule})"


class Notebook:
    """Notes in the order they were made, each of them once."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    def add(self, pointer: str, rule: str, message: str) -> None:
        self._notes[Note(pointer, rule, message)] = None

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)
