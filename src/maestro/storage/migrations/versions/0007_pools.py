"""Pools of agents, what happened to them, and what dispatchers are doing."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.Float().with_variant(sa.Double(), "postgresql")


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "pools",
        sa.Column("capability", _WORD, primary_key=True, nullable=False),
        sa.Column("keeper", _WORD, nullable=False),
        sa.Column("lease_until", _NUMBER, nullable=False),
        sa.Column("started", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ended", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lost", sa.Integer, nullable=False, server_default="0"),
        sa.Column("start_failed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "pool_events",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "dispatchers",
        sa.Column("process", _WORD, primary_key=True, nullable=False),
        sa.Column("lease_until", _NUMBER, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "dispatch_totals",
        sa.Column("name", _WORD, primary_key=True, nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
    )


def downgrade() -> None:
    """Removes them."""
    for table in ("dispatch_totals", "dispatchers", "pool_events", "pools"):
        op.drop_table(table)
