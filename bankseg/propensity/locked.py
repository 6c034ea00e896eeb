"""The locked fold: the rows of the final origin, which no fit, selection or tuning can reach, and which are opened once, on record."""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from bankseg.propensity.dataset import Dataset


@dataclass(frozen=True, slots=True)
class FoldOpening:
    """The record of one look at a locked fold; whoever opened it keeps it, for a second look at the same rows is no blind test any more.

    Parameters
    ----------
    target, origin
        Whose fold, and its as-of date.
    rows_sha256
        Digest of the fold's clients and outcomes.
    positives
        Outcomes among them.
    """

    target: str
    origin: date
    rows_sha256: str
    positives: int


class LockedFold:
    """Rows held back until `open_locked_fold`; it tells how many there are and how many had the outcome, and nothing of whose."""

    __slots__ = ("_rows", "origin", "positives", "size", "target")

    def __init__(self, target: str, origin: date, rows: Dataset) -> None:
        self.target, self.origin, self.size, self.positives = target, origin, len(rows.label), rows.positives
        self._rows = rows


def lock(dataset: Dataset, target: str, origin: date) -> tuple[Dataset, LockedFold]:
    """Part a dataset into the rows before an origin, which may be learned from, and the locked fold at it.

    Rows after the origin are in neither.
    """
    day = np.datetime64(origin)
    return dataset.filter(dataset.origin < day), LockedFold(target, origin, dataset.filter(dataset.origin == day))


def open_locked_fold(fold: LockedFold) -> tuple[Dataset, FoldOpening]:
    """The fold's rows, and the record that its opener must keep."""
    rows = fold._rows  # noqa: SLF001  # the one door
    return rows, FoldOpening(fold.target, fold.origin, _digest(rows), rows.positives)


def _digest(rows: Dataset) -> str:
    """SHA-256 over client, origin and outcome of each row, whatever order they come in."""
    clients = rows.table.column("client_id").cast(pa.string()).to_pylist()
    lines = sorted(f"{client}\t{day}\t{outcome}" for client, day, outcome in zip(clients, rows.origin.astype(str), rows.label.tolist(), strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
