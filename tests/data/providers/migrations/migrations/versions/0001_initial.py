"""Creates the tables that the schema verifier's tests expect."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("budget", sa.Numeric(12, 2)),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("due_date", sa.Date()),
        sa.Column("project_id", sa.Integer(), sa.ForeignKey("projects.id"), nullable=False),
        sa.CheckConstraint("status IN ('todo', 'it''s (done)')"),
    )
    # more tables


def downgrade() -> None:
    # fewer tables
    op.drop_table("tasks")
    op.drop_table("projects")
