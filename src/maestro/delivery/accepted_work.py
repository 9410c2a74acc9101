"""Work of earlier runs that passed every gate, for personas that learn from examples.

Only of the same project, and only of runs that had ended before the asking run was made: an attempt
that goes on after a crash must see the same ones again.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from maestro.delivery.record import RunRecord
from maestro.domain.entities import DomainModel
from maestro.domain.overview import RunQuery
from maestro.domain.quality import Verdict
from maestro.domain.run import Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import RunId
from maestro.domain.work import AcceptedFile, AcceptedWork, Artifact, Assignment
from maestro.ports import ArtifactStore, Store, Transaction

_RUNS = 10
"""Most runs that are looked at, newest first."""
_MOST_BYTES = 12_000
"""Of a file: longer ones are no examples."""


async def accepted_work(
    store: Store, artifacts: ArtifactStore, assignment: Assignment
) -> tuple[AcceptedWork, ...]:
    """What the same persona made in such runs, newest first."""
    found: list[AcceptedWork] = []
    for run in await store.read(lambda tx: _runs(tx, assignment.run_id)):
        # One run at a time, and off the loop: what a run put out may be megabytes.
        rows = await _steps(store, run.id)
        for made in await asyncio.to_thread(_made, run, rows, assignment.persona.id):
            files = [
                AcceptedFile(path=one.path, text=text)
                for one in made.artifacts
                if (text := await _text(artifacts, one))
            ]
            found.append(
                AcceptedWork(
                    run_id=run.id, kinds=made.kinds, domain=made.domain, files=tuple(files)
                )
            )
    return tuple(found)


def _runs(tx: Transaction, run_id: RunId) -> list[Run]:
    own = tx.runs.get(run_id)
    query = RunQuery(
        projects=frozenset({own.project}),
        status=RunStatus.SUCCEEDED,
        before=(own.created_at, own.id),
    )
    runs = [one.run for one in tx.listing.page(query, _RUNS)]
    return [run for run in runs if run.ended_at is not None and run.ended_at < own.created_at]


async def _steps(store: Store, run_id: RunId) -> Sequence[StepRun]:
    return await store.read(lambda tx: tx.runs.steps(run_id))


def _record(run: Run, rows: Sequence[StepRun]) -> RunRecord:
    done = {row.step_id: row.output for row in rows if row.status is StepStatus.SUCCEEDED}
    return RunRecord(inputs=run.inputs, outputs=done, errors={})


def _green(record: RunRecord) -> bool:
    """Whether gates judged the run, and each passed by itself, without a waiver."""
    gates = record.gates()
    results = [result for gate in gates for result in gate.verdict.results]
    waived = any(result.verdict is Verdict.WAIVED for result in results)
    return bool(gates) and not waived and all(gate.verdict.passed for gate in gates)


class _Made(NamedTuple):
    kinds: tuple[str, ...]
    """Of the contracts that were provided."""
    domain: DomainModel
    artifacts: tuple[Artifact, ...]


def _made(run: Run, rows: Sequence[StepRun], persona: str) -> list[_Made]:
    """What the persona delivered in the run; nothing where that is no example."""
    record = _record(run, rows)
    plan = record.plan
    if plan is None or not _green(record):
        return []
    steps = {step.id: step for step in plan.steps}
    found: list[_Made] = []
    for step_id, work in record.works():
        if work.persona == persona:
            provided = [str(name) for name in steps[step_id].inputs["provides"]]
            kinds = sorted({record.contract(name).kind.value for name in provided})
            found.append(_Made(tuple(kinds), plan.analysis.domain, work.artifacts))
    return found


async def _text(artifacts: ArtifactStore, one: Artifact) -> str:
    """Empty for what is too long, or no text."""
    if one.size > _MOST_BYTES:
        return ""
    try:
        return (await artifacts.get(one.digest)).decode()
    except UnicodeDecodeError:
        return ""
