"""What a passing run leaves behind for the gates of later runs of the same product."""

from collections.abc import Sequence

from maestro.domain.baseline import Baseline, baselines
from maestro.domain.quality import PhaseVerdict
from maestro.domain.requirement import Requirement
from maestro.domain.run import Run, RunStatus
from maestro.ports import Store, Transaction


async def remember(
    store: Store, run: Run, requirement: Requirement, verdicts: Sequence[PhaseVerdict]
) -> None:
    """Keeps what a run that succeeded has measured; again changes nothing."""
    if run.status is not RunStatus.SUCCEEDED or run.ended_at is None:
        return
    measured = baselines(requirement, run.id, run.ended_at, verdicts)

    def keep(transaction: Transaction) -> None:
        for baseline in measured:
            transaction.baselines.put(baseline.after(_last(transaction, baseline)))

    await store.write(keep)


def _last(transaction: Transaction, baseline: Baseline) -> Baseline | None:
    return transaction.baselines.get(baseline.project, baseline.subject, baseline.phase)
