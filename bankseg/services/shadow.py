"""Shadow scores: propensities of versions that are not in use, kept in the run's files and summary and never on a list."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import ArtefactError
from bankseg.propensity.artefacts import load
from bankseg.propensity.predict import Propensity
from bankseg.services.bank import Bank
from bankseg.storage.run import Run

Vector = NDArray[np.float64]

TOP_SHARE = 0.10


def shadow_column(target: str, digest: str) -> str:
    """Name of a shadow's column in a score file.

    Examples
    --------
    >>> shadow_column("hard_exit", "0123456789abcdef")
    'shadow:hard_exit:0123456789ab'
    """
    return f"shadow:{target}:{digest[:12]}"


def shadow_models(bank: Bank, run: Run) -> dict[str, tuple[str, Propensity]]:
    """Column -> (target, model) of every version the run scores beside those in use; one that cannot be read is left out and harms nothing."""
    found = {}
    for target, digests in sorted(run.shadows.items()):
        for digest in digests:
            try:
                found[shadow_column(target, digest)] = (target, load(bank.settings.artefacts, digest, bank.settings.key()))
            except ArtefactError:
                continue
    return found


def shadow_summary(tables: Sequence[pa.Table], shadows: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Target -> digest -> how a shadow differs from the model in use over the whole book. `Any`: JSON."""
    summary: dict[str, Any] = {}
    for target, digests in sorted(shadows.items()):
        for digest in digests:
            pair = [_column(tables, name) for name in (f"p:{target}", shadow_column(target, digest))]
            summary.setdefault(target, {})[digest] = agreement(*pair)
    return summary


def agreement(ours: Vector, theirs: Vector) -> dict[str, Any]:
    """How alike two propensities of the same clients are; clients without one of the two are left out.

    Returns
    -------
    dict
        `clients`; `mean` and `mean_shadow` in [0, 1]; `spearman` in [-1, 1]; `top_overlap`: share of the first's top decile that the second
        keeps there; nulls with fewer than ten clients. `Any`: numbers and nulls.

    Examples
    --------
    >>> agreement(np.arange(20) / 20, np.arange(20) / 20)["top_overlap"]
    1.0
    """
    known = ~(np.isnan(ours) | np.isnan(theirs))
    a, b = ours[known], theirs[known]
    if len(a) < 10:
        return {"clients": len(a), "mean": None, "mean_shadow": None, "spearman": None, "top_overlap": None}
    top = max(1, round(len(a) * TOP_SHARE))
    kept = np.intersect1d(np.argsort(-a, kind="stable")[:top], np.argsort(-b, kind="stable")[:top])
    return {"clients": len(a), "mean": float(a.mean()), "mean_shadow": float(b.mean()), "spearman": spearman(a, b), "top_overlap": len(kept) / top}


def spearman(first: Vector, second: Vector) -> float | None:
    """Rank correlation, ties sharing their mean rank; null when one side is constant.

    Examples
    --------
    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 6)
    0.5
    """
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else None


def _ranks(values: Vector) -> Vector:
    _, inverse, size = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2.0)[inverse], dtype=np.float64)


def _column(tables: Sequence[pa.Table], name: str) -> Vector:
    parts = [table.column(name).to_numpy() if name in table.column_names else np.full(table.num_rows, np.nan) for table in tables]
    return np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
