"""Erasing a client: two persons, a duty to keep that is told, nothing left anywhere, neighbours untouched, and the same end however often the worker is killed."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import inspect, text, update
from sqlglot import exp
from sqlmodel import col, select

from bankseg.domain.buckets import bucket_of
from bankseg.domain.erasure import ErasedError, KeptByDutyError, pseudonym_of
from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.jobs import JobState
from bankseg.domain.people import Role, Scope
from bankseg.faults import KILLED, VARIABLE
from bankseg.lake import erase
from bankseg.lake.files import table_versions
from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import digest_of
from bankseg.segments.reading import listing
from bankseg.services import contact_log, erasure
from bankseg.services.erasure_files import files_with
from bankseg.services.jobs import execute_job
from bankseg.services.reproduce import reproduce
from bankseg.services.rolls import open_for
from bankseg.services.runs import start_run
from bankseg.services.segment import PARTS, part_path
from bankseg.services.snapshot import lake_at
from bankseg.storage import audit, client_erasure, portfolio
from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_erasure import ClientErasure
from bankseg.storage.database import reading, transaction
from bankseg.storage.erased_rows import RULES
from bankseg.storage.job import Job
from bankseg.storage.risk_review import RiskDecision
from bankseg.storage.saved_view import SavedView
from bankseg.storage.tables import METADATA
from tests.services.conftest import AS_OF, CLIENTS, Bell, drive, jobs_in, made_bank, run_row
from tests.web import builders

CHECKOUT = Path(__file__).parents[2]
GONE, STAYS = "C07", "C08"
RITA, ADAM = Scope(5, Role.RISK_OFFICER), Scope(8, Role.ADMINISTRATOR)
BEA = Scope(3, Role.BRANCH_HEAD, branch_id="B1")
ORDER, WHY = "legal_obligation", "ordered by the authority"
POINTS = {"erasure.log_removals": 1, "erasure.file_dropped": 1, "erasure.file_taken_out": 3, "erasure.before_store": 1}  # the laboratory visits every one


@pytest.fixture
def own_lake(lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake that a test may change."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


@pytest.fixture
def held(home: Path, own_lake: Path, bell: Bell, store_url: str, monkeypatch: pytest.MonkeyPatch):
    """A published bank in which the client has left a trace in every room, on each store."""
    monkeypatch.setattr(erasure, "ring", bell.ring)
    bank = made_bank(home, own_lake, store_url)
    builders.staff(bank.engine)
    start_run(bank, AS_OF)
    drive(bank)
    leave_traces(bank)
    yield bank
    bank.engine.dispose()


@pytest.fixture
def asked(tmp_path: Path, own_lake: Path, bell: Bell, monkeypatch: pytest.MonkeyPatch):
    """A bank in which nothing was published yet."""
    monkeypatch.setattr(erasure, "ring", bell.ring)
    bank = made_bank(tmp_path / "home", own_lake)
    builders.staff(bank.engine)
    yield bank
    bank.engine.dispose()


def leave_traces(bank) -> None:
    """A contact, a decision, a saved search, an entry of the trail, refused rows, a packed copy and a log."""
    contact_log.record(bank.engine, BEA, GONE, contact_log.Contact("reached", note="spoke at length"))
    with transaction(bank.engine) as session:
        session.add(RiskDecision(client_id=GONE, run_id=1, severity=1, codes="x", decision="keep", reason="knows the family", decided_by=5, decided_at=1.0))
        session.add(SavedView(person_id=3, name="one", query=f"q={GONE}&tier=gold", saved_at=1.0))
        audit.record(session, "export", "portfolio", person_id=3, about=[GONE, STAYS])
    for folder in ("quarantine", "exports", "logs"):
        (bank.settings.home / folder).mkdir(exist_ok=True)
    rows = f"row_number,column,value,reason,text\n2,client_id,{GONE},unknown_client,none\n3,client_id,{STAYS},unknown_client,none\n"
    (bank.settings.quarantine / "accounts-x.csv").write_text(rows, encoding="utf-8")
    (bank.settings.exports / "list.csv.gz").write_bytes(gzip.compress(f"client_id\n{GONE}\n".encode()))
    (bank.settings.home / "logs" / "worker.log").write_text(f"wrote {GONE} and {GONE}1\n", encoding="utf-8")


def approved(bank, ground: str = ORDER) -> int:
    """An erasure that one asked for and another approved; its number."""
    number = erasure.ask(bank.settings, bank.engine, RITA, GONE, ground, WHY)
    erasure.decide(bank.settings, bank.engine, ADAM, number, approve=True, reason="seen the order of the authority")
    return number


def job_of(bank, number: int) -> int:
    with reading(bank.engine) as session:
        return session.get_one(ClientErasure, number).job_id or 0


def traces(bank) -> list[str]:
    """Every place under home, in the lake and in the store in which the client's identifier stands as a word."""
    bucket = bucket_of(GONE, 2)
    found = [held.path for held in (*erase.files_with(bank.lake, GONE, bucket), *files_with(bank.settings, GONE, bucket))]
    found += [str(path) for path in Path(bank.lake).rglob("*.json") if GONE in path.read_text(encoding="utf-8")]
    found += [str(path) for path in bank.snapshots.rglob("*.parquet") if "client_id" in pq.read_schema(path).names and _names(path)]
    with reading(bank.engine) as session:
        for table in inspect(bank.engine).get_table_names():
            rows = session.execute(text(f'SELECT * FROM "{table}"')).all()  # noqa: S608  # names of the store's own tables
            found += [f"{table}: {row}" for row in rows if erasing_word(str(tuple(row)))]
    if bank.engine.dialect.name == "sqlite" and GONE.encode() + b"\x00" in (bank.settings.home / "store.sqlite").read_bytes():
        found.append("free pages of the store")
    return found


