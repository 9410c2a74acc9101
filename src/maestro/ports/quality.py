"""Evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from maestro.domain.quality import Evidence
from maestro.domain.values import JsonObject
from maestro.ports.sandboxes import Reach, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSubject:
    """What evidence is collected about."""

    sandbox: Sandbox
    """Its root is a tree of what was built."""
    facts: JsonObject = field(default_factory=dict)
    """Committed outputs of earlier steps that a collector counts (analysis, verifications)."""
    reach: Reach = field(default_factory=Reach)
    env: Mapping[str, str] = field(default_factory=dict)


class EvidenceCollector(Protocol):
    @property
    def name(self) -> str:
        """The producer's name in the metric catalogue."""
        ...

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        """Never raises for a tool that fails or is missing: that is what Evidence.status is for."""
        ...
