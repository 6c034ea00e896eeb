"""Find the clients of a branch without reading the whole book

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.
The index is built over every run that is kept: meanwhile readers go on, and a publication waits.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_index("ix_published_client_branch", "published_client", ["run_id", "branch_id", "churn", "client_id"])
    if is_postgresql:
        op.execute("SET LOCAL statement_timeout = '5s'")


def downgrade() -> None:
    op.drop_index("ix_published_client_branch", table_name="published_client")
