"""Note positions of products in segments

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "segment_position",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("saved_by", sa.Integer(), nullable=True),
        sa.Column("saved_at", sa.Float(), nullable=False),
        sa.CheckConstraint("position in ('build','hold','harvest','leave','none')", name="segment_position_known"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "segment", "product", "version"),
    )


def downgrade() -> None:
    op.drop_table("segment_position")
