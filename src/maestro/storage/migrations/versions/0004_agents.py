"""The agents that can be given work, and how they are doing."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.Float().with_variant(sa.Double(), "postgresql")


def upgrade() -> None:
    """Creates the table; an id stands once, for as long as the agent is registered."""
    op.create_table(
        "agents",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", _WORD, nullable=False),
        sa.Column("home", _WORD, nullable=False),
        sa.Column("lease_until", _NUMBER, nullable=True),
        sa.Column("success", _NUMBER, nullable=False),
        sa.Column("seconds", _NUMBER, nullable=True),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("registered_at", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.CheckConstraint("success BETWEEN 0 AND 1", name="agent_success"),
        sa.UniqueConstraint("id", name="agent_id"),
    )


def downgrade() -> None:
    """Removes it."""
    op.drop_table("agents")
