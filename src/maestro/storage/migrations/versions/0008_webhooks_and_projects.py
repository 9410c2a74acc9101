"""Webhooks with their outbox; what projects share and may spend."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """`deliveries` is the outbox: its rows are written together with their events."""
    op.create_table(
        "webhooks",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("project", _WORD, nullable=False),
        sa.Column("run_id", _WORD, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "webhook_kinds",
        sa.Column("webhook_id", _WORD, primary_key=True, nullable=False),
        sa.Column("kind", _WORD, primary_key=True, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("webhook_id", _WORD, nullable=False),
        sa.Column("run_id", _WORD, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", _WORD, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("answer", sa.Integer),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
        sa.Column("ended_at", _WORD),
        sa.UniqueConstraint("webhook_id", "run_id", "sequence", name="delivery_of_event"),
        sa.CheckConstraint("status IN ('waiting', 'delivered', 'dead')", name="delivery_status"),
    )
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["webhook_id", "due", "number"],
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "shares",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("project", _WORD, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("name", _WORD, nullable=False),
        sa.Column("with_project", _WORD, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("project", "kind", "name", "with_project", name="shared_once"),
    )
    op.create_table(
        "project_budgets",
        sa.Column("project", _WORD, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Removes them."""
    for table in ("project_budgets", "shares", "deliveries", "webhook_kinds", "webhooks"):
        op.drop_table(table)
