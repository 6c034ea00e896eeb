"""Keep studies, and the lifetime value of published clients

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VALUES = ("clv_minor", "clv_low_minor", "clv_high_minor", "clv_annuity_minor", "clv_average_minor")


def upgrade() -> None:
    op.create_table(
        "segment_study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("rows_sha256", sa.String(), nullable=False),
        sa.Column("refusal", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.CheckConstraint("kind in ('tree','clusters','lookalike','lifetime')", name="segment_study_kind"),
        sa.CheckConstraint("state in ('asked','done','refused')", name="segment_study_state"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("segment_study", schema=None) as batch_op:
        batch_op.create_index("ix_segment_study_kind", ["kind", "id"], unique=False)
    for name in VALUES:  # nullable, so that the previous release goes on writing rows without them
        op.add_column("published_client", sa.Column(name, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("published_client", schema=None) as batch_op:
        for name in VALUES:
            batch_op.drop_column(name)
    op.drop_table("segment_study")
