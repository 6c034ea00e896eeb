"""Strategic profiles of firms: in versions, by those who serve the firm, and what of them a rule may read."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine
from sqlmodel import select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.extracts import CLIENT_KINDS
from bankseg.domain.firm_profile import CRITERIA, FIRMS
from bankseg.domain.people import Role, Scope
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.lake.parquet import read_checked, write_whole
from bankseg.segments.attributes import attribute_catalogue
from bankseg.services.description import described_with
from bankseg.services.firm_profile import firm_profile_page, profiles_known, save_firm_profile
from bankseg.settings import Settings
from bankseg.storage import client_holder, erased_rows, schema, tables
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.firm_profile import FirmProfileVersion
from bankseg.storage.published_client import PublishedClient
from tests.web import builders

ALICE = Scope(1, Role.RELATIONSHIP_MANAGER, rm_id="RM1", branch_id="B1")
BOB = Scope(2, Role.RELATIONSHIP_MANAGER, rm_id="RM2", branch_id="B2")
BEA = Scope(3, Role.BRANCH_HEAD, branch_id="B1")
RITA = Scope(5, Role.RISK_OFFICER)
LEADS = {"technology": "leads", "distribution": "online", "note": "Sells abroad"}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, settings: Settings):
    settings.home.mkdir()
    url = settings.store if request.param == "sqlite" else request.getfixturevalue("fresh_postgres_url")
    engine = make_engine(url)
    schema.upgrade(engine)
    builders.staff(engine)
    with transaction(engine) as session:
        run = builders.a_small_bank(session)
        for client_id in ("C1", "C3"):
            session.get_one(PublishedClient, (run.id, client_id)).kind = "company"
        session.flush()
        client_holder.follow(session, run.id or 0)
    yield engine
    engine.dispose()


def versions(engine: Engine, scope: Scope, client_id: str = "C1") -> list[tuple[int, dict[str, str], str, str]]:
    with reading(engine) as session:
        return [(one.version, dict(one.answers), one.note, one.author) for one in firm_profile_page(session, scope, client_id).profiles]


def test_a_profile_is_kept_in_versions_with_who_wrote_each(engine: Engine) -> None:
    assert save_firm_profile(engine, ALICE, "C1", LEADS) == 1
    assert save_firm_profile(engine, ALICE, "C1", LEADS) == 1
    assert save_firm_profile(engine, BEA, "C1", {"technology": "keeps_up"}) == 2

    assert versions(engine, RITA) == [
        (2, {"technology": "keeps_up"}, "", "Béatrice Petit"),
        (1, {"technology": "leads", "distribution": "online"}, "Sells abroad", "Alice Martin"),
    ]
    with reading(engine) as session:
        told = [entry for entry in session.exec(select(AuditEntry)) if entry.action == "firm_profile_saved"]
        assert [entry.details["version"] for entry in told] == [1, 2]
        assert "leads" not in str([entry.details for entry in told])


def test_an_empty_profile_of_a_firm_without_one_is_no_version(engine: Engine) -> None:
    assert save_firm_profile(engine, ALICE, "C1", dict.fromkeys(CRITERIA, "")) == 0
    assert versions(engine, ALICE) == []


def test_a_colleague_of_another_portfolio_meets_nothing(engine: Engine) -> None:
    save_firm_profile(engine, ALICE, "C1", LEADS)

    with pytest.raises(NotFoundError):
        versions(engine, BOB)
    with pytest.raises(NotFoundError):
        save_firm_profile(engine, BOB, "C1", LEADS)
    with pytest.raises(NotFoundError):
        save_firm_profile(engine, RITA, "C1", LEADS)  # reads it, and serves nobody
    assert len(versions(engine, ALICE)) == 1


def test_a_person_has_none_and_an_answer_that_is_none_is_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match="a private person"):
        save_firm_profile(engine, ALICE, "C2", LEADS)
    with pytest.raises(InputError, match="technology 'magic'"):
        save_firm_profile(engine, ALICE, "C1", {"technology": "magic"})
    with pytest.raises(InputError, match="a note of 1001 characters"):
        save_firm_profile(engine, ALICE, "C1", {"note": "x" * 1001})
    assert {*CLIENT_KINDS} - FIRMS == {"individual"}


def test_who_read_an_earlier_version_is_told(engine: Engine) -> None:
    save_firm_profile(engine, ALICE, "C1", LEADS, {"v0"})

    with pytest.raises(ChangedMeanwhileError):
        save_firm_profile(engine, BEA, "C1", {"technology": "follows"}, {"v0"})
    assert save_firm_profile(engine, BEA, "C1", {"technology": "follows"}, {"v1"}) == 2


def test_an_erased_firm_leaves_no_profile(engine: Engine) -> None:
    save_firm_profile(engine, ALICE, "C1", LEADS)
    save_firm_profile(engine, BOB, "C3", LEADS)
    with transaction(engine) as session:
        assert erased_rows.counted(session, "C1")["firm_profile"] == 1
        erased_rows.remove(session, "C1", "p1")

    with reading(engine) as session:
        assert session.exec(select(FirmProfileVersion.client_id)).all() == ["C3"]


def an_answer(engine: Engine, client_id: str, version: int, on: date, **answers: str) -> None:
    """A version written at noon of a day."""
    at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp()
    with transaction(engine) as session:
        session.add(FirmProfileVersion(client_id=client_id, version=version, answers=answers, saved_at=at))


def test_a_run_reads_what_stood_at_the_end_of_its_day_and_nothing_later(engine: Engine) -> None:
    an_answer(engine, "C1", 1, date(2025, 11, 3), technology="follows")
    an_answer(engine, "C1", 2, date(2025, 12, 31), technology="leads", outsourcing="most")
    an_answer(engine, "C1", 3, date(2026, 1, 1), technology="keeps_up")
    an_answer(engine, "C3", 1, date(2026, 1, 1), technology="leads")

    with reading(engine) as session:
        assert profiles_known(session, date(2025, 11, 2)) is None
        november, december, later = (profiles_known(session, day) for day in (date(2025, 11, 30), date(2025, 12, 31), date(2026, 1, 1)))

    assert november.select(["client_id", "profile_technology", "profile_outsourcing"]).to_pylist() == [
        {"client_id": "C1", "profile_technology": "follows", "profile_outsourcing": None}
    ]
    assert december.column("profile_technology").to_pylist() == ["leads"]
    assert december.column("profile_outsourcing").to_pylist() == ["most"]
    assert later.column("client_id").to_pylist() == ["C1", "C3"]


def test_profiles_lie_beside_every_client_once_however_often_a_job_is_done_again(engine: Engine, tmp_path: Path) -> None:
    an_answer(engine, "C1", 1, date(2025, 11, 3), technology="follows")
    path = tmp_path / "bucket.parquet"
    write_whole(pa.table({"client_id": ["C1", "C2"], "sex": ["F", None]}), path)
    with reading(engine) as session:
        profiles = profiles_known(session, date(2025, 12, 31))
        for _ in range(2):
            described_with([path], profiles)

    rows = read_checked(path)
    assert rows.column("profile_technology").to_pylist() == ["follows", None]
    assert rows.column("sex").to_pylist() == ["F", None]
    assert rows.column_names == ["client_id", "sex", *(f"profile_{name}" for name in CRITERIA)]


def test_every_criterion_is_an_attribute_for_marketing_and_none_for_credit() -> None:
    known = attribute_catalogue([], [], {})

    assert {name for name in known if name.startswith("profile_")} == {f"profile_{name}" for name in CRITERIA}
    assert {known[f"profile_{name}"].purposes for name in CRITERIA} == {("describe", "marketing")}
    assert "firm_profile" in tables.METADATA.tables
