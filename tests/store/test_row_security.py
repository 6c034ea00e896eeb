"""PostgreSQL's row security alone: no query here carries a predicate, and none shows more than the person's clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Engine, Table, func, select, text
from sqlalchemy.exc import ProgrammingError

from bankseg.domain.people import Role, Scope
from bankseg.storage import client_holder, row_security, tables
from bankseg.storage.client_contact import ClientContact
from bankseg.storage.client_past import across_runs
from bankseg.storage.database import reading, transaction
from bankseg.storage.published_client import PublishedClient, in_scope
from bankseg.storage.row_security import CLIENT_TABLES, limited
from bankseg.storage.run import CurrentRun
from bankseg.storage.segment_event import SegmentEvent
from tests.postgres import Server
from tests.walled_store import WalledStore, walled_store
from tests.web import builders

CHECKOUT = Path(__file__).resolve().parents[2]
ALICE = Scope(1, Role.RELATIONSHIP_MANAGER, rm_id="RM1")
BOB = Scope(2, Role.RELATIONSHIP_MANAGER, rm_id="RM2")
SCOPES = {
    "alice": (ALICE, {"C1", "C2"}),
    "bob": (BOB, {"C3"}),
    "a manager of nobody": (Scope(3, Role.RELATIONSHIP_MANAGER, rm_id="RM9"), set()),
    "a manager without a portfolio": (Scope(3, Role.RELATIONSHIP_MANAGER), set()),
    "a manager of an empty text": (Scope(3, Role.RELATIONSHIP_MANAGER, rm_id=""), set()),
    "a manager who names a branch too": (Scope(3, Role.RELATIONSHIP_MANAGER, rm_id="RM2", branch_id="B1"), {"C3"}),
    "head of B1": (Scope(4, Role.BRANCH_HEAD, branch_id="B1"), {"C1", "C2"}),
    "marketer": (Scope(5, Role.MARKETER), {"C1", "C2", "C3", "C4"}),
    "risk officer": (Scope(6, Role.RISK_OFFICER), {"C1", "C2", "C3", "C4"}),
    "auditor": (Scope(7, Role.AUDITOR), set()),
    "administrator": (Scope(8, Role.ADMINISTRATOR), set()),
    "somebody who tries quotes": (Scope(9, Role.RELATIONSHIP_MANAGER, rm_id="' or true --"), set()),
}


@pytest.fixture(scope="module")
def walled(postgres_server: Server) -> Iterator[WalledStore]:
    """The small bank behind the wall, with a row about every client in every table."""
    with walled_store(postgres_server) as store:
        builders.staff(store.engine())
        with transaction(store.engine()) as session:
            run = builders.a_small_bank(session)
            session.flush()
            client_holder.follow(session, run.id)
            builders.advisers(session, run)
            for table in (tables.METADATA.tables[name] for name in CLIENT_TABLES):
                for client_id in ("C1", "C2", "C3", "C4"):
                    if session.execute(select(table.c.client_id).where(table.c.client_id == client_id)).first() is None:
                        session.execute(table.insert().values(**a_row(table, client_id)))
        yield store


@pytest.fixture(scope="module")
def web(walled: WalledStore) -> Engine:
    """The web's engine: one connection, so that each test meets what the one before left on it."""
    return walled.engine("app_web")


def a_row(table: Table, client_id: str) -> dict[str, object]:
    """Something in every column that must hold something; the run and the person of that number are there."""
    values = {"INTEGER": 1, "BIGINT": 1, "FLOAT": 1.0, "JSON": [], "BOOLEAN": False}
    needed = [column for column in table.columns if not column.nullable and column.name != "id"]
    return {column.name: values.get(str(column.type), "open") for column in needed} | {"client_id": client_id}


def seen(engine: Engine, table: str) -> set[str]:
    """Every client that a table shows without any predicate."""
    with reading(engine) as session:
        return set(session.execute(select(tables.METADATA.tables[table].c.client_id)).scalars())


def test_every_table_about_single_clients_is_known_to_the_wall():
    assert {name for name, table in tables.METADATA.tables.items() if "client_id" in table.columns} == set(CLIENT_TABLES)


