"""Projects of runs, keys, the sealed audit log, stored workflows, starts asked for once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORD = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_PROJECT_OF_RUN = {
    "sqlite": "json_extract(inputs, '$.requirement.project')",
    "postgresql": "inputs::json -> 'requirement' ->> 'project'",
}


def upgrade() -> None:
    """Runs get the project that their requirement names."""
    op.add_column("runs", sa.Column("project", _WORD, nullable=False, server_default="default"))
    project = _PROJECT_OF_RUN[op.get_bind().dialect.name]
    op.execute(f"UPDATE runs SET project = coalesce({project}, 'default')")  # noqa: S608 -- constant text
    op.create_index("runs_by_project", "runs", ["project", "created_at"])
    op.add_column("audit", sa.Column("project", _WORD, nullable=False, server_default=""))
    op.add_column("audit", sa.Column("seal", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "api_keys",
        sa.Column("id", _WORD, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "workflows",
        sa.Column("project", _WORD, primary_key=True, nullable=False),
        sa.Column("name", _WORD, primary_key=True, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("principal", _WORD, primary_key=True, nullable=False),
        sa.Column("key", _WORD, primary_key=True, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("run_id", _WORD, nullable=False),
        sa.Column("at", _WORD, nullable=False),
    )
    op.create_table(
        "headlines",
        sa.Column("run_id", _WORD, sa.ForeignKey("runs.id"), primary_key=True, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Removes them."""
    for table in ("headlines", "requests", "workflows", "api_keys"):
        op.drop_table(table)
    op.drop_index("runs_by_project", "runs")
    for table, column in (("audit", "seal"), ("audit", "project"), ("runs", "project")):
        op.drop_column(table, column)
