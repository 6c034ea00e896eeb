from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.errors import ConfigurationError, InputError, LeakageError, MissingDataError, TooFewPositivesError
from bankseg.propensity.artefacts import canonical_json
from bankseg.propensity.dataset import Dataset, ModelFeature, learn_encoding
from bankseg.propensity.metrics import roc_auc
from bankseg.propensity.targets import cross_sell_target, label_target
from bankseg.propensity.train import train
from tests.propensity.builders import FEATURES, PLAN, dataset, law

TARGET = cross_sell_target("savings")


def test_the_model_reaches_most_of_what_the_planted_probability_reaches(trained):
    rng = np.random.default_rng(99)
    _, probability = law(rng, 20_000)
    planted = roc_auc((rng.random(20_000) < probability).astype(int), probability)

    assert trained.metrics["roc_auc"]["high"] > 0.95 * planted
    assert trained.metrics["calibration_slope"]["low"] < 1 < trained.metrics["calibration_slope"]["high"]


def test_the_same_data_and_seed_give_the_same_bytes(trained):
    again = train(TARGET, dataset(), PLAN, FEATURES, seed=1)

    assert again.booster_text == trained.booster_text
    assert canonical_json(again.card) == canonical_json(trained.card)


def test_shuffled_labels_give_an_auc_of_one_half():
    found = train(TARGET, dataset(4_000, seed=3, shuffled=True), PLAN, FEATURES, seed=1)

    assert found.metrics["roc_auc"]["value"] == pytest.approx(0.5, abs=0.02)


def test_a_planted_future_column_makes_training_fail_naming_it():
    data = dataset()
    closed = np.where(data.label == 1, 5.0, np.nan) + np.random.default_rng(1).normal(size=len(data.label))
    leaky = Dataset(data.table.append_column("days_to_closing", pa.array(closed, from_pandas=True)), data.label, data.origin)

    with pytest.raises(LeakageError, match="days_to_closing") as refusal:
        train(TARGET, leaky, PLAN, (*FEATURES, ModelFeature("days_to_closing")))
    assert refusal.value.columns == ["days_to_closing"]


def test_too_few_positives_are_refused_with_the_count_the_need_and_the_slice_before_the_fold_is_opened(monkeypatch):
    opened = []
    monkeypatch.setattr("bankseg.propensity.train.open_locked_fold", opened.append)
    data = dataset()
    in_test = data.origin == np.datetime64(PLAN.test)
    label = data.label.copy()
    label[np.flatnonzero(in_test & (label == 1))[7:]] = 0

    with pytest.raises(TooFewPositivesError, match=r"has 7 positives in test origin 2025-08-31.*50"):
        train(TARGET, Dataset(data.table, label, data.origin), PLAN, FEATURES)
    assert opened == []


def test_an_origin_without_rows_is_refused():
    data = dataset()
    kept = data.origin != np.datetime64(PLAN.calibration)

    with pytest.raises(MissingDataError, match="calibration origin 2025-04-30"):
        train(TARGET, Dataset(data.table.filter(kept), data.label[kept], data.origin[kept]), PLAN, FEATURES)


def test_a_target_with_time_is_never_split_at_random():
    with pytest.raises(MissingDataError, match="without a plan"):
        train(TARGET, dataset(), None, FEATURES)


def test_a_label_without_time_is_cross_validated_and_the_card_says_so():
    found = train(label_target("exited"), dataset(300), None, FEATURES, seed=1)

    assert found.card["validation"] == "cross_validated, no time in data"
    assert found.card["origins"] is None
    assert 0.7 < found.metrics["roc_auc"]["value"] < 0.95


def test_an_extract_never_loaded_is_absent_and_an_empty_feature_is_left_out():
    data = dataset()
    table = data.table.drop_columns(["logins"]).append_column("empty", pa.nulls(len(data.label), pa.float64()))
    features = (*FEATURES, ModelFeature("empty"))

    assert [feature.name for feature in learn_encoding(table, features).features] == ["balance", "trend", "segment", "noise"]


def test_a_table_without_any_feature_is_refused():
    with pytest.raises(MissingDataError, match="no feature"):
        learn_encoding(dataset(10).table, [ModelFeature("other")])


@dataclass(frozen=True)
class CatalogueFeature:
    name: str
    purposes: tuple[str, ...] = ("propensity",)
    is_protected: bool = False
    type: str = "number"
    family: str = "profile"
    direction: int = 0


@pytest.mark.parametrize("forbidden", [CatalogueFeature("sex", is_protected=True), CatalogueFeature("age", purposes=("describe",))])
def test_no_model_may_hold_a_protected_feature_or_one_meant_for_something_else(forbidden):
    with pytest.raises(ConfigurationError, match=forbidden.name):
        train(TARGET, dataset(10), PLAN, [CatalogueFeature("balance"), forbidden])


def test_labels_other_than_zero_and_one_are_refused():
    with pytest.raises(InputError, match="other than 0 and 1"):
        Dataset(pa.table({"x": [1, 2]}), np.array([0, 2], dtype=np.int8), np.array(["2024-01-31"] * 2, dtype="datetime64[D]"))


def test_the_card_declares_what_a_reviewer_asks_for(trained):
    asked = ("target", "population", "exclusions", "purposes", "forbidden", "owner", "materiality", "origins", "rows", "positives", "metrics", "reliability")
    assert all(key in trained.card for key in (*asked, "gains", "members", "seed", "threads", "lightgbm", "data_sha256", "calibration_evidence", "importance"))
    assert trained.card["forbidden"] == ["any decision on credit"]
    assert trained.card["serving"]["calibrated_on"] == "2025-08-31"
