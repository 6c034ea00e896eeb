"""Keep strategic profiles of firms

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

VISIBLE = (
    "(SELECT current_setting('app.whole_book', true)) = 'yes' "
    "OR (SELECT true FROM client_holder AS held WHERE held.client_id = firm_profile.client_id)"  # the holder's own policy limits what this finds
)


def upgrade() -> None:
    op.create_table(
        "firm_profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("saved_by", sa.Integer(), nullable=True),
        sa.Column("saved_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["saved_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("client_id", "version"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE POLICY in_scope ON firm_profile USING ({VISIBLE}) WITH CHECK ({VISIBLE})")


def downgrade() -> None:
    op.drop_table("firm_profile")
