"""Date model alerts: the as-of date a finding speaks of

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_alert", sa.Column("as_of", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("model_alert", schema=None) as batch_op:
        batch_op.drop_column("as_of")
