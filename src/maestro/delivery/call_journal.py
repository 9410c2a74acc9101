"""The journal of calls, on the store."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from maestro.domain.models import Budgets, CallEntry
from maestro.domain.values import Digest, RunId, StepId
from maestro.errors import NotFound
from maestro.ports import Store, Transaction
from maestro.workflow.book import INTERRUPTED

_LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class StoredCalls:
    """The CallJournal port. Processes that share the store share what may be spent."""

    store: Store

    async def open(self, run_id: RunId, step_id: StepId, session: Digest) -> Sequence[CallEntry]:
        def change(tx: Transaction) -> Sequence[CallEntry]:
            tx.model_calls.give_up(run_id, step_id)
            interrupted = _interrupted(tx, run_id, step_id)
            if interrupted is not None:
                tx.model_calls.reopen(run_id, step_id, interrupted)
            return tx.model_calls.open_session(run_id, step_id, session)

        return await self.store.write(change, about=run_id)

    async def samples(self, run_id: RunId, step_id: StepId) -> int:
        return await self.store.read(lambda tx: tx.model_calls.ends(run_id, step_id))

    async def begin(self, entry: CallEntry, budgets: Budgets) -> int:
        while True:
            position = await self.store.write(
                lambda tx: tx.model_calls.begin(entry, budgets), about=entry.run_id
            )
            if position is not None:
                return position
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def finish(self, position: int, entry: CallEntry) -> None:
        await self.store.write(
            lambda tx: tx.model_calls.finish(position, entry), about=entry.run_id
        )

    async def end(self, entry: CallEntry) -> None:
        await self.store.write(lambda tx: tx.model_calls.end(entry), about=entry.run_id)


def _interrupted(tx: Transaction, run_id: RunId, step_id: StepId) -> int | None:
    """The attempt before the running one, where its process died before it was recorded."""
    try:
        rows = tx.runs.steps(run_id)
    except NotFound:  # calls that no run was made for
        return None
    for row in rows:
        if row.step_id == step_id and row.error is not None and row.error.code == INTERRUPTED:
            return row.attempt - 1
    return None
