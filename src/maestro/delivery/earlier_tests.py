"""What the tests of a run demanded before its work was given back, so that none gets weaker."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from maestro.delivery.providers import ancestors
from maestro.delivery.record import RunRecord, WorkRecord
from maestro.domain.encoding import decode
from maestro.domain.values import JsonObject, JsonValue, StepId
from maestro.ports import ArtifactStore, StepContext, Store, Transaction
from maestro.quality.evidence.guard import accepts, fingerprints
from maestro.quality.evidence.tooling import SourceFile


async def earlier_tests(store: Store, artifacts: ArtifactStore, context: StepContext) -> JsonObject:
    """Fingerprints over all earlier deliveries of the work that the step needs, merged so that
    what a test demanded first counts; empty where nothing was given back.
    """
    record = RunRecord.of(context)
    if record.plan is None:
        return {}
    steps = record.decided().steps
    needed = ancestors(steps, context.step)
    work = [step.id for step in steps if step.action == "persona.work" and step.id in needed]

    def read(tx: Transaction) -> list[Sequence[JsonValue]]:
        return [_before(record, name, tx.runs.delivered(context.run_id, name)) for name in work]

    merged: dict[str, Any] = {}
    for outputs in await store.read(read):
        for output in outputs:
            files = await _tests(artifacts, decode(WorkRecord, output))
            _merge(merged, await asyncio.to_thread(fingerprints, files))
    return merged


def _before(
    record: RunRecord, step_id: StepId, delivered: Sequence[JsonValue]
) -> Sequence[JsonValue]:
    """Without the delivery that is being judged."""
    return delivered[:-1] if step_id in record.outputs else delivered


async def _tests(artifacts: ArtifactStore, work: WorkRecord) -> list[SourceFile]:
    found: list[SourceFile] = []
    for artifact in work.artifacts:
        if accepts(SourceFile(artifact.path, "")):
            content = await artifacts.get(artifact.digest)
            found.append(SourceFile(artifact.path, content.decode("utf-8", errors="replace")))
    return found


def _merge(merged: dict[str, Any], later: Mapping[str, Any]) -> None:
    for path, file in later.items():
        first = merged.setdefault(path, {"skips": file["skips"], "functions": {}})
        first["skips"] = min(first["skips"], file["skips"])
        for name, function in file["functions"].items():
            first["functions"].setdefault(name, function)
