"""The journal of calls to models and tools, and limits that were raised."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Creates both tables; what was spent is summed from columns, the rest is a document."""
    op.create_table(
        "model_calls",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("run_id", _WORD, nullable=False),
        sa.Column("step_id", _WORD, nullable=False),
        sa.Column("phase", _WORD, nullable=False),
        sa.Column("session", _WORD, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cost", sa.Double, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.CheckConstraint("kind IN ('model', 'tool', 'check', 'end')", name="model_call_kind"),
        sa.CheckConstraint("state IN ('sent', 'answered', 'lost')", name="model_call_state"),
    )
    op.create_index("model_calls_by_step", "model_calls", ["run_id", "step_id", "position"])
    op.create_table(
        "raised_limits",
        sa.Column("run_id", _WORD, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Removes them."""
    op.drop_table("raised_limits")
    op.drop_table("model_calls")
