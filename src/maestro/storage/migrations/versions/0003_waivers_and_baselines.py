"""Waivers of gates, and what the last passing run of each product measured."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATUSES = "'requested', 'approved', 'refused', 'revoked'"
_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Creates both tables; an author never stands as the approver of what he asked for."""
    op.create_table(
        "waivers",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", _WORD, nullable=False),
        sa.Column("project", _WORD, nullable=False),
        sa.Column("gate", _WORD, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name="waiver_status"),
        sa.CheckConstraint(
            "status <> 'approved' OR (approver <> '' AND approver <> author)",
            name="waiver_approver",
        ),
        sa.UniqueConstraint("id", name="waiver_id"),
    )
    op.create_index("waivers_by_project", "waivers", ["project", "status"])
    op.create_table(
        "baselines",
        sa.Column("project", _WORD, primary_key=True, nullable=False),
        sa.Column("subject", _WORD, primary_key=True, nullable=False),
        sa.Column("phase", _WORD, primary_key=True, nullable=False),
        sa.Column("at", _WORD, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Removes them."""
    op.drop_table("baselines")
    op.drop_table("waivers")
