"""What the doctor says of a cluster."""

import time

import pytest

from bankseg.lake.cluster import Scheduler, Worker
from bankseg.services.cluster_state import told_of
from bankseg.services.doctor import State, examine

GIB = 2**30


def a_worker(**changes) -> Worker:
    return Worker(**({"address": "tcp://10.0.0.2:40001", "threads": 1, "memory_bytes": 8 * GIB} | changes))


def cluster_check(settings):
    return next(check for check in examine(settings, time.time(), {}) if check.name == "cluster")


def test_without_a_scheduler_this_machine_works_alone(settings):
    assert (cluster_check(settings).state, cluster_check(settings).found) == (State.OK, "none: this machine does the bucket work")


def test_a_silent_scheduler_is_a_problem_with_what_to_do(settings, monkeypatch):
    monkeypatch.setattr("bankseg.lake.cluster.CONNECT_SECONDS", 1)
    check = cluster_check(settings.model_copy(update={"scheduler": "tcp://127.0.0.1:9"}))

    assert check.state == State.PROBLEM
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in check.found
    assert "unset BANKSEG_SCHEDULER" in check.remedy


@pytest.mark.parametrize(
    ("url", "workers", "found", "remedy"),
    [
        ("tls://dask:8786", [a_worker(), a_worker(memory_bytes=6 * GIB)], "the scheduler answers; 2 workers, 6144 MiB each at least", ""),
        ("tls://dask:8786", [], "has no worker", "start workers"),
        ("tcp://dask:8786", [a_worker()], "not encrypted", "use tls://"),
        ("tls://dask:8786", [a_worker(threads=4)], "more than one thread", "--nthreads 1"),
        ("tls://dask:8786", [a_worker(memory_bytes=GIB)], "1024 MiB", "--memory-limit 4GB"),
        ("tls://dask:8786", [a_worker(memory_bytes=0)], "some without a bound of memory", "--memory-limit 4GB"),
    ],
)
def test_each_thing_wrong_with_a_cluster_is_told_with_its_remedy(url, workers, found, remedy):
    told = told_of(Scheduler(url), workers)

    assert found in told[0]
    assert remedy in told[1] if remedy else not told[1]
