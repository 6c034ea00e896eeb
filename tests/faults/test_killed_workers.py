"""Real workers on a real broker, killed outright at every stage: the run ends by itself, and ends as if nothing had happened."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import select

from bankseg.domain.jobs import STAGES, JobState, Stage
from bankseg.embedded.broker import _server_program, client, is_answering
from bankseg.embedded.supervise import Services, embedded_services, free_port
from bankseg.queue import QUEUE_NAME, ring
from bankseg.services.bank import open_bank
from bankseg.services.follow import follow_run
from bankseg.services.runs import start_run
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from tests.faults.conftest import AS_OF, Reference, settings_for, with_features_of
from tests.faults.invariants import assert_whole

pytestmark = [pytest.mark.slow, pytest.mark.faults]
WAIT_SECONDS = 240.0


def kill_worker(services: Services) -> None:
    """End the worker and its children at once, as a machine that loses power would."""
    assert services.worker is not None
    os.killpg(services.worker.pid, signal.SIGKILL)
    services.worker.popen.wait()


def start_another(services: Services) -> None:
    """A new worker, once the last child of the old one is gone and its lock with it."""
    end = time.monotonic() + WAIT_SECONDS
    while "worker" not in services.ensure():
        assert time.monotonic() < end, "no worker could be started"
        time.sleep(0.05)


def kill_during(services: Services, bank, stage: Stage) -> bool:
    """Kill the worker while a job of this stage runs for the first time; False when the stage was over before that was seen."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        with reading(bank.engine) as session:
            jobs = session.exec(select(Job.state, Job.attempt).where(Job.stage == stage)).all()
        if any(state == JobState.RUNNING and attempt == 1 for state, attempt in jobs):
            kill_worker(services)
            return True
        if jobs and all(state == JobState.DONE for state, _ in jobs):
            return False
        assert not any(state in {JobState.FAILED, JobState.QUARANTINED} for state, _ in jobs)
        time.sleep(0.02)
    raise AssertionError(f"stage {stage} was never reached")


def wait_until_published(services: Services, bank, run_id: int) -> None:
    end = time.monotonic() + WAIT_SECONDS

    def pause(seconds: float) -> None:
        assert time.monotonic() < end, "the run did not end by itself"
        services.pause(seconds)

    follow_run(bank, run_id, Stage.PUBLISH, show=lambda _stages: None, pause=pause)


def attempts(bank, stage: Stage) -> int:
    with reading(bank.engine) as session:
        return sum(session.exec(select(Job.attempt).where(Job.stage == stage)).all())


@contextmanager
def closing_engine(bank) -> Iterator[None]:
    try:
        yield
    finally:
        bank.engine.dispose()


@contextmanager
def redis_on_tcp(folder: Path) -> Iterator[str]:
    """A broker as a bank would run it: its own process, spoken to by a redis:// URL."""
    port = free_port("127.0.0.1")
    process = subprocess.Popen(
        [_server_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url, end = f"redis://127.0.0.1:{port}/0", time.monotonic() + 30
    try:
        while not is_answering(url):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_a_worker_killed_in_every_stage_leaves_a_run_that_ends_by_itself_and_is_the_same(tmp_path: Path, loaded_lake: str, reference: Reference) -> None:
    """The reference was made by one process in one shard; here two processes share two shards and are killed in each stage."""
    settings = settings_for(tmp_path / "home", loaded_lake)
    bank = open_bank(settings)
    schema.upgrade(bank.engine)
    with embedded_services(settings) as services, closing_engine(bank):
        run_id = start_run(bank, AS_OF)
        killed = []
        for stage in STAGES:
            if kill_during(services, bank, stage):
                killed.append(stage)
                start_another(services)
        wait_until_published(services, bank, run_id)

        assert {Stage.SNAPSHOT, Stage.TRAIN} <= set(killed)  # the long ones cannot be missed
        assert_whole(bank, run_id, reference)
        # What was done before a kill stays done: a kill costs each process at most the job it held.
        for stage in killed:
            with reading(bank.engine) as session:
                jobs = len(session.exec(select(Job.id).where(Job.stage == stage)).all())
            assert jobs < attempts(bank, stage) <= jobs + settings.worker_concurrency


def test_five_messages_for_each_job_a_killed_worker_and_a_broker_that_forgot_everything_change_nothing(
    tmp_path: Path, loaded_lake: str, reference: Reference, fresh_postgres_url: str
) -> None:
    """On PostgreSQL and a redis:// broker, as a bank would run it; started while the broker is not there yet."""
    settings = settings_for(tmp_path / "home", loaded_lake, store_url=fresh_postgres_url)
    with_features_of(reference, settings.home)
    bank = open_bank(settings)
    schema.upgrade(bank.engine)
    run_id = start_run(bank, AS_OF)
    with redis_on_tcp(tmp_path) as broker_url, closing_engine(bank):
        settings = settings.model_copy(update={"broker_url": broker_url})
        with reading(bank.engine) as session:
            job_ids = list(session.exec(select(Job.id)).all())
        ring_five_times(settings, job_ids)  # also for jobs that are not due
        with embedded_services(settings) as services:
            assert kill_during(services, bank, Stage.TRAIN)
            with client(broker_url) as broker:
                broker.flushall()
            start_another(services)
            ring_five_times(settings, job_ids)
            if kill_during(services, bank, Stage.PUBLISH):
                start_another(services)
            wait_until_published(services, bank, run_id)
            ring_five_times(settings, job_ids)
            end = time.monotonic() + WAIT_SECONDS
            with client(broker_url) as broker:
                while broker.llen(QUEUE_NAME) and time.monotonic() < end:
                    time.sleep(0.05)

            assert_whole(bank, run_id, reference)


def ring_five_times(settings: Settings, job_ids: list[int]) -> None:
    for _ in range(5):
        assert ring(settings, job_ids)
