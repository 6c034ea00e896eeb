"""A lake whose clients have a flat outcome that goes with their balance: enough for one model and a whole run."""

import json
from datetime import date
from pathlib import Path

import numpy as np

from tests.small_lake import BUCKETS, SmallLake

AS_OF = date(2025, 12, 31)
CLIENTS = 500


def outcome_lake(root: Path, buckets: int = BUCKETS) -> Path:
    """Write it and return its root."""
    rng, small = np.random.default_rng(3), SmallLake(root, buckets)
    ids, balances = [f"C{number:03d}" for number in range(CLIENTS)], rng.integers(0, 500_000, CLIENTS).tolist()
    left = (rng.random(CLIENTS) < np.where(np.array(balances) < 150_000, 0.6, 0.12)).tolist()
    small.add("clients", *({"client_id": client, "rm_id": "RM1", "home_branch_id": "B1"} for client in ids))
    small.add("accounts", *({"account_id": f"A{client}", "client_id": client} for client in ids))
    small.add(
        "balances",
        *(
            {"account_id": f"A{client}", "client_id": client, "balance_on": day, "balance_minor": minor}
            for client, minor in zip(ids, balances, strict=True)
            for day in (date(2025, 11, 30), AS_OF)
        ),
    )
    known = {"label": "left", "observed_on": AS_OF, "recorded_on": AS_OF}
    small.add("client_labels", *({"client_id": client, "outcome": out} | known for client, out in zip(ids, left, strict=True)))
    declared = {"outcomes": [{"name": "left", "meaning": "loss", "product": None, "label_en": "Left", "label_fr": "Parti"}]}
    (root / "_attributes.json").write_text(json.dumps(declared), encoding="utf-8")
    return root
