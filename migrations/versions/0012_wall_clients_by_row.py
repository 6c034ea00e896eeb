"""Wall clients by row on PostgreSQL, and keep by which release a job was planned

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.
The policies are written here and stand idle: `bankseg database roles` puts them in force, once no process of the previous release runs.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ABOUT_CLIENTS = ("client_contact", "product_propensity", "published_client", "risk_case", "risk_decision", "risk_review", "segment_event")
WHOLE_BOOK = "(SELECT current_setting('app.whole_book', true)) = 'yes'"
HOLDER = (
    f"{WHOLE_BOOK} OR rm_id = (SELECT nullif(current_setting('app.rm_id', true), '')) "
    "OR branch_id = (SELECT nullif(current_setting('app.branch_id', true), ''))"
)
# The holder's own policy limits what this finds.
CLIENT = f"{WHOLE_BOOK} OR EXISTS (SELECT 1 FROM client_holder AS held WHERE held.client_id = {{table}}.client_id)"  # noqa: S608  # the tables above


def upgrade() -> None:
    op.create_table(
        "client_holder",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("rm_id", sa.String(), nullable=True),
        sa.Column("branch_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index("ix_client_holder_rm_id", "client_holder", ["rm_id"])
    op.create_index("ix_client_holder_branch_id", "client_holder", ["branch_id"])
    op.add_column("job", sa.Column("planned_at_revision", sa.String(), nullable=True))
    if op.get_bind().dialect.name != "postgresql":
        return
    _wall("client_holder", HOLDER)
    for table in ABOUT_CLIENTS:
        _wall(table, CLIENT.format(table=table))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in ABOUT_CLIENTS:
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
            op.execute(f"DROP POLICY in_scope ON {table}")
    with op.batch_alter_table("job") as batch:
        batch.drop_column("planned_at_revision")
    op.drop_table("client_holder")


def _wall(table: str, visible: str) -> None:
    """The same predicate bounds what is read and what is written."""
    op.execute(f"CREATE POLICY in_scope ON {table} USING ({visible}) WITH CHECK ({visible})")
