"""Ask PostgreSQL's wall client by client

Must suit the previous release while it still runs: add, then fill, then use; drop only what nothing reads since the last release.
The wall admits whom it admitted: a subquery of one value is looked up for each row that is read, where EXISTS had the planner read every holder before the first row
of a branch's page (200 ms of a million holders).

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ABOUT_CLIENTS = (
    "client_contact", "client_objection", "product_propensity", "published_client", "risk_case", "risk_decision", "risk_review", "segment_event",
)  # fmt: skip
WHOLE_BOOK = "(SELECT current_setting('app.whole_book', true)) = 'yes'"
ONE_BY_ONE = f"{WHOLE_BOOK} OR (SELECT true FROM client_holder AS held WHERE held.client_id = {{table}}.client_id)"  # noqa: S608  # the tables above
ALL_AT_ONCE = f"{WHOLE_BOOK} OR EXISTS (SELECT 1 FROM client_holder AS held WHERE held.client_id = {{table}}.client_id)"  # noqa: S608  # the tables above


def upgrade() -> None:
    _asks(ONE_BY_ONE)


def downgrade() -> None:
    _asks(ALL_AT_ONCE)


def _asks(visible: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ABOUT_CLIENTS:
        rule = visible.format(table=table)
        op.execute(f"ALTER POLICY in_scope ON {table} USING ({rule}) WITH CHECK ({rule})")