def test_every_table_of_the_wall_is_enabled_and_forced_and_has_both_policies(walled):
    with reading(walled.engine()) as session:
        forced = session.execute(text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")).scalars().all()
        policies = session.execute(text("SELECT tablename, policyname, qual = with_check FROM pg_policies")).all()

    assert set(forced) == set(CLIENT_TABLES)
    assert {tuple(row) for row in policies} == {
        (table, policy, True) for table in CLIENT_TABLES for policy in (row_security.POLICY, row_security.WORKER_POLICY)
    }


def test_there_is_no_view_and_no_function_that_reads_with_its_makers_eyes(walled):
    with reading(walled.engine("app_owner")) as session:
        views = session.execute(text("SELECT viewname FROM pg_views WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")).all()
        functions = session.execute(
            text("SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE prosecdef AND nspname = 'public'")
        ).all()

    assert (views, functions) == ([], [])


@pytest.mark.parametrize("table", CLIENT_TABLES)
@pytest.mark.parametrize("who", SCOPES)
def test_row_security_alone_shows_a_person_their_clients_and_no_others(web, who, table):
    scope, clients = SCOPES[who]

    assert seen(limited(web, scope), table) == clients


@pytest.mark.parametrize("who", SCOPES)
def test_the_predicate_alone_admits_the_same_clients(walled, who):
    scope, clients = SCOPES[who]

    with reading(walled.engine()) as session:
        assert set(session.execute(select(PublishedClient.client_id).where(in_scope(scope))).scalars()) == clients


@pytest.mark.parametrize("table", CLIENT_TABLES)
def test_without_a_scope_nobody_is_seen_and_nothing_fails(web, walled, table):
    owner = walled.engine("app_owner")

    assert seen(web, table) == set()
    assert seen(owner, table) == set()
    assert seen(walled.engine("app_worker"), table) == seen(walled.engine("app_backup"), table) == {"C1", "C2", "C3", "C4"}


def test_a_scope_ends_with_its_transaction_even_on_the_same_connection(web):
    with limited(web, SCOPES["marketer"][0]).connect() as connection:
        first = connection.execute(select(func.count()).select_from(PublishedClient)).scalar_one()
        process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        connection.commit()
        driver = connection.connection.driver_connection
        after = driver.execute("SELECT count(*) FROM published_client").fetchone()[0]
        driver.rollback()
    with web.connect() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() == process
        assert connection.execute(select(func.count()).select_from(PublishedClient)).scalar_one() == 0

    assert (first, after) == (4, 0)


def test_what_a_session_set_for_itself_is_gone_when_its_connection_is_used_again(web):
    with web.connect() as connection:
        connection.exec_driver_sql("SELECT set_config('app.whole_book', 'yes', false)")
        connection.exec_driver_sql("CREATE TEMPORARY TABLE left_behind (x integer)")
        connection.commit()
        assert connection.execute(select(func.count()).select_from(PublishedClient)).scalar_one() == 4

    with web.connect() as connection:
        assert connection.execute(select(func.count()).select_from(PublishedClient)).scalar_one() == 0
        assert connection.exec_driver_sql("SELECT to_regclass('left_behind')").scalar_one() is None


def test_the_code_sets_a_scope_for_a_transaction_only_and_at_one_place():
    said = {path.relative_to(CHECKOUT): path.read_text(encoding="utf-8") for path in (CHECKOUT / "bankseg").rglob("*.py")}

    assert [str(path) for path, code in said.items() if "set_config(" in code] == ["bankseg/storage/row_security.py"]
    assert row_security.TELL.count("set_config(") == row_security.TELL.count(", true)") == 3
    assert not [path for path, code in said.items() if "SET app." in code or "SET SESSION" in code]


def test_a_row_about_a_foreign_client_is_neither_written_nor_changed_nor_deleted(web):
    contact = {"client_id": "C3", "person_id": 1, "run_id": 1, "at": 1.0, "contact_on": "2026-01-01", "channel": "phone", "outcome": "reached"}

    with pytest.raises(ProgrammingError) as refused, transaction(limited(web, ALICE)) as session:
        session.add(ClientContact(**contact))
    with transaction(limited(web, ALICE)) as session:
        changed = session.execute(text("UPDATE client_contact SET note = 'mine' WHERE client_id = 'C3'")).rowcount
        deleted = session.execute(text("DELETE FROM client_contact WHERE client_id = 'C3'")).rowcount
    with pytest.raises(ProgrammingError), transaction(limited(web, ALICE)) as session:
        session.execute(text("UPDATE client_contact SET client_id = 'C3' WHERE client_id = 'C1'"))

    assert isinstance(refused.value.orig, InsufficientPrivilege)
    assert (changed, deleted) == (0, 0)


def test_a_unique_key_does_not_tell_whether_a_foreign_client_exists(web):
    said = []
    for client_id in ("C3", "nobody"):
        with pytest.raises(ProgrammingError) as refused, transaction(limited(web, ALICE)) as session:
            session.execute(
                text("INSERT INTO risk_review (client_id, state, severity, codes, opened_because) VALUES (:client, 'open', 0, '', '')"), {"client": client_id}
            )
        said.append(str(refused.value.orig))

    assert said[0] == said[1]
    assert "C3" not in said[0]


def test_a_client_handed_over_brings_its_past_and_leaves_the_former_holder_nothing(walled, web):
    engine = walled.engine()
    with transaction(engine) as session:
        later = builders.a_run(session, key="handed over", as_of="2026-01-31")
        builders.a_client(session, later, "C1", rm_id="RM2", branch_id="B2")
        session.flush()
        client_holder.follow(session, later.id)
    try:
        with reading(limited(web, BOB)) as session:
            assert [row["as_of"] for row in across_runs(session, BOB, "C1")] == ["2025-12-31", "2026-01-31"]
        for table in CLIENT_TABLES:
            assert "C1" in seen(limited(web, BOB), table), table
            assert "C1" not in seen(limited(web, ALICE), table), table
    finally:
        with transaction(engine) as session:
            session.execute(text("DELETE FROM published_client WHERE run_id = :run"), {"run": later.id})
            session.merge(CurrentRun(kind="portfolio", run_id=1, flipped_at=0.0))
            client_holder.follow(session, 1)
            session.execute(text("DELETE FROM run WHERE id = :run"), {"run": later.id})
    assert seen(limited(web, ALICE), "segment_event") == {"C1", "C2"}


def test_moves_of_segments_follow_the_client_and_not_whom_they_once_concerned(walled, web):
    with transaction(walled.engine()) as session:
        session.add(SegmentEvent(code="x", version=1, run_id=1, client_id="C3", to_segment="a", from_as_of="2025-11-30", as_of="2025-12-31", rm_id="RM1"))

    assert seen(limited(web, ALICE), "segment_event") == {"C1", "C2"}