def _names(path: Path) -> bool:
    return GONE in pq.read_table(path, columns=["client_id"], partitioning=None).column(0).to_pylist()


def erasing_word(said: str) -> bool:
    return GONE in said.replace(f"A{GONE}", "").replace(f"{GONE}1", "")


def clients_shown(bank) -> int:
    with reading(bank.engine) as session:
        return portfolio.count(session, RITA, portfolio.PortfolioFilter())


def ended(bank, number: int) -> None:
    """What holds after every erasure, whatever happened on the way."""
    with reading(bank.engine) as session:
        row = session.get_one(ClientErasure, number)
        assert (row.state, client_erasure.subject_of(session, number), row.found) == ("erased", None, {})
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == audit.ERASED)).all()) == 1
        assert audit.first_broken(session) is None
        removed = {one["place"]: one["count"] for one in row.receipt["removed"]}
    assert (removed["lake:clients"], removed["lake:accounts"], removed["lake:balances"], removed["store:published_client"]) == (1, 1, 3, 1)
    assert traces(bank) == []


def test_the_neighbours_and_the_trail_stay_whole_when_nothing_of_the_client_is_left(held):
    versions = table_versions(held.lake)
    number = approved(held)

    assert clients_shown(held) == CLIENTS - 1  # from the moment of approval, before any worker began
    with reading(held.engine) as session:
        assert portfolio.one(session, RITA, GONE) is None
        reading_roll = open_for(held.settings, session, None).reading
        assert listing(reading_roll, exp.true(), []).num_rows == CLIENTS - 1
    execute_job(held.settings, job_of(held, number), "worker")

    ended(held, number)
    assert table_versions(held.lake) == versions
    run = run_row(held, 1)
    assert (run.n_rows, run.n_expected) == (CLIENTS - 1, CLIENTS - 1)
    assert run.result_sha256 == digest_of(part_path(held, 1, part) for part in PARTS)
    with LocalBucket(lake_at(held, run), bucket_of(GONE, 2), AS_OF) as bucket:  # the recorded version, its files checked by hash
        left = bucket.arrow("SELECT count(*) AS n FROM balances").to_pylist()[0]["n"]
        mine = [f"C{number:02d}" for number in range(CLIENTS) if bucket_of(f"C{number:02d}", 2) == bucket_of(GONE, 2)]
        assert left == 2 * (len(mine) - 1)  # the balance of the last day is known a day later
    with reading(held.engine) as session:
        [decision] = session.exec(select(RiskDecision)).all()
        assert (decision.client_id, decision.decision, decision.reason) == (pseudonym_of(held.settings.key(), GONE), "keep", "")
        assert session.exec(select(SavedView.query)).one() == f"q={decision.client_id}&tier=gold"
    assert (held.settings.quarantine / "accounts-x.csv").read_text(encoding="utf-8").splitlines()[1:] == [f"3,client_id,{STAYS},unknown_client,none"]
    assert (held.settings.home / "logs" / "worker.log").read_text(encoding="utf-8") == f"wrote *** and {GONE}1\n"
    execute_job(held.settings, job_of(held, number), "late message")
    ended(held, number)
    with pytest.raises(ErasedError, match="a client was erased on"):
        reproduce(held, 1)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_next_attempt_comes_to_the_same_end(held, bell, point):
    number = approved(held)
    job_id = job_of(held, number)
    code = (
        "import sys; from pathlib import Path; from bankseg.settings import Settings; from bankseg.services.jobs import execute_job; "
        f"execute_job(Settings(home=Path({str(held.settings.home)!r}), lake_url={held.lake!r}, shards=2, lease_seconds=5), {job_id}, 'first')"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), VARIABLE: f"{point}:{POINTS[point]}"}

    killed = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, env=environment, check=False, capture_output=True, text=True)

    assert killed.returncode == KILLED, killed.stderr
    assert clients_shown(held) == CLIENTS - 1
    with transaction(held.engine) as session:
        session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=1.0))
    execute_job(held.settings, job_id, "next")
    assert [job.state for job in jobs_in(held) if job.id == job_id] == [JobState.DONE]
    ended(held, number)


