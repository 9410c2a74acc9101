"""Runs, steps, the journal of attempts, events, requirements and audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RUN_STATUSES = "'pending', 'running', 'paused', 'blocked', 'succeeded', 'failed', 'cancelled'"
_STEP_STATUSES = (
    "'pending', 'ready', 'running', 'waiting', 'succeeded', 'failed', 'blocked', 'skipped', "
    "'cancelled'"
)
_ATTEMPT_STATUSES = "'running', 'succeeded', 'failed', 'blocked', 'cancelled', 'interrupted'"


def upgrade() -> None:
    """Creates everything."""
    _create_runs()
    _create_steps()
    _create_attempts()
    op.create_table(
        "events",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("step_id", sa.Text),
        sa.Column("attempt", sa.Integer),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "requirements",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("submitted_at", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("allowed", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Removes everything."""
    for table in ("audit", "requirements", "events", "attempts", "steps", "runs"):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("workflow", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("max_parallel", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("started_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.CheckConstraint(f"status IN ({_RUN_STATUSES})", name="run_status"),
    )
    op.create_index("runs_by_age", "runs", ["created_at"])


def _create_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("step_id", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("definition_digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("forgiven", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.Column("retry_at", sa.Text),
        sa.CheckConstraint(f"status IN ({_STEP_STATUSES})", name="step_status"),
        sa.UniqueConstraint("run_id", "position", name="step_position"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("step_id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("definition_digest", sa.Text, nullable=False),
        sa.Column("input_digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.Text),
        sa.Column("ended_at", sa.Text),
        sa.ForeignKeyConstraint(["run_id", "step_id"], ["steps.run_id", "steps.step_id"]),
        sa.CheckConstraint(f"status IN ({_ATTEMPT_STATUSES})", name="attempt_status"),
    )
