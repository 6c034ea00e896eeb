"""Each PostgreSQL role does its work and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from psycopg.errors import InsufficientPrivilege, LockNotAvailable, QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.people import Role, Scope
from bankseg.services.database_roles import apply_roles, sql_of_roles
from bankseg.settings import Settings
from bankseg.storage import audit, database_roles, schema, store_copy, walls
from bankseg.storage.bulk import analyse, append
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.row_security import CLIENT_TABLES, limited
from bankseg.storage.run import Run
from bankseg.storage.tables import METADATA
from tests.postgres import Server
from tests.walled_store import PASSWORD, WalledStore, walled_store

CHECKOUT = Path(__file__).resolve().parents[2]
MARKETER = Scope(1, Role.MARKETER)


@pytest.fixture(scope="module")
def walled(postgres_server: Server) -> Iterator[WalledStore]:
    """An empty store behind the wall."""
    with walled_store(postgres_server) as store:
        yield store


def cases(rows: int, first: int = 0) -> pa.Table:
    """Risk cases of a run."""
    ids = [f"{number:09d}" for number in range(first, first + rows)]
    fixed = {"run_id": 1, "rm_id": "RM1", "branch_id": "B1", "severity": 2, "stage": 1, "days_past_due": 3, "exposure_minor": 10_000_000_000, "triggers": "[]", "since": None, "due_on": "2026-01-05"}  # fmt: skip
    return pa.table({"client_id": ids} | {name: pa.array([value] * rows, pa.string() if value is None else None) for name, value in fixed.items()})


def test_the_owner_migrates_and_the_schema_is_that_of_the_code(walled):
    engine = walled.engine("app_owner")

    assert schema.differences(engine) == []
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE made_by_owner (x integer)")
        connection.exec_driver_sql("DROP TABLE made_by_owner")


def test_a_worker_that_finds_the_schema_new_enough_goes_on(walled):
    engine = walled.engine("app_worker")

    schema.upgrade(engine)

    assert schema.revision(engine) == schema.revision(walled.engine("app_owner"))


@pytest.mark.parametrize("role", ["app_web", "app_worker", "app_backup"])
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (x integer)", "ALTER TABLE person ADD COLUMN x integer", "DROP POLICY in_scope ON published_client", "TRUNCATE audit_entry", "ALTER TABLE published_client DISABLE ROW LEVEL SECURITY", "SET ROLE app_owner"]
)  # fmt: skip
def test_nobody_but_the_owner_changes_the_schema(walled, role, statement):
    with pytest.raises(ProgrammingError) as refused, walled.engine(role).begin() as connection:
        connection.exec_driver_sql(statement)

    assert isinstance(refused.value.orig, InsufficientPrivilege)


DENIED = [
    *(("app_web", "DELETE FROM", table) for table in database_roles.WEB_READS_ONLY),
    *(("app_worker", "DELETE FROM", table) for table in database_roles.WORKER_READS_ONLY),
    *(("app_worker", "SELECT FROM", table) for table in database_roles.NOT_FOR_WORKER),
    *((role, "DELETE FROM", database_roles.TRAIL) for role in ("app_web", "app_worker", "app_backup")),
    *(("app_backup", "DELETE FROM", table) for table in ("person", "published_client")),
]


@pytest.mark.parametrize(("role", "verb", "table"), sorted(set(DENIED)))
def test_what_is_not_a_roles_work_is_refused(walled, role, verb, table):
    with pytest.raises(ProgrammingError) as refused, walled.engine(role).begin() as connection:
        connection.exec_driver_sql(f"{verb} {table}")

    assert isinstance(refused.value.orig, InsufficientPrivilege)


@pytest.mark.parametrize("role", ["app_web", "app_worker", "app_backup"])
def test_every_role_that_acts_adds_to_the_trail(walled, role):
    engine = walled.engine(role)

    with transaction(engine) as session:
        audit.record(session, "tried", role)

    with reading(engine) as session:
        assert audit.first_broken(session) is None


def test_a_holder_of_the_audit_role_alone_adds_entries_and_reads_none(walled):
    with walled.engine().connect() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE app_audit")
        connection.exec_driver_sql("INSERT INTO audit_entry (at, action, subject, details, chain) VALUES (1, 'a', 's', '{}', 'c')")
        with pytest.raises(ProgrammingError) as refused:
            connection.exec_driver_sql("SELECT count(*) FROM audit_entry")

    assert isinstance(refused.value.orig, InsufficientPrivilege)


@pytest.mark.parametrize("role", ["app_web", "app_worker"])
def test_web_and_worker_write_every_other_table(walled, role):
    untouched = database_roles.WEB_READS_ONLY if role == "app_web" else (*database_roles.WORKER_READS_ONLY, *database_roles.NOT_FOR_WORKER)

    with walled.engine(role).connect() as connection:
        for table in sorted(set(METADATA.tables) - set(untouched)):
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                assert connection.execute(text("SELECT has_table_privilege(:table, :right)"), {"table": table, "right": right}).scalar_one(), (table, right)


def test_the_web_signs_people_in_and_plans_jobs(walled):
    with transaction(walled.engine("app_web")) as session:
        session.add(Person(login="a", display_name="A", role="auditor", password_hash=""))
        session.add(Run(key="asked by the web", as_of="2025-12-31"))


@pytest.mark.parametrize(("statement", "error"), [("SELECT pg_sleep(60)", QueryCanceled), ("LOCK TABLE job IN ROW EXCLUSIVE MODE", LockNotAvailable)])
def test_the_web_waits_for_nothing_longer_than_a_few_seconds(walled, statement, error):
    with walled.engine("app_worker").begin() as other:
        other.exec_driver_sql("LOCK TABLE job IN EXCLUSIVE MODE")
        with pytest.raises(OperationalError) as stopped, walled.engine("app_web").begin() as connection:
            connection.exec_driver_sql(statement)

    assert isinstance(stopped.value.orig, error)


@pytest.mark.parametrize(("role", "word"), [("", "superuser"), ("app_owner", "owns tables"), ("app_backup", "bypasses")])
def test_a_role_that_row_security_does_not_hold_for_is_refused_at_the_start(walled, role, word):
    with pytest.raises(ConfigurationError, match=word):
        walls.require(walled.of(role) if role else walled.url)


@pytest.mark.parametrize("role", ["app_web", "app_worker"])
def test_web_and_worker_start_behind_the_wall(walled, role):
    walls.require(walled.of(role))

    assert walls.standing(walled.engine(role)).gaps == []


def test_a_store_without_policies_in_force_is_refused_and_one_that_is_away_is_asked_later(walled, fresh_postgres_url):
    engine = make_engine(fresh_postgres_url)
    schema.upgrade(engine)
    engine.dispose()

    with pytest.raises(ConfigurationError, match="no policy is in force on adviser_move, client_contact"):
        walls.require(WalledStore(fresh_postgres_url).of("app_worker"))
    walls.require("postgresql://app_web:none@127.0.0.1:1/none")
    walls.require("sqlite://")


def test_a_bank_of_another_owner_is_given_its_roles_while_it_holds_rows(fresh_postgres_url):
    engine = make_engine(fresh_postgres_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO run (key, as_of, state, until_stage, table_versions, file_hashes, policy_sha256, models, refusals, plan, summary, created_at) VALUES ('k', '2025-12-31', 'published', 'publish', '{}', '{}', '', '{}', '{}', '{}', '{}', 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO published_client (run_id, client_id, kind, value_is_approximate, tier, tier_reason, churn_band, churn_reasons, best_reasons, risk_band, risk_triggers, is_high_risk, is_vulnerable, segment, segment_reason, action, consent_purposes, propensities, rm_id) SELECT id, 'C1', 'individual', true, 'gold', '', 'low', '[]', '[]', 'normal', '[]', false, false, 'grow', '', '', '', '{}', 'RM1' FROM run"
        )
        connection.exec_driver_sql("INSERT INTO current_run SELECT 'portfolio', id, 0 FROM run")
    settings = Settings(store_url=fresh_postgres_url)

    first, second = apply_roles(settings, None), apply_roles(settings, None)

    assert first["in_force"] is second["in_force"] is True
    assert walls.standing(engine).unwalled == ()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").scalars().all() == ["app_owner"]
        assert connection.exec_driver_sql("SELECT client_id, rm_id FROM client_holder").all() == [("C1", "RM1")]
    engine.dispose()


def test_passwords_come_from_files_and_short_ones_are_refused(walled, tmp_path):
    settings = Settings(store_url=walled.url)
    with pytest.raises(Exception, match="holds no password"):
        apply_roles(settings, tmp_path)
    (tmp_path / "app_web_password").write_text("short\n")
    with pytest.raises(ConfigurationError, match="app_web is short"):
        apply_roles(settings, tmp_path)
    (tmp_path / "app_web_password").write_text(f"{PASSWORD}\n")

    assert apply_roles(settings, tmp_path)["passwords"] == ["app_web"]
    with pytest.raises(ConfigurationError, match="not PostgreSQL"):
        apply_roles(Settings(store_url="sqlite://"), None)


def test_the_container_is_given_the_same_sql():
    assert (CHECKOUT / "deploy" / "postgres" / "roles.sql").read_text(encoding="utf-8") == sql_of_roles()


@pytest.mark.parametrize("role", ["app_worker", "app_web"])
def test_rows_are_loaded_in_bulk_through_the_policies(walled, role):
    engine, first = walled.engine(role), 1_000 if role == "app_web" else 0
    name = "segment_event" if role == "app_web" else "risk_case"
    rows = cases(300, first)
    if role == "app_web":
        with transaction(engine) as session:
            run = Run(key="moves", as_of="2025-11-30")
            session.add(run)
            session.flush()
            fixed = {"code": "c", "version": 1, "run_id": run.id, "from_segment": "", "to_segment": "a", "from_as_of": "x", "as_of": "y", "made_at": 1.0}
        rows = rows.select(["client_id", "rm_id", "branch_id"])
        for column, value in fixed.items():
            rows = rows.append_column(column, pa.array([value] * 300))
        with pytest.raises(Exception, match="row-level security"):
            append(engine, name, rows)
        engine = limited(engine, MARKETER)

    assert append(engine, name, rows) == 300

    with reading(engine) as session:
        found = session.execute(text(f"SELECT client_id, rm_id FROM {name} ORDER BY client_id")).all()  # noqa: S608  # a table of ours
    assert [tuple(row) for row in found] == [(client, "RM1") for client in rows.column("client_id").to_pylist()]


def test_a_load_that_fails_on_its_last_row_leaves_none(walled):
    engine = walled.engine("app_worker")
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        append(engine, "risk_case", pa.concat_tables([cases(50, 50_000), cases(1, 50_000)]))

    with reading(engine) as session:
        assert session.execute(text("SELECT count(*) FROM risk_case WHERE client_id >= '000050000'")).scalar_one() == 0


@pytest.mark.filterwarnings("ignore")
def test_a_worker_may_ask_for_the_tables_to_be_measured(walled):
    analyse(walled.engine("app_worker"), ("risk_case",))


def test_a_copy_by_a_role_that_sees_some_rows_is_refused_instead_of_short(walled, tmp_path):
    with pytest.raises(ProgrammingError, match="row-level security"), store_copy.copied(walled.engine("app_worker"), tmp_path):
        pass


def test_the_backup_role_copies_every_row(walled, tmp_path):
    with store_copy.copied(walled.engine("app_backup"), tmp_path) as copy:
        assert copy.rows["risk_case"] == 300

    assert len((tmp_path / "risk_case.copy").read_bytes().splitlines()) == 300
    assert set(CLIENT_TABLES) <= set(copy.rows)
