"""A whole run on a real Dask cluster: the same bytes as on this machine, with a worker that dies on its first file, and every bucket's progress told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bankseg.domain.errors import ConfigurationError, LostLeaseError
from bankseg.domain.jobs import JobState, Stage
from bankseg.faults import KILLED
from bankseg.lake.parquet import digest_of
from bankseg.propensity.cluster import Plan
from bankseg.propensity.dataset import learn_encoding
from bankseg.services import bucket_work, training_parts
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import address, desk_of, in_worker, inputs_of, release
from bankseg.services.jobs import Claim
from bankseg.services.runs import start_run
from bankseg.services.snapshot import snapshot_bucket
from bankseg.services.train import gather, is_sampled, model_features
from tests.dask_cluster import running_cluster
from tests.object_store import running_store
from tests.services.conftest import drive, jobs_in, made_bank, published_bank, run_row, shown
from tests.services.outcome_lake import AS_OF, CLIENTS, outcome_lake

pytestmark = pytest.mark.slow

BUCKETS = 4


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Read only."""
    return outcome_lake(tmp_path_factory.mktemp("on-a-cluster") / "lake", BUCKETS)


@pytest.fixture(scope="module")
def alone(lake, tmp_path_factory):
    """The bank whose run was done on this machine."""
    with published_bank(tmp_path_factory.mktemp("alone") / "home", lake, AS_OF) as bank:
        yield bank


def environment(home: Path, lake: Path | str, **more: str) -> dict[str, str]:
    return {"BANKSEG_HOME": str(home), "BANKSEG_LAKE_URL": str(lake), "BANKSEG_DEVELOPMENT": "true", **more}


def digests(bank: Bank) -> dict[str, str]:
    """SHA-256 of every file a run wrote, by its path."""
    return {str(path.relative_to(bank.snapshots)): digest_of([path]) for path in sorted(bank.snapshots.rglob("*.parquet"))}


