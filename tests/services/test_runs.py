"""Runs: the same request is the same run; stages follow one another; a run that stopped goes on from where it was."""

import threading
from datetime import date

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.errors import MissingDataError, ServiceUnavailableError
from bankseg.domain.jobs import STAGES, JobState, RunState, Stage
from bankseg.services import follow, runs
from bankseg.services.bank import open_bank
from bankseg.services.follow import RunFailedError, follow_run, stage_progress
from bankseg.services.jobs import claim_job, execute_job
from bankseg.services.runs import start_run
from bankseg.services.score import scores_path
from bankseg.services.segment import part_path
from bankseg.storage import audit, import_batch, published_rows
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import db_now, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run, current
from tests.services.conftest import AS_OF, CLIENTS, drive, jobs_in, made_bank, run_row

ORDER = ["snapshot:1:2025-12-31:0", "snapshot:1:2025-12-31:1", "score:1:0", "score:1:1", "segment:1:all", "publish:1:all"]


def actions(bank) -> list[str]:
    with reading(bank.engine) as session:
        assert audit.first_broken(session) is None
        return [entry.action for entry in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


def counts(bank, run_id: int) -> dict[str, int]:
    with reading(bank.engine) as session:
        return {part: len(session.exec(select(table.client_id).where(table.run_id == run_id)).all()) for part, table in published_rows.PARTS.items()}


def test_a_run_goes_through_its_stages_in_order_and_is_published_whole(any_bank):
    run_id = start_run(any_bank, AS_OF)

    assert drive(any_bank) == ORDER

    run = run_row(any_bank, run_id)
    assert (run.state, run.n_rows, run.n_expected) == (RunState.PUBLISHED, CLIENTS, CLIENTS)
    assert counts(any_bank, run_id)["clients"] == CLIENTS
    assert {job.attempt for job in jobs_in(any_bank)} == {1}
    assert actions(any_bank) == ["run_started", "run_published"]
    with reading(any_bank.engine) as session:
        assert current(session).id == run_id


def test_the_same_request_is_the_same_run_before_during_and_after(bank, bell):
    run_id = start_run(bank, AS_OF)
    assert start_run(bank, AS_OF) == start_run(bank, None) == run_id
    first = jobs_in(bank, JobState.QUEUED)[0]
    execute_job(bank.settings, first.id, "w")
    assert start_run(bank, AS_OF) == run_id
    drive(bank)
    before, rung = jobs_in(bank), list(bell.rung)

    assert start_run(bank, AS_OF) == run_id

    assert jobs_in(bank) == before
    assert bell.rung == rung
    assert actions(bank) == ["run_started", "run_published"]


def test_requests_for_the_same_run_at_the_same_moment_agree(any_bank):
    at_once, found = threading.Barrier(3), []

    def start() -> None:
        own = open_bank(any_bank.settings)
        at_once.wait()
        found.append(start_run(own, AS_OF))
        own.engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [found[0]] * 3
    assert [job.key.split(":", 2)[2] for job in jobs_in(any_bank)] == [key.split(":", 2)[2] for key in ORDER]
    assert actions(any_bank) == ["run_started"]


def test_another_date_or_another_policy_is_another_run(bank, lake, tmp_path):
    first = start_run(bank, AS_OF)
    assert start_run(bank, date(2025, 11, 30)) != first
    policy = tmp_path / "policy.toml"
    policy.write_text("[tiers]\ngold_share = 0.16\n", encoding="utf-8")
    stricter = made_bank(tmp_path / "home", lake, policy_file=policy)

    assert start_run(stricter, AS_OF) not in {first, first + 1}
    stricter.engine.dispose()


def test_an_empty_lake_is_said_to_be_empty(tmp_path, bell):
    empty = made_bank(tmp_path / "home", tmp_path / "no-lake")

    with pytest.raises(MissingDataError):
        start_run(empty, None)
    with pytest.raises(MissingDataError):
        start_run(empty, AS_OF)

    assert jobs_in(empty) == []
    empty.engine.dispose()


def test_a_lake_without_history_is_taken_as_of_its_latest_extract(any_bank, monkeypatch):
    monkeypatch.setattr(runs, "last_fact_on", lambda _lake, _versions: None)
    with pytest.raises(MissingDataError, match="as-of"):
        start_run(any_bank, None)
    with transaction(any_bank.engine) as session:
        for day, state in (("2025-11-30", "loaded"), ("2025-12-30", "loaded"), ("2026-01-31", "refused")):
            import_batch.record(session, source="bank", table_name="clients", file_name="c.csv", sha256=day, state=state, extract_on=day)

    assert run_row(any_bank, start_run(any_bank, None)).as_of == "2025-12-30"


def test_a_run_up_to_a_stage_can_be_extended_stage_by_stage_to_publication(bank):
    done = []
    for stage in STAGES:
        run_id = start_run(bank, AS_OF, stage)
        done += drive(bank)

        run = run_row(bank, run_id)
        assert run_id == 1
        assert run.until_stage == stage
        assert {job.stage for job in jobs_in(bank)} <= set(STAGES[: STAGES.index(stage) + 1])
        assert (run.state == RunState.PUBLISHED) == (stage is Stage.PUBLISH)

    assert done == ORDER
    assert start_run(bank, AS_OF, Stage.SNAPSHOT) == 1
    assert drive(bank) == []
    assert run_row(bank, 1).until_stage == Stage.PUBLISH


def test_a_stage_starts_only_when_every_job_before_it_is_done(bank, bell):
    start_run(bank, AS_OF)
    first, second, *later = jobs_in(bank)
    assert bell.rung == [first.id, second.id]
    for job in later:
        execute_job(bank.settings, job.id, "eager")  # a message that comes too early
    assert {job.state for job in jobs_in(bank)} == {JobState.QUEUED, JobState.WAITING}

    execute_job(bank.settings, second.id, "w")
    assert [job.state for job in jobs_in(bank)][2:] == [JobState.WAITING] * 4
    execute_job(bank.settings, first.id, "w")

    assert [job.state for job in jobs_in(bank)] == [JobState.DONE] * 2 + [JobState.QUEUED] * 2 + [JobState.WAITING] * 2
    assert bell.rung[2:] == [job.id for job in later[:2]]


def test_a_run_keeps_its_shards_when_the_setting_changes_before_it_is_resumed(bank, lake):
    start_run(bank, AS_OF, Stage.SNAPSHOT)
    other = made_bank(bank.settings.home, lake)
    more = open_bank(other.settings.model_copy(update={"shards": 1}))

    start_run(more, AS_OF)

    assert [job.payload["buckets"] for job in jobs_in(bank) if job.stage == Stage.SCORE] == [[0], [1]]
    assert drive(bank) == ORDER
    more.engine.dispose()
    other.engine.dispose()


def test_a_failed_run_says_why_and_the_same_command_goes_on_from_there(bank):
    run_id = start_run(bank, AS_OF, Stage.SNAPSHOT)
    drive(bank)
    snapshot = next(bank.snapshots.glob("2025-12-31/*/bucket=0001.parquet"))
    kept = snapshot.read_bytes()
    snapshot.write_bytes(kept[: len(kept) // 2])
    start_run(bank, AS_OF)
    drive(bank)

    run = run_row(bank, run_id)
    assert run.state == RunState.FAILED
    assert "score:1:1" in run.error
    assert "bucket=0001.parquet cannot be read" in run.error
    assert [job.state for job in jobs_in(bank)] == [JobState.DONE] * 3 + [JobState.FAILED] + [JobState.WAITING] * 2
    with pytest.raises(RunFailedError, match="give the same command again"):
        follow_run(bank, run_id, Stage.PUBLISH, show=lambda _stages: None, pause=lambda _seconds: None)

    assert start_run(bank, AS_OF) == run_id
    assert drive(bank) == [*ORDER[:2], "score:1:1", "segment:1:all", "publish:1:all"]

    assert snapshot.read_bytes() == kept

    run = run_row(bank, run_id)
    assert (run.state, run.error, run.n_rows) == (RunState.PUBLISHED, None, CLIENTS)
    assert actions(bank) == ["run_started", "run_stopped", "run_tried_again", "run_published"]


@pytest.mark.parametrize(("stage", "damaged"), [(Stage.SCORE, "scores/bucket=0000.parquet"), (Stage.SEGMENT, "clients.parquet")])
def test_files_damaged_between_two_stages_fail_the_run_and_a_second_try_writes_them_anew(bank, stage, damaged):
    run_id = start_run(bank, AS_OF, stage)
    drive(bank)
    path = bank.snapshots / "runs" / str(run_id) / damaged
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] + bytes(200))
    start_run(bank, AS_OF)
    drive(bank)
    assert run_row(bank, run_id).state == RunState.FAILED

    start_run(bank, AS_OF)
    drive(bank)

    assert run_row(bank, run_id).state == RunState.PUBLISHED
    assert path.read_bytes() == whole
    assert counts(bank, run_id)["clients"] == CLIENTS


def test_a_run_whose_disk_was_full_is_quarantined_after_its_attempts_and_resumed_by_a_person(bank):
    run_id = start_run(bank, AS_OF, Stage.SCORE)
    drive(bank)
    blocked = part_path(bank, run_id, "offers").parent / "offers.parquet"
    blocked.mkdir()
    (blocked / "in the way").touch()
    start_run(bank, AS_OF)
    assert drive(bank) == ["segment:1:all"] * 3
    run = run_row(bank, run_id)
    assert (run.state, jobs_in(bank, JobState.QUARANTINED)[0].attempt) == (RunState.QUARANTINED, 3)
    assert "offers.parquet" in run.error

    (blocked / "in the way").unlink()
    blocked.rmdir()
    start_run(bank, AS_OF, person_id=None)
    drive(bank)

    assert run_row(bank, run_id).state == RunState.PUBLISHED


def test_work_done_twice_writes_the_same_bytes(bank):
    run_id = start_run(bank, AS_OF)
    drive(bank)
    digest = run_row(bank, run_id).result_sha256
    scores = [scores_path(bank, run_id, bucket).read_bytes() for bucket in (0, 1)]
    with transaction(bank.engine) as session:  # as if every worker had died at its very end
        session.connection().execute(update(Job).values(state=JobState.RUNNING, lease_until=1.0, attempt=1))
        session.connection().execute(update(Run).values(state=RunState.RUNNING))

    for job in jobs_in(bank):
        execute_job(bank.settings, job.id, "second")

    assert run_row(bank, run_id).result_sha256 == digest
    assert [scores_path(bank, run_id, bucket).read_bytes() for bucket in (0, 1)] == scores
    assert counts(bank, run_id)["clients"] == CLIENTS


def test_following_shows_each_stage_and_ends_with_the_last_one_asked_for(bank):
    run_id, seen = start_run(bank, AS_OF, Stage.SEGMENT), []

    def work(_seconds: float) -> None:
        execute_job(bank.settings, jobs_in(bank, JobState.QUEUED)[0].id, "w")

    run = follow_run(bank, run_id, Stage.SEGMENT, show=lambda stages: seen.append({stage.stage: stage.done for stage in stages}), pause=work)

    assert run.state == RunState.RUNNING
    assert seen[0] == {Stage.SNAPSHOT: 0, Stage.SCORE: 0, Stage.SEGMENT: 0}
    assert seen[-1] == {Stage.SNAPSHOT: 2, Stage.SCORE: 2, Stage.SEGMENT: 1}
    with reading(bank.engine) as session:
        assert [stage.share for stage in stage_progress(session, run_id)] == [1.0, 1.0, 1.0]


def follow_once(bank, run_id: int) -> None:
    """Look once; stop where the follower would wait."""

    class WaitsError(Exception):
        pass

    def stop(_seconds: float) -> None:
        raise WaitsError

    with pytest.raises(WaitsError):
        follow_run(bank, run_id, Stage.PUBLISH, show=lambda _stages: None, pause=stop)


def age_jobs(bank, **values) -> None:
    with transaction(bank.engine) as session:
        session.connection().execute(update(Job).values({name: db_now() - seconds for name, seconds in values.items()}))


def test_nobody_at_work_is_said_after_a_while_and_not_before(bank):
    run_id = start_run(bank, AS_OF)
    follow_once(bank, run_id)

    age_jobs(bank, rung_at=follow.DEAF_SECONDS + 5)

    with pytest.raises(ServiceUnavailableError, match="no worker took the jobs"):
        follow_run(bank, run_id, Stage.PUBLISH, show=lambda _stages: None, pause=lambda _seconds: None)


def test_a_worker_that_died_with_nobody_to_take_over_is_noticed_too(bank):
    run_id = start_run(bank, AS_OF)
    age_jobs(bank, rung_at=follow.DEAF_SECONDS + 500)
    claim_job(bank, jobs_in(bank)[0].id, "w")
    follow_once(bank, run_id)

    age_jobs(bank, lease_until=follow.DEAF_SECONDS + 5)

    with pytest.raises(ServiceUnavailableError):
        follow_run(bank, run_id, Stage.PUBLISH, show=lambda _stages: None, pause=lambda _seconds: None)


def test_a_run_resumed_after_days_is_not_taken_for_one_without_a_worker(bank):
    run_id = start_run(bank, AS_OF, Stage.SNAPSHOT)
    drive(bank)
    age_jobs(bank, created_at=200_000, finished_at=190_000, rung_at=200_000, lease_until=190_000)

    start_run(bank, AS_OF)

    follow_once(bank, run_id)
