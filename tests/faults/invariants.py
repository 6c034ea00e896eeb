"""What holds after every fault, whatever it was."""

from sqlalchemy import func
from sqlmodel import col, select

from bankseg.domain.jobs import JobState, RunState
from bankseg.lake.parquet import digest_of, read_checked
from bankseg.services.segment import PARTS, part_path
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.published_rows import PARTS as PUBLISHED
from bankseg.storage.run import Run, current
from tests.faults.conftest import Reference, published_rows, score_digest


def assert_whole(bank, run_id: int, reference: Reference) -> None:
    """The run is published once, whole, and is the undisturbed run to the last byte."""
    with reading(bank.engine) as session:
        run = session.get_one(Run, run_id)
        clients = session.exec(select(PublishedClient.client_id).where(PublishedClient.run_id == run_id)).all()
        jobs = session.exec(select(Job)).all()
        assert (run.state, run.error) == (RunState.PUBLISHED, None)
        assert current(session).id == run_id
        assert run.n_rows == run.n_expected == len(clients) == len(set(clients)) == reference.clients
        for part, table in PUBLISHED.items():
            rows = session.exec(select(func.count()).select_from(table)).one()  # of every run: no other run left a row
            assert rows == read_checked(part_path(bank, run_id, part)).num_rows
        assert {job.state for job in jobs} == {JobState.DONE}
        assert all(1 <= job.attempt <= job.max_attempts and job.attempt == job.fence for job in jobs)
        assert session.exec(select(func.count()).select_from(Run)).one() == 1
        assert run.result_sha256 == digest_of(part_path(bank, run_id, part) for part in PARTS) == reference.result_sha256
        assert (run.models, run.refusals) == (reference.models, reference.refusals)
        assert dict(session.exec(select(PropensityModel.target, PropensityModel.digest)).all()) == reference.models
        assert session.exec(select(func.count()).select_from(PropensityModel)).one() == len(reference.models)
        actions = session.exec(select(AuditEntry.action, AuditEntry.subject).order_by(col(AuditEntry.id))).all()
        assert len(actions) == len(set(actions))  # one entry for each change of state
        assert [action for action, _ in actions if action.startswith("run_")] == ["run_started", "run_published"]
        assert audit.first_broken(session) is None
    assert score_digest(bank, run_id) == reference.scores
    assert published_rows(bank, run_id) == reference.rows
