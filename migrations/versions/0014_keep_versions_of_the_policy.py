"""Keep versions of the policy that two persons agreed on, and which of them a run used

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entries", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state in ('open','approved','rejected')", name="policy_version_state"),
        sa.CheckConstraint("(state = 'open') = (decided_by is null)", name="policy_version_decided"),
        sa.CheckConstraint("decided_by is null or decided_by <> proposed_by", name="policy_version_two_persons"),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_policy_version_open", "policy_version", ["state"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.add_column("run", sa.Column("policy_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "policy_version")
    op.drop_index("ix_policy_version_open", "policy_version")
    op.drop_table("policy_version")
