"""Eligibility: of whom each target may be asked at the run's date, by the population of the label that trained it."""

from collections.abc import Collection
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.features.labels import answers_by_product, eligible_clients
from bankseg.lake.local import LocalBucket
from bankseg.services.bank import Bank
from bankseg.services.snapshot import lake_at, thresholds
from bankseg.storage.run import Run

Mask = NDArray[np.bool_]


def eligibility(bank: Bank, run: Run, bucket: int, clients: "pa.ChunkedArray[Any]", targets: Collection[str]) -> dict[str, Mask]:
    """Whether each client of a bucket may be given a propensity of each target, shape (n,); nobody is scored whom the label would not speak of."""
    as_of = date.fromisoformat(run.as_of)
    senses: dict[str, list[str]] = {}
    for target in targets:
        sense, _, detail = target.partition(":")
        senses.setdefault("client_label" if sense == "label" else sense, []).append(detail)
    found: dict[str, Mask] = {}
    with LocalBucket(lake_at(bank, run), bucket, as_of) as connection:
        for sense, details in senses.items():
            rows = eligible_clients(connection, sense, bank.policy.horizon(as_of), {**thresholds(bank), "products": details})
            for detail in details:
                own = rows.filter(pc.field("product") == detail) if answers_by_product(sense) else rows
                name = "label" if sense == "client_label" else sense
                found[f"{name}:{detail}" if detail else name] = _among(clients, own.column("client_id"))
    return found


def _among(clients: "pa.ChunkedArray[Any]", eligible: "pa.ChunkedArray[Any]") -> Mask:
    return np.asarray(pc.is_in(clients, value_set=eligible.combine_chunks()).to_numpy(), dtype=bool)
