"""Rows of a training as workers of a cluster read them: one origin and bucket a part, from the snapshot files themselves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.lake.cluster import connected
from bankseg.lake.parquet import read_checked
from bankseg.propensity.cluster import ClusterFits, Part, Plan
from bankseg.services.bank import Bank
from bankseg.services.bucket_work import address, desk_at, scheduler_of
from bankseg.services.snapshot import labels_path, snapshot_path
from bankseg.storage.run import Run


@contextmanager
def cluster_fits(bank: Bank, run: Run, target: str, *, is_sampled: bool) -> Iterator[ClusterFits | None]:
    """The cluster that grows a target's trees, where there is one and its rows are more than this machine holds; else None."""
    scheduler = scheduler_of(bank.settings)
    if scheduler is None or not is_sampled:
        yield None
        return
    with connected(scheduler) as client:
        tasks = partial(_tasks, bank, run, target)
        yield ClusterFits(client, tasks, read_part, bank.snapshots / "runs" / str(run.id) / "fits")


def read_part(where: tuple[str, int, str, str], target: str, origin: str, bucket: int, plan: str) -> Part:
    """One origin and bucket of a fit, in a worker: clients of whom the outcome is known, encoded as the plan (a file below home) says."""
    desk = desk_at(where)
    bank, run = desk.bank, desk.run
    try:
        known = Plan.read(bank.settings.home / plan)
        rows = read_checked(snapshot_path(bank, run, origin, bucket))
        places, label = outcomes_among(read_checked(labels_path(bank, run, origin, bucket)), target, rows.column("client_id"))
        x = known.encoding.matrix(rows.take(places))
        return x, label.astype(np.int8), np.full(len(label), known.weights[origin])
    finally:
        bank.engine.dispose()


def outcomes_among(outcomes: pa.Table, target: str, clients: "pa.ChunkedArray[Any] | pa.Array[Any]") -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Places among `clients` of those whose outcome is known, and the outcomes, in the order of the file."""
    asked = outcomes.filter(pc.field("target") == target)
    found = pc.index_in(asked.column("client_id"), value_set=clients)
    known = pc.is_valid(found)
    return found.filter(known).to_numpy().astype(np.int64), asked.column("outcome").filter(known).to_numpy()


def _tasks(bank: Bank, run: Run, target: str, origins: Sequence[date], plan: Path) -> list[tuple[Any, ...]]:
    where, named = address(bank, run), str(plan.relative_to(bank.settings.home))
    return [(where, target, day.isoformat(), bucket, named) for day in origins for bucket in range(int(run.plan["buckets"]))]
