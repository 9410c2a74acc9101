"""Figures over all runs, how far each run was read for what, and how long attempts waited."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Runs that are there already are counted by the first server that is started."""
    op.create_table(
        "figures",
        sa.Column("key", _WORD, primary_key=True, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
    )
    op.create_table(
        "counted",
        sa.Column("purpose", _WORD, primary_key=True, nullable=False),
        sa.Column("run_id", _WORD, sa.ForeignKey("runs.id"), primary_key=True, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.add_column("attempts", sa.Column("waited", sa.Double))
    # Counts over all runs read this index instead of the pages of long inputs.
    op.create_index("runs_counts", "runs", ["project", "workflow", "status"])


def downgrade() -> None:
    """Removes them."""
    op.drop_index("runs_counts", "runs")
    op.drop_column("attempts", "waited")
    op.drop_table("counted")
    op.drop_table("figures")
