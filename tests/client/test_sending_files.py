"""Files sent by a program: looked at, mapped, tried, loaded by a worker, and reconciled."""

from pathlib import Path

import pytest
from sqlmodel import select

from bankseg.client import ConflictError, NotThereError, RefusedError, Service
from bankseg.services.jobs import execute_job
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading
from bankseg.storage.job import Job
from tests.web.programs import token_for

CLIENTS = "NUM_TIERS;DT_ENTREE;TYPE_TIERS;REVENU_AN\n{0}1;31/12/2020;PP;1 200,50\n{0}2;01/02/2021;PM;\n{0}3;30/02/2021;PP;10\n"


@pytest.fixture
def adam(address: str, home: Path) -> Service:
    """The client of a person who loads data."""
    return Service(address, token_for(Settings(home=home), "adam"))


def written(tmp_path: Path, mark: str) -> Path:
    """A file of three clients, one of them born on a day there is none of."""
    path = tmp_path / f"tiers {mark}.csv"
    path.write_text(CLIENTS.format(mark), encoding="utf-8")
    return path


def work(home: Path) -> None:
    """Do what a worker would be rung for."""
    settings = Settings(home=home)
    with reading(make_engine(settings.store)) as session:
        waiting = [job.id for job in session.exec(select(Job).where(Job.stage == "import", Job.state == "queued"))]
    for job_id in waiting:
        execute_job(settings, job_id, "worker")


def chosen(adam: Service, upload_id: int):
    """The mapping of such a file, with the codes told and a third of its rows allowed to be refused."""
    adam.uploads.choose(upload_id, "clients", "2025-12-31")
    told = adam.uploads.one(upload_id)
    codes = {"kind": {"PP": "individual", "PM": "company"}}
    told = adam.uploads.choose(upload_id, "clients", "2025-12-31", sources=told.sources, codes=codes)
    return adam.uploads.write(upload_id, told.mapping.replace("[[extract]]\n", "[[extract]]\nmost_rejected_pct = 40\n", 1))


def test_a_file_is_sent_mapped_tried_and_loaded_and_its_import_reconciles(adam: Service, home: Path, tmp_path: Path) -> None:
    sent = adam.uploads.send(written(tmp_path, "A"))
    seen = adam.uploads.one(sent.upload_id)
    assert (sent.is_new, seen.upload["file_name"], seen.columns[0], seen.rows[0][0]) == (True, "tiers A.csv", "NUM_TIERS", "A1")

    mapped = chosen(adam, sent.upload_id)
    assert (mapped.table, mapped.extract_on, mapped.error, mapped.sources["client_id"]) == ("clients", "2025-12-31", None, "NUM_TIERS")
    assert adam.uploads.mapping(sent.upload_id) == mapped.mapping
    tried = adam.uploads.try_out(sent.upload_id)
    assert {name: tried.trial[name] for name in ("read", "accepted", "quarantined", "reconciles", "refusal")} == {
        "read": 3, "accepted": 2, "quarantined": 1, "reconciles": True, "refusal": "",
    }  # fmt: skip
    assert [row["column"] for row in tried.rejects] == ["joined_on"]
    assert adam.download(f"/uploads/{sent.upload_id}/rejects", tmp_path / "rejects.csv") == 1

    asked = adam.uploads.load(sent.upload_id)
    again = adam.uploads.load(sent.upload_id)
    assert (asked.state, asked.is_final, again.more["job_state"]) == ("loading", False, "queued")
    work(home)

    loaded = adam.wait(asked)
    assert (loaded.state, loaded.share, loaded.columns) == ("loaded", 1.0, [])
    report = adam.transport.call("GET", f"/api/v1/imports/{loaded.batches[0]}").document["batch"]
    assert (report["read"], report["accepted"], report["quarantined"], report["reconciles"], report["file_name"]) == (3, 2, 1, True, "tiers A.csv")
    assert (report["state"], report["lake_version"] is not None) == ("loaded", True)
    known = adam.uploads.send(written(tmp_path, "A"))
    assert (known.is_new, known.upload_id, known.batch_id) == (False, None, loaded.batches[0])


def test_a_file_sent_twice_waits_once_and_is_withdrawn(adam: Service, home: Path, tmp_path: Path) -> None:
    first, second = (adam.uploads.send(written(tmp_path, "B")) for _ in range(2))

    assert (second.is_new, second.upload_id) == (False, first.upload_id)
    assert first.upload_id in [one["id"] for one in adam.uploads.waiting()["uploads"]]
    adam.uploads.withdraw(first.upload_id)
    assert adam.uploads.one(first.upload_id).state == "withdrawn"
    with pytest.raises(ConflictError):
        adam.uploads.try_out(first.upload_id)
    assert not list(Settings(home=home).uploads.glob("incoming-*"))


def test_what_was_asked_can_be_called_off_before_a_worker_begins(adam: Service, tmp_path: Path) -> None:
    upload_id = adam.uploads.send(written(tmp_path, "D")).upload_id
    with pytest.raises(RefusedError, match="not tried"):
        adam.uploads.load(upload_id)
    chosen(adam, upload_id)
    adam.uploads.try_out(upload_id)
    adam.uploads.load(upload_id)

    assert adam.uploads.call_off(upload_id).state == "waiting"
    with pytest.raises(ConflictError):
        adam.uploads.retry(upload_id)


@pytest.mark.parametrize(
    ("name", "content", "told"), [("a.csv", b"", "empty file"), ("a.csv", b"MZ\x90\x00", "not a file of rows"), ("a.exe", b"a,b\n1,2\n", "its name")]
)
def test_a_file_that_is_none_is_refused_in_words(adam: Service, home: Path, tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(RefusedError, match=told) as refused:
        adam.uploads.send(path)

    assert refused.value.answered == 400
    assert not list(Settings(home=home).uploads.glob("incoming-*"))


def test_a_mapping_or_choice_that_does_not_hold_is_refused_and_not_kept(adam: Service, tmp_path: Path) -> None:
    upload_id = adam.uploads.send(written(tmp_path, "E")).upload_id
    before = adam.uploads.one(upload_id).mapping

    for call in (
        lambda: adam.uploads.write(upload_id, "not = [toml"),
        lambda: adam.uploads.choose(upload_id, "nothing", "2025-12-31"),
        lambda: adam.uploads.choose(upload_id, "clients", "2025-12-31", sources={"shoe_size": "X"}),
    ):
        with pytest.raises(RefusedError):
            call()

    assert adam.uploads.one(upload_id).mapping == before


@pytest.mark.parametrize("login", ["mark", "alice", "rita"])
def test_whoever_loads_no_data_finds_nothing(address: str, home: Path, tmp_path: Path, login: str) -> None:
    service = Service(address, token_for(Settings(home=home), login))

    for call in (service.uploads.waiting, lambda: service.uploads.one(1), lambda: service.uploads.send(written(tmp_path, "F"))):
        with pytest.raises(NotThereError):
            call()
