"""Erase clients by two persons, hold what must be kept, and hear objections to marketing

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OPEN = sa.text("state in ('asked','approved')")
STANDS = sa.text("withdrawn_at is null")
CLIENT = (
    "(SELECT current_setting('app.whole_book', true)) = 'yes' "
    "OR EXISTS (SELECT 1 FROM client_holder AS held WHERE held.client_id = client_objection.client_id)"  # the holder's own policy limits what this finds
)


def upgrade() -> None:
    op.create_table(
        "client_erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.Column("erased_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state in ('asked','refused','approved','erased')", name="client_erasure_state"),
        sa.CheckConstraint("(state = 'asked') = (decided_by is null)", name="client_erasure_decided"),
        sa.CheckConstraint("decided_by is null or decided_by <> asked_by", name="client_erasure_two_persons"),
        sa.ForeignKeyConstraint(["asked_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_client_erasure_open", "client_erasure", ["pseudonym"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_table(
        "erasure_subject",
        sa.Column("erasure_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["client_erasure.id"]),
        sa.PrimaryKeyConstraint("erasure_id"),
        sa.UniqueConstraint("subject"),
    )
    op.create_table(
        "erased_key",
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("erasure_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind in ('client','account')", name="erased_key_kind"),
        sa.ForeignKeyConstraint(["erasure_id"], ["client_erasure.id"]),
        sa.PrimaryKeyConstraint("pseudonym"),
    )
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", sa.Integer(), nullable=False),
        sa.Column("placed_at", sa.Float(), nullable=False),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["placed_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_legal_hold_pseudonym", "legal_hold", ["pseudonym"])
    op.create_table(
        "client_objection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_by", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["recorded_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_client_objection_stands", "client_objection", ["client_id"], unique=True, sqlite_where=STANDS, postgresql_where=STANDS)
    op.add_column("audit_entry", sa.Column("redacted_by", sa.Integer(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE POLICY in_scope ON client_objection USING ({CLIENT}) WITH CHECK ({CLIENT})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE client_objection NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
        op.execute("DROP POLICY in_scope ON client_objection")
    op.drop_column("audit_entry", "redacted_by")
    for table in ("client_objection", "legal_hold", "erased_key", "erasure_subject", "client_erasure"):
        op.drop_table(table)