def test_a_run_on_a_cluster_publishes_the_same_bytes_though_a_worker_dies(alone, lake, tmp_path, bell, monkeypatch):
    home, told = tmp_path / "home", []
    beside = Claim.progress
    monkeypatch.setattr(
        Claim, "progress", lambda claim, done, total, message="": (told.append((claim.stage, done, message)), beside(claim, done, total, message))
    )
    dies = environment(home, lake, BANKSEG_FAULT="file.before_rename")
    with running_cluster(tmp_path / "dask", [environment(home, lake), dies]) as (scheduler, (_, mortal)):
        bank = made_bank(home, lake, scheduler=scheduler.url)
        start_run(bank, AS_OF)
        drive(bank)

        assert mortal.poll() == KILLED
    assert {job.state for job in jobs_in(bank)} == {JobState.DONE}
    assert [job.attempt for job in jobs_in(bank)] == [1] * len(jobs_in(bank))
    assert shown(bank) == (1, CLIENTS)
    assert digests(bank) == digests(alone)
    assert any("/scores/" in name for name in digests(bank))
    assert run_row(bank, 1).models == run_row(alone, 1).models
    assert run_row(bank, 1).result_sha256 == run_row(alone, 1).result_sha256
    of_scores = [message for stage, _, message in told if stage == Stage.SCORE]
    assert {f"scoring: {done} of {BUCKETS // 2} buckets" for done in range(BUCKETS // 2 + 1)} == set(of_scores)
    of_segments = {message for stage, _, message in told if stage == Stage.SEGMENT}
    assert {f"placing clients: {done} of {BUCKETS} buckets" for done in range(BUCKETS + 1)} <= of_segments
    assert not (bank.snapshots / "runs" / "1" / "placed").exists()  # the work in progress is gone
    bank.engine.dispose()


def test_a_run_on_a_cluster_reads_a_lake_in_an_object_store_and_publishes_the_same_bytes(alone, lake, tmp_path, bell, monkeypatch):
    home = tmp_path / "home"
    with running_store(tmp_path / "store.log") as store:
        there = store.bucket("bank-on-a-cluster")
        store.upload(lake, there)
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        reads = [environment(home, there, **store.environment)] * 2
        with running_cluster(tmp_path / "dask", reads) as (scheduler, _):
            bank = made_bank(home, there, scheduler=scheduler.url)
            start_run(bank, AS_OF)
            drive(bank)

    assert {job.state for job in jobs_in(bank)} == {JobState.DONE}
    assert shown(bank) == (1, CLIENTS)
    assert digests(bank) == digests(alone)
    assert run_row(bank, 1).models == run_row(alone, 1).models
    assert run_row(bank, 1).result_sha256 == run_row(alone, 1).result_sha256
    bank.engine.dispose()


def test_a_job_whose_cluster_is_silent_says_what_to_do_and_is_tried_again(lake, tmp_path, bell, monkeypatch):
    monkeypatch.setattr("bankseg.lake.cluster.CONNECT_SECONDS", 1)
    bank = made_bank(tmp_path / "home", lake, scheduler="tcp://127.0.0.1:9")
    start_run(bank, AS_OF, Stage.SNAPSHOT)
    drive(bank)

    assert {(job.state, job.attempt) for job in jobs_in(bank)} == {(JobState.QUARANTINED, 3)}
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in jobs_in(bank)[0].error
    bank.engine.dispose()


def test_a_worker_refuses_work_of_another_release_or_policy(alone, monkeypatch):
    for name, value in environment(alone.settings.home, Path(alone.lake)).items():
        monkeypatch.setenv(name, value)
    run, policy = run_row(alone, 1), alone.policy.sha256
    asked = (AS_OF.isoformat(), 0, False)
    desk_of.cache_clear()

    with pytest.raises(ConfigurationError, match="install the same release on every worker"):
        in_worker(snapshot_bucket, ("0.0:0", 1, inputs_of(run), policy), *asked)
    with pytest.raises(ConfigurationError, match="a worker reads policy"):
        in_worker(snapshot_bucket, (release(), 1, inputs_of(run), "0" * 64), *asked)
    written = in_worker(snapshot_bucket, address(alone, run), *asked)

    assert (alone.settings.home / written.path).exists()
    assert written.clients == 0  # the file is kept
    desk_of.cache_clear()


def test_a_worker_with_another_home_is_found_out(alone, monkeypatch):
    monkeypatch.setattr(bucket_work, "_here", lambda _desk, _work, *_ids: bucket_work.Written("snapshots/nowhere.parquet", 1))

    with pytest.raises(ConfigurationError, match="one BANKSEG_HOME that every machine sees"):
        list(bucket_work.each_bucket(alone, run_row(alone, 1), snapshot_bucket, [(AS_OF.isoformat(), 0, False)], lambda _done: None))


def test_a_job_that_was_taken_over_writes_no_more_buckets(alone):
    def lost(_done: int) -> None:
        raise LostLeaseError("job snapshot:1 was taken over")

    with pytest.raises(LostLeaseError):
        list(bucket_work.each_bucket(alone, run_row(alone, 1), snapshot_bucket, [("2025-10-31", 0, False)], lost))
    assert not (alone.snapshots / "2025-10-31").exists()


def test_workers_read_the_rows_a_training_here_would(alone, monkeypatch):
    for name, value in environment(alone.settings.home, Path(alone.lake)).items():
        monkeypatch.setenv(name, value)
    run, target = run_row(alone, 1), "label:left"
    features = model_features(alone, run)
    held = gather(alone, run, target, [feature.name for feature in features])
    encoding = learn_encoding(held.table, features)
    plan = Plan(encoding, {AS_OF.isoformat(): 0.5}).written(alone.snapshots / "runs" / "1" / "fits")
    desk_of.cache_clear()

    tasks = training_parts._tasks(alone, run, target, [AS_OF], plan)
    parts = [training_parts.read_part(*task) for task in tasks]

    assert len(parts) == BUCKETS
    assert np.array_equal(np.concatenate([x for x, _, _ in parts]), encoding.matrix(held.table), equal_nan=True)
    assert np.array_equal(np.concatenate([y for _, y, _ in parts]), held.label)
    assert {float(weight) for _, _, weights in parts for weight in weights} == {0.5}
    desk_of.cache_clear()


def test_the_cluster_grows_trees_only_where_rows_are_more_than_one_machine_holds(alone):
    run, target = run_row(alone, 1), "label:left"
    few = replace(alone, settings=alone.settings.model_copy(update={"most_training_rows": CLIENTS // 2}))

    assert (is_sampled(alone, run, target), is_sampled(few, run, target)) == (False, True)
    for bank, sampled in ((few, True), (replace(alone, settings=alone.settings.model_copy(update={"scheduler": "tcp://127.0.0.1:9"})), False)):
        with training_parts.cluster_fits(bank, run, target, is_sampled=sampled) as fits:
            assert fits is None
