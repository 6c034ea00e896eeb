"""What a study leaves: JSON for its page, and rows of clients for its lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa

from bankseg.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result without clients, and a table with `client_id` where the study places clients one by one. `Any`: JSON."""

    result: dict[str, Any]
    rows: pa.Table | None


def plain(value: Any) -> Any:  # JSON
    """JSON that every store takes: what is no finite number is null.

    >>> plain({"a": float("nan"), "b": (1.0, float("inf"))})
    {'a': None, 'b': [1.0, None]}
    """
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(part) for part in value]
    return value


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document, whatever the order of its entries."""
    return sha256(dumps(document, sort_keys=True).encode()).hexdigest()


def rows_path(settings: Settings, run_id: int, study_id: int) -> Path:
    """File of a study's clients, beside the roll of its run."""
    return settings.home / "snapshots" / "runs" / str(run_id) / "studies" / f"{study_id}.parquet"
