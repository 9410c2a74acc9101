"""The shelf of contracts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATUSES = "'draft', 'agreed', 'fulfilled', 'breached', 'amended'"
_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Creates the table; a contract that belongs to no run has an empty run id."""
    op.create_table(
        "contracts",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("run_id", _WORD, nullable=False),
        sa.Column("id", _WORD, nullable=False),
        sa.Column("version", _WORD, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", _WORD, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name="contract_status"),
        sa.UniqueConstraint("run_id", "id", "version", name="contract_version"),
    )
    op.create_index("contracts_by_id", "contracts", ["id", "at"])


def downgrade() -> None:
    """Removes it."""
    op.drop_table("contracts")
