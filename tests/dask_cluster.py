"""The tests' own Dask cluster: a scheduler and worker processes on the loopback address, each killed at the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bankseg.lake.cluster import Scheduler, workers

START_SECONDS = 120.0
MEMORY = "2GB"


@contextmanager
def running_cluster(folder: Path, environments: Sequence[Mapping[str, str]]) -> Iterator[tuple[Scheduler, list[subprocess.Popen[bytes]]]]:
    """A cluster with one worker process of one thread for each environment; ready when all of them are known to the scheduler."""
    folder.mkdir(parents=True, exist_ok=True)
    known, processes = folder / "scheduler.json", []
    known.unlink(missing_ok=True)
    try:
        processes.append(_started(folder / "scheduler.log", {}, "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(known)))
        _until(lambda: known.exists() and known.read_text(encoding="utf-8").endswith("}"), processes[0])  # it is there before it is written
        scheduler = Scheduler(json.loads(known.read_text(encoding="utf-8"))["address"])
        flags = ("--no-nanny", "--nthreads", "1", "--memory-limit", MEMORY, "--local-directory", str(folder), "--no-dashboard", "--host", "127.0.0.1")
        processes += [_started(folder / f"worker{n}.log", more, "worker", scheduler.url, *flags) for n, more in enumerate(environments)]
        _until(lambda: len(workers(scheduler)) == len(environments), processes[0])
        yield scheduler, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _started(log: Path, environment: Mapping[str, str], *command: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=Path(__file__).parent.parent,
        )


def _until(is_so, process: subprocess.Popen[bytes]) -> None:
    last = time.monotonic() + START_SECONDS
    while not is_so():
        assert process.poll() is None, "the scheduler ended"
        assert time.monotonic() < last, "the cluster did not come up"
        time.sleep(0.1)
