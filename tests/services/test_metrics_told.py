"""Each metric against rows made by hand, on both stores."""

import pytest
from sqlmodel import select

from bankseg.services.metrics import BACKED_UP, CATALOGUE, metrics
from bankseg.storage import audit
from bankseg.storage.database import db_now, transaction
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.model_alert import ModelAlert
from bankseg.storage.model_observation import ModelObservation
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run

DAY = 86_400.0


def told(bank) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by metric and label values."""
    return {family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in metrics(bank.settings, bank.engine)}


def now_of(session) -> float:
    return session.scalar(select(db_now()))


def test_an_empty_bank_tells_only_what_is_known(any_bank):
    found = told(any_bank)

    assert list(found) == list(CATALOGUE)
    assert set(found["bankseg_jobs"].values()) == {0}
    assert {name: samples for name, samples in found.items() if samples and name != "bankseg_jobs"} == {
        "bankseg_queue_age_seconds": {(): 0},
        "bankseg_broker_up": {(): 0},
    }


def test_jobs_leases_and_the_age_of_the_queue(any_bank):
    with transaction(any_bank.engine) as session:
        now = now_of(session)
        session.add(Run(id=7, key="r", as_of="2025-12-31"))
        session.flush()
        session.add_all([
            Job(key="a", run_id=7, stage="score", state="queued", created_at=now - 500),
            Job(key="b", run_id=7, stage="snapshot", state="done", created_at=now - 500, started_at=now - 400, finished_at=now - 90),
            Job(key="c", run_id=7, stage="score", state="running", lease_until=now - 30),
            Job(key="d", run_id=7, stage="score", state="running", lease_until=now + 30),
        ])  # fmt: skip

    found = told(any_bank)

    assert {labels: count for labels, count in found["bankseg_jobs"].items() if count} == {
        ("score", "queued"): 1,
        ("score", "running"): 2,
        ("snapshot", "done"): 1,
    }
    assert found["bankseg_queue_age_seconds"][()] == pytest.approx(90, abs=5)  # the run moved when its snapshot ended
    assert found["bankseg_lease_overdue_seconds"][()] == pytest.approx(30, abs=5)
    assert found["bankseg_runs"] == {("running",): 1}


def test_what_is_published_how_it_was_made_and_how_old_it_is(any_bank):
    with transaction(any_bank.engine) as session:
        session.add(Run(id=3, key="r", as_of="2025-12-31", state="published", n_rows=24))
        session.flush()
        session.add(CurrentRun(kind=PORTFOLIO, run_id=3, flipped_at=1.0))
        session.add_all([
            Job(key="a", run_id=3, stage="score", state="done", started_at=100.0, finished_at=160.0),
            Job(key="b", run_id=3, stage="score", state="done", started_at=110.0, finished_at=175.5),
        ])  # fmt: skip
        days = (now_of(session) - 1_767_139_200.0) // DAY  # since 2025-12-31T00:00Z

    found = told(any_bank)

    assert found["bankseg_run_stage_seconds"] == {("score",): 75.5}
    assert found["bankseg_published_age_days"][()] == days
    assert found["bankseg_published_clients"] == {(): 24}


def test_rejects_of_the_latest_import_alerts_drift_and_the_last_backup(any_bank):
    with transaction(any_bank.engine) as session:
        now = now_of(session)
        for place, (read, bad) in enumerate([(100, 90), (200, 5)]):
            session.add(ImportBatch(source="s", table_name="clients", file_name="f", sha256=str(place), state="loaded", read=read, quarantined=bad))
            session.flush()
        session.add(Run(id=1, key="r", as_of="2025-12-31"))
        session.add(PropensityModel(id=1, target="dormancy", version=1, status="champion", digest="d", as_of="2025-12-31"))
        session.flush()
        session.add(ModelObservation(model_id=1, run_id=1, as_of="2025-12-31", clients=9, score_psi=0.125, at=now))
        for subject, state in (("a", "open"), ("b", "acknowledged"), ("c", "closed")):
            session.add(
                ModelAlert(
                    target="dormancy",
                    model_id=1,
                    kind="attribute_drift",
                    subject=subject,
                    level="act",
                    words="w",
                    owner="o",
                    state=state,
                    opened_at=now,
                    changed_at=now,
                )
            )
        audit.record(session, BACKED_UP, "store")

    found = told(any_bank)

    assert found["bankseg_import_rejected_share"] == {("clients",): 0.025}
    assert found["bankseg_model_alerts"] == {("dormancy", "attribute_drift", "act"): 2}
    assert found["bankseg_score_psi"] == {("dormancy",): 0.125}
    assert found["bankseg_backup_age_seconds"][()] == pytest.approx(0, abs=5)
