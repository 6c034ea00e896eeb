"""Keep proposals that clients change their adviser

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'asked'")
VISIBLE = (
    "(SELECT current_setting('app.whole_book', true)) = 'yes' "
    "OR (SELECT true FROM client_holder AS held WHERE held.client_id = adviser_move.client_id)"  # the holder's own policy limits what this finds
)


def upgrade() -> None:
    op.create_table(
        "adviser_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("policy_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("weighed", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state in ('asked','approved','refused','outdated')", name="adviser_proposal_state"),
        sa.CheckConstraint("(state in ('approved','refused')) = (decided_by is not null)", name="adviser_proposal_decided"),
        sa.CheckConstraint("decided_by is null or asked_by is null or decided_by <> asked_by", name="adviser_proposal_two_persons"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_adviser_proposal_branch_id", "adviser_proposal", ["branch_id"])
    op.create_index("ix_adviser_proposal_open", "adviser_proposal", ["branch_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "adviser_move",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("from_rm_id", sa.String(), nullable=True),
        sa.Column("to_rm_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["adviser_proposal.id"]),
        sa.PrimaryKeyConstraint("client_id", "proposal_id"),
    )
    op.create_index("ix_adviser_move_proposal_id", "adviser_move", ["proposal_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE POLICY in_scope ON adviser_move USING ({VISIBLE}) WITH CHECK ({VISIBLE})")


def downgrade() -> None:
    op.drop_table("adviser_move")
    op.drop_table("adviser_proposal")
