"""Runs, steps, the journal of attempts, events, tasks, requirements, audit and writers."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RUN_STATUSES = "pending running paused blocked succeeded failed cancelled"
_STEP_STATUSES = "pending ready running waiting awaiting succeeded failed blocked skipped cancelled"
_ATTEMPT_STATUSES = "running succeeded failed blocked cancelled interrupted"

# Ids and moments sort byte by byte in both databases, whatever language the server speaks.
_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _one_of(statuses: str, name: str) -> sa.CheckConstraint:
    """No `IN`, for whose list SQLite makes a table of its own at every write of a row.

    Files made before say `IN` and mean the same.
    """
    return sa.CheckConstraint(
        " OR ".join(f"status = '{status}'" for status in statuses.split()), name=name
    )


def upgrade() -> None:
    """Creates everything."""
    _create_runs()
    _create_steps()
    _create_attempts()
    _create_events()
    _create_tasks()
    op.create_table(
        "requirements",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("submitted_at", _WORD, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", _WORD, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("allowed", sa.Integer, nullable=False),
    )
    # Which batch of changes a writer committed last; tells it what became of a commit whose
    # answer a broken connection swallowed.
    op.create_table(
        "writers",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Removes everything."""
    for table in (
        "writers",
        "audit",
        "requirements",
        "tasks",
        "events",
        "attempts",
        "steps",
        "runs",
    ):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("max_parallel", sa.Integer, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("steered", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("offers", sa.Integer, nullable=False, server_default="0"),
        sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("created_at", _WORD, nullable=False),
        sa.Column("started_at", _WORD),
        sa.Column("ended_at", _WORD),
        sa.Column("concurrency", sa.Text, nullable=False),
        # Last, so that a changed counter does not move the pages of long inputs.
        sa.Column("inputs", sa.Text, nullable=False),
        _one_of(_RUN_STATUSES, "run_status"),
    )
    op.create_index("runs_by_age", "runs", ["created_at"])
    op.create_index("runs_by_status", "runs", ["status", "created_at"])


def _create_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run_id", _WORD, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("step_id", _WORD, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("definition_digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("forgiven", sa.Integer, nullable=False),
        sa.Column("extended", sa.Integer, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.Column("retry_at", sa.Text),
        _one_of(_STEP_STATUSES, "step_status"),
        sa.UniqueConstraint("run_id", "position", name="step_position"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_id", _WORD, primary_key=True),
        sa.Column("step_id", _WORD, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("definition_digest", sa.Text, nullable=False),
        sa.Column("input_digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.ForeignKeyConstraint(["run_id", "step_id"], ["steps.run_id", "steps.step_id"]),
        _one_of(_ATTEMPT_STATUSES, "attempt_status"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("run_id", _WORD, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("step_id", _WORD),
        sa.Column("attempt", sa.Integer),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("run_id", _WORD, primary_key=True),
        sa.Column("step_id", _WORD, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("capability", _WORD, nullable=False),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("offered_at", sa.Double, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.Double),
        sa.Column("result", sa.Text),
        sa.ForeignKeyConstraint(["run_id", "step_id"], ["steps.run_id", "steps.step_id"]),
    )
    op.create_index("tasks_waiting", "tasks", ["worker", "capability"])
