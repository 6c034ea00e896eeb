"""The cluster engine on a real scheduler and two worker processes: each task done once, a killed worker's done again, and what a person is told."""

import os
import signal
import sys
from pathlib import Path

import pytest

from bankseg.domain.errors import ConfigurationError, LostLeaseError, ServiceUnavailableError
from bankseg.lake import cluster as module
from bankseg.lake.cluster import ClusterEngine, Scheduler, connected, task_key, workers
from tests.dask_cluster import running_cluster

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("cluster"), [{}, {}]) as (scheduler, processes):
        yield scheduler, processes


def quietly() -> None:
    """A tick that never ends the wait."""


def count_call(folder: str, bucket: int) -> int:
    """Leave a mark and say the bucket's number squared."""
    Path(folder, f"{bucket}-{os.getpid()}").touch()
    return bucket * bucket


def die_once(folder: str, bucket: int) -> tuple[int, int]:
    """The first process that does bucket 3 is killed in the middle of it."""
    if bucket == 3:
        try:
            Path(folder, "died").touch(exist_ok=False)
        except FileExistsError:
            return bucket, os.getpid()
        os.kill(os.getpid(), signal.SIGKILL)
    return bucket, os.getpid()


def refuse(bucket: int) -> None:
    raise ConfigurationError(f"bucket {bucket} is of no use", "a bucket", "look at it")


def wait_for(folder: str) -> None:
    import time

    while not Path(folder, "go").exists():
        time.sleep(0.05)


def test_every_bucket_is_done_once_however_often_it_is_asked_for(cluster, tmp_path):
    scheduler, processes = cluster
    tasks = [(str(tmp_path), bucket) for bucket in range(6)]

    found = sorted(ClusterEngine(scheduler, quietly).map_buckets(count_call, [*tasks, *tasks]))

    assert found == sorted([0, 1, 4, 9, 16, 25] * 2)
    marks = [path.name.split("-") for path in tmp_path.iterdir()]
    assert sorted(int(bucket) for bucket, _ in marks) == list(range(6))
    assert {int(pid) for _, pid in marks} <= {process.pid for process in processes}


def test_what_a_bucket_raises_is_told_as_it_was_raised(cluster):
    with pytest.raises(ConfigurationError, match=r"bucket 7 is of no use Expected: a bucket\. What to do: look at it\."):
        list(ClusterEngine(cluster[0], quietly).map_buckets(refuse, [(7,)]))


def test_a_lost_lease_ends_the_wait_and_takes_back_what_was_queued(cluster, tmp_path):
    def lost() -> None:
        raise LostLeaseError("job snapshot:1 was taken over")

    tasks = [(str(tmp_path / str(bucket)),) for bucket in range(8)]
    with pytest.raises(LostLeaseError):
        list(ClusterEngine(cluster[0], lost).map_buckets(wait_for, tasks))

    for (folder,) in tasks:  # those that had begun may end
        Path(folder).mkdir()
        Path(folder, "go").touch()
    with connected(cluster[0]) as client:
        keys = {task_key(wait_for, task) for task in tasks}
        assert not keys & set(client.run_on_scheduler(lambda dask_scheduler: [key for key, task in dask_scheduler.tasks.items() if task.who_wants]))


def test_a_scheduler_says_who_its_workers_are(cluster):
    assert [(worker.threads, worker.memory_bytes) for worker in workers(cluster[0])] == [(1, 2_000_000_000)] * 2


def test_nobody_there_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setattr(module, "CONNECT_SECONDS", 2)
    with pytest.raises(ServiceUnavailableError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9.*unset BANKSEG_SCHEDULER"):
        list(ClusterEngine(Scheduler("tcp://127.0.0.1:9"), quietly).map_buckets(refuse, [(1,)]))


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        (Scheduler("nonsense://here"), r"nonsense.*tcp://host:8786"),
        (Scheduler("tcp://127.0.0.1:9", ca=Path(__file__)), r"without BANKSEG_SCHEDULER_TLS_"),
        (Scheduler("tls://127.0.0.1:9"), r"TLS_CA, BANKSEG_SCHEDULER_TLS_CERT, BANKSEG_SCHEDULER_TLS_KEY names no file"),
        (Scheduler("tls://127.0.0.1:9", Path(__file__), Path(__file__), Path("absent.pem")), r"^BANKSEG_SCHEDULER_TLS_KEY names no file"),
    ],
)
def test_an_address_and_files_that_do_not_fit_are_refused_before_anything_is_opened(scheduler, said):
    with pytest.raises(ConfigurationError, match=said):
        workers(scheduler)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'bankseg\[cluster\]'"):
        workers(Scheduler("tcp://127.0.0.1:9"))


def test_a_killed_workers_buckets_are_done_again(cluster, tmp_path):
    scheduler, processes = cluster
    found = dict(ClusterEngine(scheduler, quietly).map_buckets(die_once, [(str(tmp_path), bucket) for bucket in range(6)]))

    assert sorted(found) == list(range(6))
    dead = [process for process in processes if process.poll() is not None]
    assert [process.returncode for process in dead] == [-signal.SIGKILL]
    assert found[3] in {process.pid for process in processes} - {dead[0].pid}


def die(bucket: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_kills_every_worker_ends_as_an_error_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    with running_cluster(tmp_path, [{}, {}]) as (scheduler, _):
        with pytest.raises(ConfigurationError, match=r"ended the 2 workers that tried it.*more memory or the lake more buckets"):
            list(ClusterEngine(scheduler, quietly).map_buckets(die, [(0,)]))
        monkeypatch.setattr(module, "PATIENCE_WITHOUT_WORKERS_SECONDS", 1)
        with pytest.raises(ServiceUnavailableError, match="has had no worker"):
            list(ClusterEngine(scheduler, quietly).map_buckets(refuse, [(1,)]))
