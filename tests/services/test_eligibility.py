"""Who may be asked about what, in a bank of few clients."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa

from bankseg.domain.policy import load_policy
from bankseg.lake.files import table_versions
from bankseg.services.eligibility import eligibility
from bankseg.settings import Settings
from tests.small_lake import CHANNEL_COSTS, PRODUCTS, SmallLake

AS_OF = date(2025, 6, 30)


def test_each_target_is_asked_of_the_population_of_its_label(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path / "lake", buckets=1)
    lake.add("clients", *({"client_id": client} for client in ("holder", "other", "empty")), {"client_id": "new", "joined_on": AS_OF - timedelta(days=10)})
    lake.add("clients", {"client_id": "prospect", "status": "prospect"})
    lake.add("accounts", *({"account_id": client, "client_id": client} for client in ("holder", "other", "new")))
    lake.add("accounts", {"account_id": "s", "client_id": "holder", "product": "savings"})
    bank = SimpleNamespace(lake=lake.root, policy=load_policy(), settings=Settings(), relations=lambda: {"products": PRODUCTS, "channel_costs": CHANNEL_COSTS})
    run = SimpleNamespace(as_of=AS_OF.isoformat(), table_versions=table_versions(lake.root), file_hashes={})
    clients = pa.chunked_array([["holder", "other", "empty", "new", "prospect"]])

    found = eligibility(bank, run, 0, clients, ["hard_exit", "cross_sell:savings", "cross_sell:card", "product_exit:savings", "label:exited"])

    assert {target: mask.tolist() for target, mask in found.items()} == {
        "hard_exit": [True, True, False, False, False],
        "cross_sell:savings": [False, True, False, False, False],
        "cross_sell:card": [True, True, False, False, False],
        "product_exit:savings": [True, False, False, False, False],
        "label:exited": [True] * 5,
    }