def test_an_erasure_is_refused_in_words_while_a_duty_or_a_person_stands_against_it(asked):
    def ask(ground: str = ORDER, reason: str = WHY, client_id: str = GONE, scope: Scope = RITA) -> int:
        return erasure.ask(asked.settings, asked.engine, scope, client_id, ground, reason)

    with pytest.raises(KeptByDutyError, match="open contract"):
        ask("consent_withdrawn")
    with pytest.raises(InputError, match="names the client"):
        ask(reason=f"asked by {GONE} himself")
    with pytest.raises(InputError, match="ground"):
        ask("because")
    with pytest.raises(NotFoundError, match="no client"):
        ask(client_id="C99")
    with pytest.raises(NotFoundError, match="role"):
        ask(scope=BEA)
    hold = erasure.place_hold(asked.settings, asked.engine, ADAM, GONE, "a suit is pending")
    with pytest.raises(KeptByDutyError, match="a suit is pending"):
        ask()
    erasure.lift_hold(asked.engine, RITA, hold)
    number = ask()
    with pytest.raises(KeptByDutyError, match="is open"):
        ask()
    with pytest.raises(KeptByDutyError, match="second person"):
        erasure.decide(asked.settings, asked.engine, RITA, number, approve=True, reason="I asked for it myself")
    erasure.decide(asked.settings, asked.engine, ADAM, number, approve=False, reason="the order is not signed")
    with pytest.raises(KeptByDutyError, match="is refused"):
        erasure.decide(asked.settings, asked.engine, ADAM, number, approve=True, reason="changed my mind now")


def test_it_runs_alone_and_nothing_starts_beside_it(asked):
    number = approved(asked)
    with transaction(asked.engine) as session:
        beside = Job(key="tune:x", stage="tune", state="running", lease_until=4e9)
        session.add(beside)
        session.flush()
        beside_id = beside.id

    execute_job(asked.settings, job_of(asked, number), "too early")
    assert [job.attempt for job in jobs_in(asked) if job.stage == "erase"] == [0]
    with transaction(asked.engine) as session:
        session.connection().execute(update(Job).where(col(Job.id) == beside_id).values(state="queued", lease_until=0.0))
        session.connection().execute(update(Job).where(col(Job.stage) == "erase").values(state="running", lease_until=4e9))
    execute_job(asked.settings, beside_id, "too early")

    assert [job.attempt for job in jobs_in(asked) if job.id == beside_id] == [0]


def test_whoever_changes_what_an_erasure_left_in_the_trail_is_found_out(asked):
    with transaction(asked.engine) as session:
        audit.record(session, "export", "portfolio", about=[GONE, STAYS])
    number = approved(asked)
    execute_job(asked.settings, job_of(asked, number), "worker")
    with transaction(asked.engine) as session:
        entry = session.exec(select(AuditEntry).where(col(AuditEntry.redacted_by) == number)).first()
        entry.details = {**entry.details, "rows": 1}
        changed = entry.id

    with reading(asked.engine) as session:
        assert audit.first_broken(session) == changed
    with transaction(asked.engine) as session:  # an entry may not be called redacted without an erasure that vouches for it
        other = session.exec(select(AuditEntry).where(col(AuditEntry.redacted_by).is_(None))).first()
        other.redacted_by, other.subject = number, "something else"
        session.get_one(AuditEntry, changed).details = {}
    with reading(asked.engine) as session:
        assert audit.first_broken(session) in {changed, other.id}


def test_every_table_with_a_client_has_a_rule():
    assert {name for name, table in METADATA.tables.items() if "client_id" in table.columns} == set(RULES)
