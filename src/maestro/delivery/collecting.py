"""Collecting evidence so that nothing a collector does can end the step that asked for it.

A collector that breaks, or that does not come to an end, has measured nothing and says so: its
evidence is FAILED, and every gate that wanted something of it is an ERROR that names it.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonObject
from maestro.errors import StorageError
from maestro.ports import (
    EvidenceCollector,
    EvidenceSubject,
    Report,
    SandboxProvider,
    SandboxStrength,
)
from maestro.quality.evidence.copies import private_copy

COLLECTOR_SECONDS = 600.0
"""The most that one collector gets."""
RESERVE_SECONDS = 20.0
"""Of a step's limit, kept for judging and for ending what a collector started."""

END_SECONDS = 10.0
"""For a collector that was told to end, to end what it started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collecting:
    collectors: Mapping[str, EvidenceCollector]
    sandboxes: SandboxProvider
    collector_seconds: float = COLLECTOR_SECONDS
    end_seconds: float = END_SECONDS

    async def evidence(
        self,
        names: Sequence[str],
        tree: Path,
        facts: JsonObject,
        report: Report,
        *,
        within: float,
    ) -> tuple[Evidence, ...]:
        """What each of these collectors has to say, one after the other, within so many seconds.

        Each examines a copy of `tree` in a sandbox of its own: tests that were delivered run in
        some of them, and must not change what the next one reads.

        Raises:
            SandboxFailed: there is no sandbox of the required strength.
            StorageError: the store is gone, so that nothing could be kept anyway.
        """
        deadline = time.monotonic() + within - RESERVE_SECONDS
        strength = await self.sandboxes.probe()
        found: list[Evidence] = []
        for name in names:
            await report(f"collecting evidence: {name}")
            left = deadline - time.monotonic()
            item = await self._one(name, tree, facts, min(left, self.collector_seconds))
            found.append(_stamped(item, strength))
        return tuple(found)

    async def _one(self, name: str, tree: Path, facts: JsonObject, seconds: float) -> Evidence:
        begin = time.monotonic()
        collector = self.collectors.get(name)
        if collector is None:
            return _broken(name, "no collector of this name is installed", begin)
        if seconds <= 0:
            return _broken(name, "the phase's time was used up before its turn came", begin)
        collecting = asyncio.ensure_future(self._collected(collector, tree, facts))
        problem = await _problem(collecting, seconds, self.end_seconds)
        if problem is not None:
            return _broken(name, problem, begin)
        evidence = collecting.result()
        if evidence.collector != name:
            return _broken(name, f"it signed its evidence as {evidence.collector!r}", begin)
        return evidence

    async def _collected(
        self, collector: EvidenceCollector, tree: Path, facts: JsonObject
    ) -> Evidence:
        boxes = self.sandboxes
        async with private_copy(boxes, tree) as copy, boxes.open(copy) as sandbox:
            return await collector.collect(EvidenceSubject(sandbox=sandbox, facts=facts))


async def _problem(
    collecting: asyncio.Future[Evidence], seconds: float, end_seconds: float
) -> str | None:
    """Why it has no result. When it is late, or this is cancelled, it is told to end and waited
    for, but not for ever.
    """
    try:
        await asyncio.wait({collecting}, timeout=seconds)
    finally:
        in_time = collecting.done()
        if not in_time:
            collecting.cancel()
            await asyncio.wait({collecting}, timeout=end_seconds)
    if not in_time:
        still = "" if collecting.done() else f", nor {end_seconds:g} s after it was told to end"
        return f"it had not ended after {seconds:.0f} s{still}"
    if collecting.cancelled():
        return "it cancelled itself"
    error = collecting.exception()
    if isinstance(error, StorageError):
        raise error
    return None if error is None else f"it broke: {type(error).__name__}: {error}"[:500]


def _broken(name: str, problem: str, begin: float) -> Evidence:
    told = f"collector {name!r}: {problem}"
    return Evidence(
        collector=name,
        status=EvidenceStatus.FAILED,
        tool=name,
        version="",
        argv=(),
        exit_code=None,
        duration_seconds=time.monotonic() - begin,
        files_examined=0,
        tool_errors=(told,),
        raw_digest="sha256:" + hashlib.sha256(told.encode()).hexdigest(),
    )


def _stamped(evidence: Evidence, strength: SandboxStrength) -> Evidence:
    """With the sandbox in force, also where a collector only counted or never came to speak."""
    missing = f", without {' '.join(strength.missing)}" if strength.missing else ""
    return replace(evidence, sandbox=f"{strength.level} {strength.mechanism}{missing}")
