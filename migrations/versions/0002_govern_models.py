"""Govern models: standing, gates, proposals, decisions, openings, observations and alerts

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("model_proposal", "model_observation", "model_gate", "model_decision", "model_alert", "fold_opening", "recorded_document")
COLUMNS = {
    "propensity_model": (
        "trained_by", "features", "definition_sha256", "reference", "comparison", "exposure", "materiality", "next_review_on", "promoted_at",
    ),
    "run": ("declarations_sha256", "started_by", "shadows"),
}  # fmt: skip


def upgrade() -> None:
    op.execute(
        "update propensity_model set status = 'retired' where status = 'champion' and version < "
        "(select max(version) from propensity_model as other where other.target = propensity_model.target and other.status = 'champion')"
    )
    with op.batch_alter_table("propensity_model", schema=None) as batch_op:
        batch_op.create_check_constraint("propensity_model_status", "status in ('champion','challenger','shadow','retired','rejected')")
        batch_op.add_column(sa.Column("trained_by", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("features", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("definition_sha256", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reference", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("comparison", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("exposure", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("materiality", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("next_review_on", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("promoted_at", sa.Float(), nullable=True))
        batch_op.create_index(
            "ix_propensity_model_champion",
            ["target"],
            unique=True,
            sqlite_where=sa.text("status = 'champion'"),
            postgresql_where=sa.text("status = 'champion'"),
        )

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("declarations_sha256", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("started_by", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("shadows", sa.JSON(), server_default="{}", nullable=False))

    op.create_table(
        "recorded_document",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "fold_opening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("rows_sha256", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("fold_opening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fold_opening_rows_sha256"), ["rows_sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_fold_opening_target"), ["target"], unique=False)

    op.create_table(
        "model_alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("handled_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", sa.Float(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.CheckConstraint("level in ('watch','act')", name="model_alert_level"),
        sa.CheckConstraint("state in ('open','acknowledged','closed')", name="model_alert_state"),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("model_alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_alert_model_id"), ["model_id"], unique=False)
        batch_op.create_index(
            "ix_model_alert_open",
            ["model_id", "kind", "subject"],
            unique=True,
            sqlite_where=sa.text("state != 'closed'"),
            postgresql_where=sa.text("state != 'closed'"),
        )
        batch_op.create_index(batch_op.f("ix_model_alert_target"), ["target"], unique=False)

    op.create_table(
        "model_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("model_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_decision_model_id"), ["model_id"], unique=False)

    op.create_table(
        "model_gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("evaluation", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("bound", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.CheckConstraint("verdict in ('green','amber','red','not_measured')", name="model_gate_verdict"),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("model_gate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_gate_model_id"), ["model_id"], unique=False)

    op.create_table(
        "model_observation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("clients", sa.Integer(), nullable=False),
        sa.Column("score_psi", sa.Float(), nullable=True),
        sa.Column("score_p_value", sa.Float(), nullable=True),
        sa.Column("score_level", sa.String(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("agreement", sa.JSON(), nullable=False),
        sa.Column("matures_on", sa.String(), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("known_on", sa.String(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model_id", "run_id"),
    )
    with op.batch_alter_table("model_observation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_observation_model_id"), ["model_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_model_observation_run_id"), ["run_id"], unique=False)

    op.create_table(
        "model_proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind in ('promotion','retraining')", name="model_proposal_kind"),
        sa.CheckConstraint("state in ('open','approved','rejected','served')", name="model_proposal_state"),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["propensity_model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("model_proposal", schema=None) as batch_op:
        batch_op.create_index(
            "ix_model_proposal_open", ["target", "kind"], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.create_index(batch_op.f("ix_model_proposal_target"), ["target"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("propensity_model", schema=None) as batch_op:
        batch_op.drop_index("ix_propensity_model_champion")
        batch_op.drop_constraint("propensity_model_status", type_="check")
    for table, columns in COLUMNS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
