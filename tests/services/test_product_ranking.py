"""How a run's models rank products, read from its files."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.lake.parquet import write_whole
from bankseg.services import product_ranking as module
from bankseg.services.product_ranking import product_ranking, ranking_of
from bankseg.settings import Settings

ORIGIN = "2025-08-31"


class FakeModel:
    """A model that answers with a column of the snapshot."""

    def __init__(self, column: str, base_rate: float, fitted_on: list[str]) -> None:
        self.column, self.card = column, {"base_rate": base_rate, "serving": {"fitted_on": fitted_on}}

    def predict(self, table: pa.Table) -> np.ndarray:
        return np.asarray(table.column(self.column).to_numpy(), dtype=np.float64)


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_whole(pa.table({"client_id": ["A", "B", "C"], "s": [0.2, 0.9, 0.1], "c": [0.8, 0.1, 0.1], "m": [0.1, 0.1, 0.9]}), tmp_path / "snapshot")
    rows = [("A", "savings", 0), ("A", "card", 1), ("B", "savings", 0), ("B", "card", 1), ("C", "savings", 0), ("D", "card", 0), ("A", "mortgage", 1)]
    outcomes = {"client_id": [r[0] for r in rows], "target": [f"cross_sell:{r[1]}" for r in rows], "outcome": pa.array([r[2] for r in rows], pa.int8())}
    write_whole(pa.table(outcomes), tmp_path / "labels")
    models = {"1": FakeModel("s", 0.3, []), "2": FakeModel("c", 0.1, []), "3": FakeModel("m", 0.9, [ORIGIN]), "4": FakeModel("s", 0.5, [])}
    monkeypatch.setattr(module, "load", lambda _folder, digest, _key: models[digest])
    monkeypatch.setattr(module, "snapshot_path", lambda *_: tmp_path / "snapshot")
    monkeypatch.setattr(module, "labels_path", lambda *_: tmp_path / "labels")
    return SimpleNamespace(settings=Settings(home=tmp_path))


def a_run(**models: str) -> SimpleNamespace:
    digests = {f"cross_sell:{product}": digest for product, digest in models.items()} | {"hard_exit": "4"}
    return SimpleNamespace(key="run", models=digests, plan={"buckets": 1, "targets": {target: {"test": ORIGIN} for target in digests}})


def test_buyers_are_ranked_over_the_products_they_were_asked_about(bank):
    found = product_ranking(bank, a_run(savings="1", card="2"))

    assert (found["origin"], found["products"], found["left_out"]) == (ORIGIN, ["card", "savings"], [])
    assert (found["clients"], found["buyers"], found["purchases"]) == (4, 2, 2)
    # A: card .8 before savings .2, bought card; B: savings .9 before card .1, bought card.
    assert found["by_propensity"]["map"]["3"]["value"] == pytest.approx((1 + 1 / 2) / 2)
    # Savings are three times as popular as cards.
    assert found["by_popularity"]["map"]["3"]["value"] == pytest.approx(1 / 2)


def test_a_model_grown_on_the_purchases_that_judge_is_left_out_and_named(bank):
    found = product_ranking(bank, a_run(savings="1", card="2", mortgage="3"))

    assert (found["products"], found["left_out"], found["purchases"]) == (["card", "savings"], ["mortgage"], 2)


def test_one_product_cannot_be_ranked(bank):
    assert product_ranking(bank, a_run(savings="1"))["origin"] is None
    assert product_ranking(bank, a_run())["origin"] is None


def test_a_run_that_trains_nothing_tells_the_ranking_of_the_same_models_and_of_no_others(bank):
    trained = a_run(savings="1", card="2")
    trained.summary = {"product_ranking": product_ranking(bank, trained)}
    later = SimpleNamespace(key="later", models=dict(trained.models), plan={"buckets": 1, "targets": {}})
    other = SimpleNamespace(key="other", models={**trained.models, "cross_sell:card": "1"}, plan={"buckets": 1, "targets": {}})

    assert ranking_of(bank, trained, None) == ranking_of(bank, later, trained) == trained.summary["product_ranking"]
    assert ranking_of(bank, other, trained)["origin"] is None
    assert ranking_of(bank, later, None)["origin"] is None
