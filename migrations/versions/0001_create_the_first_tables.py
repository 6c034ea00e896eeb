"""Create the first tables

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("chain", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("filtered", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("quarantine_path", sa.String(), nullable=True),
        sa.Column("extract_on", sa.String(), nullable=True),
        sa.Column("lake_version", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("table_name", "sha256"),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("failed_logins", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_person_login"), ["login"], unique=True)
        batch_op.create_index(batch_op.f("ix_person_rm_id"), ["rm_id"], unique=False)

    op.create_table(
        "product_propensity",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.Column("propensity", sa.Float(), nullable=False),
        sa.Column("expected_margin_minor", sa.BigInteger(), nullable=True),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("excluded_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "client_id", "product"),
    )
    with op.batch_alter_table("product_propensity", schema=None) as batch_op:
        batch_op.create_index("ix_product_propensity_list", ["run_id", "product", "propensity", "client_id", "excluded_by"], unique=False)

    op.create_table(
        "published_client",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("joined_on", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("balance_minor", sa.BigInteger(), nullable=True),
        sa.Column("debt_minor", sa.BigInteger(), nullable=True),
        sa.Column("value_12m_minor", sa.BigInteger(), nullable=True),
        sa.Column("value_is_approximate", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("tier_reason", sa.String(), nullable=False),
        sa.Column("activity", sa.String(), nullable=True),
        sa.Column("rfm", sa.String(), nullable=True),
        sa.Column("churn", sa.Float(), nullable=True),
        sa.Column("churn_target", sa.String(), nullable=True),
        sa.Column("churn_band", sa.String(), nullable=False),
        sa.Column("churn_reasons", sa.String(), nullable=False),
        sa.Column("expected_loss_minor", sa.BigInteger(), nullable=True),
        sa.Column("best_product", sa.String(), nullable=True),
        sa.Column("best_propensity", sa.Float(), nullable=True),
        sa.Column("best_margin_minor", sa.BigInteger(), nullable=True),
        sa.Column("best_reasons", sa.String(), nullable=False),
        sa.Column("credit_score", sa.Float(), nullable=True),
        sa.Column("credit_source", sa.String(), nullable=True),
        sa.Column("risk_band", sa.String(), nullable=False),
        sa.Column("risk_triggers", sa.String(), nullable=False),
        sa.Column("is_high_risk", sa.Boolean(), nullable=False),
        sa.Column("is_vulnerable", sa.Boolean(), nullable=False),
        sa.Column("segment", sa.String(), nullable=False),
        sa.Column("segment_reason", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("consent_purposes", sa.String(), nullable=False),
        sa.Column("preferred_channel", sa.String(), nullable=True),
        sa.Column("last_interaction_on", sa.String(), nullable=True),
        sa.Column("propensities", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "client_id"),
    )
    with op.batch_alter_table("published_client", schema=None) as batch_op:
        batch_op.create_index("ix_published_client_portfolio", ["run_id", "rm_id", "churn", "client_id"], unique=False)
        batch_op.create_index("ix_published_client_segment", ["run_id", "segment", "client_id"], unique=False)
        batch_op.create_index("ix_published_client_book", ["run_id", "churn", "client_id"], unique=False)

    op.create_table(
        "risk_case",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=True),
        sa.Column("exposure_minor", sa.BigInteger(), nullable=True),
        sa.Column("triggers", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=True),
        sa.Column("due_on", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "client_id"),
    )
    with op.batch_alter_table("risk_case", schema=None) as batch_op:
        batch_op.create_index("ix_risk_case_queue", ["run_id", "severity", "exposure_minor", "client_id"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("until_stage", sa.String(), nullable=False),
        sa.Column("table_versions", sa.JSON(), nullable=False),
        sa.Column("file_hashes", sa.JSON(), nullable=False),
        sa.Column("policy_sha256", sa.String(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("n_expected", sa.Integer(), nullable=True),
        sa.Column("n_rows", sa.Integer(), nullable=True),
        sa.Column("result_sha256", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("published_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state in ('running','published','failed','quarantined')", name="run_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_as_of"), ["as_of"], unique=False)

    op.create_table(
        "current_run",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("flipped_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("kind"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("rung_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state in ('waiting','queued','running','done','failed','quarantined')", name="job_state"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_run", ["run_id", "stage"], unique=False)
        batch_op.create_index("ix_job_state", ["state", "lease_until"], unique=False)

    op.create_table(
        "propensity_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("positives", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("target", "digest"),
    )
    with op.batch_alter_table("propensity_model", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_propensity_model_target"), ["target"], unique=False)

    op.create_table(
        "websession",
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
        ),
        sa.PrimaryKeyConstraint("token_sha256"),
    )
    with op.batch_alter_table("websession", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_websession_person_id"), ["person_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("websession", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_websession_person_id"))

    op.drop_table("websession")
    with op.batch_alter_table("propensity_model", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_propensity_model_target"))

    op.drop_table("propensity_model")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index("ix_job_state")
        batch_op.drop_index("ix_job_run")

    op.drop_table("job")
    op.drop_table("current_run")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_as_of"))

    op.drop_table("run")
    with op.batch_alter_table("risk_case", schema=None) as batch_op:
        batch_op.drop_index("ix_risk_case_queue")

    op.drop_table("risk_case")
    with op.batch_alter_table("published_client", schema=None) as batch_op:
        batch_op.drop_index("ix_published_client_book")
        batch_op.drop_index("ix_published_client_segment")
        batch_op.drop_index("ix_published_client_portfolio")

    op.drop_table("published_client")
    with op.batch_alter_table("product_propensity", schema=None) as batch_op:
        batch_op.drop_index("ix_product_propensity_list")

    op.drop_table("product_propensity")
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_person_rm_id"))
        batch_op.drop_index(batch_op.f("ix_person_login"))

    op.drop_table("person")
    op.drop_table("import_batch")
    op.drop_table("audit_entry")
