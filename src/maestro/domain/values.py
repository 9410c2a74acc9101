"""JSON aliases, typed identifiers and the one place where identifiers are made."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NewType

JsonScalar = str | int | float | bool | None
# A precise recursive alias overflows pydantic and confuses checkers on Python 3.11
# (docs/decisions/0004-json-alias.md); the codec checks shapes at run time instead.
JsonValue = Any
JsonObject = Mapping[str, Any]

RunId = NewType("RunId", str)
StepId = NewType("StepId", str)
RequirementId = NewType("RequirementId", str)
ContractId = NewType("ContractId", str)
Digest = NewType("Digest", str)
"""`sha256:` followed by 64 hexadecimal digits."""

IDENTIFIER = re.compile(r"[a-z][a-z0-9_.\-]{0,127}")
"""What every id that people or models choose must look like (steps, personas, contracts)."""


def new_run_id() -> RunId:
    """A run's only id: it names the row, the folder, the events and what the user types."""
    return RunId(f"run-{uuid.uuid4().hex[:12]}")


def new_requirement_id() -> RequirementId:
    return RequirementId(f"req-{uuid.uuid4().hex[:12]}")


def new_waiver_id() -> str:
    return f"waiver-{uuid.uuid4().hex[:12]}"


def is_identifier(text: str) -> bool:
    """Whether `text` may serve as an id chosen by a person or a model."""
    return IDENTIFIER.fullmatch(text) is not None


def first_duplicate(names: Sequence[str]) -> str | None:
    """The first name that occurs a second time, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
