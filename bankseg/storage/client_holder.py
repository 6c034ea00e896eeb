"""Who holds each client of the published run: what PostgreSQL's row policies ask, also for the rows of earlier runs."""

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel


class ClientHolder(SQLModel, table=True):
    """One client of the published run with its holder and branch. Written on PostgreSQL only: SQLite has no policy to feed."""

    __tablename__ = "client_holder"

    client_id: str = Field(primary_key=True)
    rm_id: str | None = Field(default=None, index=True)
    branch_id: str | None = Field(default=None, index=True)


FOLLOW = text("""
    INSERT INTO client_holder AS known (client_id, rm_id, branch_id)
    SELECT client_id, rm_id, branch_id FROM published_client WHERE run_id = :run_id
    ON CONFLICT (client_id) DO UPDATE SET rm_id = excluded.rm_id, branch_id = excluded.branch_id
    WHERE (known.rm_id, known.branch_id) IS DISTINCT FROM (excluded.rm_id, excluded.branch_id)
""")
LEAVE = text("""
    DELETE FROM client_holder AS known
    WHERE NOT EXISTS (SELECT 1 FROM published_client AS shown WHERE shown.run_id = :run_id AND shown.client_id = known.client_id)
""")


def follow(session: Session, run_id: int) -> None:
    """Hold what a run says; part of the transaction that moves the pointer to it. Only clients that changed hands are written."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for statement in (FOLLOW, LEAVE):
        session.connection().execute(statement, {"run_id": run_id})
