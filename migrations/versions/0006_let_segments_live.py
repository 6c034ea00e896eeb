"""Let segments live: who publishes a scheme and against what, memberships, moves, refreshes, strategy sheets, own attributes, measured warnings

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segment_scheme", sa.Column("published_by", sa.Integer(), nullable=True))
    op.add_column("segment_scheme", sa.Column("published_at", sa.Float(), nullable=True))
    op.create_table(
        "segment_override",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("scorecard", sa.JSON(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.CheckConstraint("state in ('waiting','granted','refused')", name="segment_override_state"),
        sa.CheckConstraint("decided_by is null or decided_by <> asked_by", name="segment_override_two_persons"),
        sa.ForeignKeyConstraint(["code", "version"], ["segment_scheme.code", "segment_scheme.version"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _index("segment_override", "code")
    op.create_table(
        "segment_membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("clients", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("scheme_sha256", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version", "run_id"),
    )
    _index("segment_membership", "code")
    op.create_table(
        "segment_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("from_segment", sa.String(), nullable=False),
        sa.Column("to_segment", sa.String(), nullable=False),
        sa.Column("from_as_of", sa.String(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version", "run_id", "client_id", "from_segment", "to_segment"),
    )
    _index("segment_event", "client_id")
    with op.batch_alter_table("segment_event", schema=None) as batch_op:
        batch_op.create_index("ix_segment_event_code_id", ["code", "id"], unique=False)
    op.create_table(
        "segment_refresh",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("cadence", sa.String(), nullable=False),
        sa.Column("set_by", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.CheckConstraint("cadence in ('daily','weekly','monthly')", name="segment_refresh_cadence"),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "segment_strategy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.Integer(), nullable=True),
        sa.Column("saved_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "segment", "version"),
    )
    _index("segment_strategy", "code")
    op.create_table(
        "own_attribute",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("label_en", sa.String(), nullable=False),
        sa.Column("label_fr", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("expression", sa.String(), nullable=False),
        sa.Column("reads", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("saved_by", sa.Integer(), nullable=True),
        sa.Column("saved_at", sa.Float(), nullable=False),
        sa.CheckConstraint("state in ('live','retired')", name="own_attribute_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version"),
    )
    _index("own_attribute", "code")
    op.create_table(
        "warning_quality",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("policy_sha256", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "policy_sha256"),
    )


def downgrade() -> None:
    for table in ("warning_quality", "own_attribute", "segment_strategy", "segment_refresh", "segment_event", "segment_membership", "segment_override"):
        op.drop_table(table)
    with op.batch_alter_table("segment_scheme", schema=None) as batch_op:
        batch_op.drop_column("published_at")
        batch_op.drop_column("published_by")


def _index(table: str, column: str) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_{table}_{column}"), [column], unique=False)
