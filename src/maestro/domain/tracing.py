"""Traces of runs. Ids follow from the run, so that whoever knows a run knows its trace."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maestro.domain.values import RunId


def trace_id(run_id: RunId) -> str:
    """32 hexadecimal digits, the same in every process."""
    return hashlib.sha256(f"maestro:{run_id}".encode()).hexdigest()[:32]


def span_id(run_id: RunId, *parts: object) -> str:
    """16 hexadecimal digits of a part of the run; without parts, of the run itself."""
    text = "\n".join(("maestro", run_id, *map(str, parts)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanDraft:
    """A span that is over."""

    trace: str
    id: str
    parent: str | None
    name: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, str | int | float | bool]
    error: str = ""
    """Code of the error that it ended with."""
    client: bool = False
    """Whether somebody else was asked."""
    told: tuple[tuple[str, datetime, Mapping[str, str]], ...] = field(default=())
    """What was told meanwhile: name, moment, attributes."""
