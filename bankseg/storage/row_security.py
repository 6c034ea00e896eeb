"""The store's second wall: PostgreSQL's row security, told in every transaction whose clients may be seen.

The first wall is the predicate of `published_client.in_scope`; each holds without the other. SQLite has the first alone.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event

from bankseg.domain.people import Role, Scope

SCOPE_OPTION = "bankseg_scope"
WHOLE_BOOK, RM_ID, BRANCH_ID = "app.whole_book", "app.rm_id", "app.branch_id"
POLICY, WORKER_POLICY = "in_scope", "whole_runs"
# Every table whose rows are about single clients; a test finds those that lack here.
CLIENT_TABLES = (
    "adviser_move", "client_contact", "client_holder", "client_objection", "firm_profile", "product_propensity", "published_client", "risk_case", "risk_decision", "risk_review", "segment_event",
)  # fmt: skip
TELL = f"SELECT set_config('{WHOLE_BOOK}', %(whole)s, true), set_config('{RM_ID}', %(rm)s, true), set_config('{BRANCH_ID}', %(branch)s, true)"


def limited(engine: Engine, scope: Scope) -> Engine:
    """The same engine and pool, whose transactions see the clients of a scope and no others."""
    return engine.execution_options(**{SCOPE_OPTION: scope})


def settings_of(scope: Scope) -> dict[str, str]:
    """What the policies read of a scope; an empty text admits nobody."""
    return {
        "whole": "yes" if scope.sees_whole_book else "",
        "rm": (scope.rm_id or "") if scope.role is Role.RELATIONSHIP_MANAGER else "",
        "branch": (scope.branch_id or "") if scope.role is Role.BRANCH_HEAD else "",
    }


def install(engine: Engine) -> None:
    """Tell PostgreSQL the scope at the start of each transaction, and leave nothing of a session on a connection that goes back to the pool."""
    event.listen(engine, "begin", _tell_scope)
    event.listen(engine, "reset", _forget_session)


def _tell_scope(connection: Connection) -> None:
    scope = connection.get_execution_options().get(SCOPE_OPTION)
    if scope is not None:
        connection.exec_driver_sql(TELL, settings_of(scope))


def _forget_session(driver: Any, record: object, state: Any) -> None:  # psycopg's connection and SQLAlchemy's event signature
    del record
    if state.terminate_only:
        return
    driver.rollback()
    driver.autocommit = True
    try:
        driver.execute("DISCARD ALL")
    finally:
        driver.autocommit = False
