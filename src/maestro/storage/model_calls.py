"""The journal of calls to models and tools."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from maestro.domain.models import Budgets, CallEntry, Caps, JournaledCall, Spent
from maestro.domain.values import Digest, RunId, StepId
from maestro.errors import BudgetExceeded
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_text
from maestro.storage.spending import (
    OF_PHASE,
    OF_PROJECT,
    OF_RUN,
    OF_STEP,
    project_budget,
    sums,
)


class _Limit(NamedTuple):
    """What may be spent within a scope, and what to do when it was."""

    of: str
    caps: Caps
    scope: str
    values: tuple[str, ...]
    remedy: str


class SqlModelCalls:
    """The ModelCallRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, entry: CallEntry, budgets: Budgets) -> int | None:
        if entry.kind is JournaledCall.CHECK:
            return self._insert(entry, "sent")
        may_wait = False
        for limit in self._limits(entry, budgets):
            if limit.caps == Caps():
                continue
            settled, all_of_it = sums(self._connection, limit.scope, limit.values)
            if reached := settled.over(limit.caps):
                raise BudgetExceeded(
                    f"the budget of {limit.of} is used up: {reached}; go on with {limit.remedy}"
                )
            may_wait = may_wait or bool(all_of_it.over(limit.caps))
        return None if may_wait else self._insert(entry, "sent")

    def end(self, entry: CallEntry) -> None:
        self._insert(entry, "answered")

    def finish(self, position: int, entry: CallEntry) -> None:
        unknown = entry.cost is None
        cost = entry.reserved_cost if unknown else entry.cost
        tokens = entry.input_tokens + entry.output_tokens
        if unknown and not tokens:  # nobody told: at most what was reserved
            tokens = entry.reserved_tokens
        self._connection.execute(
            "UPDATE model_calls SET state = 'answered', cost = ?, tokens = ?, unknown = ?, "
            "document = ? WHERE position = ?",
            (
                cost or 0.0,
                tokens,
                int(unknown),
                to_text(replace(entry, position=position)),
                position,
            ),
        )

    def give_up(self, run_id: RunId, step_id: StepId) -> None:
        """What the step had sent without an answer stays counted, and is waited for no more."""
        self._connection.execute(
            "UPDATE model_calls SET state = 'lost', unknown = 1 "
            "WHERE run_id = ? AND step_id = ? AND state = 'sent'",
            (run_id, step_id),
        )

    def reopen(self, run_id: RunId, step_id: StepId, attempt: int) -> None:
        row = self._connection.execute(
            "SELECT position, document FROM model_calls WHERE run_id = ? AND step_id = ? "
            "AND kind = 'end' ORDER BY position DESC LIMIT 1",
            (run_id, step_id),
        ).fetchone()
        if row is not None and _entry(row[0], row[1]).attempt == attempt:
            self._connection.execute("DELETE FROM model_calls WHERE position = ?", (row[0],))

    def open_session(self, run_id: RunId, step_id: StepId, session: Digest) -> Sequence[CallEntry]:
        rows = self._connection.execute(
            "SELECT position, document FROM model_calls WHERE run_id = ? AND step_id = ? "
            "AND session = ? AND state = 'answered' AND position > COALESCE((SELECT MAX(position) "
            "FROM model_calls WHERE run_id = ? AND step_id = ? AND kind = 'end'), 0) "
            "ORDER BY position",
            (run_id, step_id, session, run_id, step_id),
        )
        return [_entry(row[0], row[1]) for row in rows.fetchall()]

    def ends(self, run_id: RunId, step_id: StepId) -> int:
        row = self._connection.execute(
            "SELECT COUNT(*) FROM model_calls WHERE run_id = ? AND step_id = ? AND kind = 'end'",
            (run_id, step_id),
        ).fetchone()
        return int(row[0])

    def of_run(self, run_id: RunId) -> Sequence[CallEntry]:
        rows = self._connection.execute(
            "SELECT position, document FROM model_calls WHERE run_id = ? AND kind <> 'end' "
            "ORDER BY position",
            (run_id,),
        )
        return [_entry(row[0], row[1]) for row in rows.fetchall()]

    def spent(self, run_id: RunId) -> Spent:
        return sums(self._connection, OF_RUN, (run_id,))[1]

    def raised(self, run_id: RunId) -> Caps:
        row = self._connection.execute(
            "SELECT document FROM raised_limits WHERE run_id = ?", (run_id,)
        ).fetchone()
        return Caps() if row is None else from_text(Caps, row[0], f"limits of run {run_id!r}")

    def raise_limits(self, run_id: RunId, more: Caps) -> None:
        text = to_text(self.raised(run_id).joined(more))
        self._connection.execute(
            "INSERT INTO raised_limits (run_id, document) VALUES (?, ?) "
            "ON CONFLICT (run_id) DO UPDATE SET document = excluded.document",
            (run_id, text),
        )

    def _limits(self, entry: CallEntry, budgets: Budgets) -> Iterator[_Limit]:
        """All that the call must fit, the narrower ones last."""
        run, raised = entry.run_id, budgets.raised(self.raised(entry.run_id))
        yield from self._limits_of_project(entry)
        remedy = (
            f"'maestro runs resume {run} --max-cost +N' (or --max-tokens, --max-seconds, "
            "--max-tool-calls)"
        )
        yield _Limit(f"run {run!r}", raised.run, OF_RUN, (run,), remedy)
        phase, step = entry.phase, entry.step_id
        yield _Limit(f"phase {phase!r}", raised.phase, OF_PHASE, (run, phase), remedy)
        yield _Limit(f"step {step!r}", raised.step, OF_STEP, (run, step), remedy)

    def _limits_of_project(self, entry: CallEntry) -> Iterator[_Limit]:
        """Locks the budget, where there is one: runs of a project are driven side by side."""
        row = self._connection.execute(
            "SELECT project FROM runs WHERE id = ?", (entry.run_id,)
        ).fetchone()
        if row is None:  # calls that no run was made for
            return
        caps = project_budget(self._connection, row[0], self._connection.dialect.lock_row)
        if caps.cost is not None and entry.reserved_cost is None:
            raise BudgetExceeded(
                f"project {row[0]!r} has a budget of money, and nobody knows the price of "
                f"{entry.name!r}; give it in the models file, or limit the project's tokens instead"
            )
        remedy = (
            f"'maestro projects budget {row[0]}' with a higher limit, then 'maestro runs resume "
            f"{entry.run_id}'"
        )
        yield _Limit(f"project {row[0]!r}", caps, OF_PROJECT, (row[0],), remedy)

    def _insert(self, entry: CallEntry, state: str) -> int:
        now = self._connection.dialect.now
        row = self._connection.execute(
            "INSERT INTO model_calls (run_id, step_id, phase, session, kind, state, cost, tokens, "  # noqa: S608 -- only the clock
            f"unknown, at, expires, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, {now}, "
            f"{now} + ?, ?) RETURNING position",
            (
                entry.run_id,
                entry.step_id,
                entry.phase,
                entry.session,
                entry.kind.value,
                state,
                entry.reserved_cost or 0.0,
                entry.reserved_tokens,
                entry.longest_seconds if entry.kind is not JournaledCall.END else 0.0,
                to_text(entry),
            ),
        ).fetchone()
        return int(row[0])


def _entry(position: int, document: str) -> CallEntry:
    return replace(from_text(CallEntry, document, "a call"), position=position)
