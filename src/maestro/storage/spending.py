"""What calls came to, summed over a run, a part of it, or a project."""

from collections.abc import Sequence
from dataclasses import replace

from maestro.domain.models import Caps, Spent
from maestro.storage.database import Connection
from maestro.storage.records import from_text

OF_RUN = "run_id = ?"
OF_PHASE = "run_id = ? AND phase = ?"
OF_STEP = "run_id = ? AND step_id = ?"
OF_PROJECT = "run_id IN (SELECT id FROM runs WHERE project = ?)"
_SUMS = (
    "SELECT COALESCE(SUM(cost), 0), COALESCE(SUM(tokens), 0), "
    "COALESCE(SUM(CASE WHEN kind = 'tool' THEN 1 ELSE 0 END), 0), "
    "COALESCE(SUM(CASE WHEN kind = 'model' THEN 1 ELSE 0 END), 0), "
    "MIN(at), COALESCE(SUM(unknown), 0), "
    "COALESCE(SUM(CASE WHEN state = 'sent' AND expires > {now} THEN 1 ELSE 0 END), 0), "
    "COALESCE(SUM(CASE WHEN state = 'sent' AND expires > {now} THEN cost ELSE 0 END), 0), "
    "COALESCE(SUM(CASE WHEN state = 'sent' AND expires > {now} THEN tokens ELSE 0 END), 0), "
    "{now} FROM model_calls WHERE kind <> 'end' AND "
)


def sums(connection: Connection, scope: str, values: Sequence[str]) -> tuple[Spent, Spent]:
    """What is settled, and the same with the most that calls under way can come to."""
    row = connection.execute(
        _SUMS.format(now=connection.dialect.now) + scope, tuple(values)
    ).fetchone()
    cost, tokens, tools, models, first, unknown, sent, sent_cost, sent_tokens, at = row
    everything = Spent(
        cost=float(cost),
        tokens=int(tokens),
        tool_calls=int(tools),
        model_calls=int(models),
        wall_seconds=0.0 if first is None else max(0.0, float(at) - float(first)),
        unknown=int(unknown),
        under_way=int(sent),
    )
    settled = replace(
        everything,
        cost=float(cost) - float(sent_cost),
        tokens=int(tokens) - int(sent_tokens),
    )
    return settled, everything


def project_budget(connection: Connection, project: str, lock: str = "") -> Caps:
    """What the project's runs may spend together; no limits where none were set."""
    row = connection.execute(
        f"SELECT document FROM project_budgets WHERE project = ?{lock}",  # noqa: S608 -- constant text
        (project,),
    ).fetchone()
    return Caps() if row is None else from_text(Caps, row[0], f"the budget of {project!r}")
