from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.errors import ConfigurationError, LeakageError
from bankseg.propensity.backtest import worst_origin
from bankseg.propensity.dataset import Dataset, ModelFeature
from bankseg.propensity.growth import Growth
from bankseg.propensity.history import learn_history
from bankseg.propensity.leakage import alarms
from bankseg.propensity.locked import lock, open_locked_fold
from bankseg.propensity.origins import OriginPlan
from bankseg.propensity.stability import Choice
from bankseg.propensity.targets import cross_sell_target
from bankseg.propensity.train import Setup, train
from tests.propensity.builders import FEATURES, PLAN, dataset, law

TARGET = cross_sell_target("savings")
LONG_PLAN = OriginPlan(
    tuple(date(2024, month, day) for month, day in ((2, 29), (4, 30), (6, 30), (8, 31), (10, 31), (12, 31))), date(2025, 4, 30), date(2025, 8, 31)
)


def over(plan: OriginPlan, rows: int = 500, seed: int = 2) -> Dataset:
    rng = np.random.default_rng(seed)
    columns, probability = law(rng, rows * len(plan.all))
    label = (rng.random(len(probability)) < probability).astype(np.int8)
    table = pa.table({"client_id": [f"C{place:06d}" for place in range(len(label))], **columns})
    return Dataset(table, label, np.repeat(np.array(plan.all, dtype="datetime64[D]"), rows))


@pytest.fixture(scope="module")
def long():
    return train(TARGET, over(LONG_PLAN), LONG_PLAN, FEATURES, seed=1)


def test_the_card_holds_four_origins_and_the_locked_fold_with_the_worst_named(long):
    origins = [entry["origin"] for entry in long.card["backtest"]]

    assert origins == ["2024-08-31", "2024-10-31", "2024-12-31", "2025-04-30", "2025-08-31"]
    assert long.card["backtest"][0]["train"] == ["2024-02-29", "2024-04-30"]
    assert all(entry["metrics"]["roc_auc"]["low"] < entry["metrics"]["roc_auc"]["value"] for entry in long.card["backtest"])
    assert long.card["worst_origin"] == min(long.card["backtest"], key=lambda entry: entry["metrics"]["roc_auc"]["value"])["origin"]
    assert long.card["backtest"][-1]["metrics"]["roc_auc"]["value"] == long.metrics["roc_auc"]["value"]


def test_a_short_history_says_how_few_origins_it_has(trained):
    assert [entry["origin"] for entry in trained.card["backtest"]] == ["2025-04-30", "2025-08-31"]


def test_every_origin_says_which_earlier_ones_it_was_trained_on_and_none_overlaps(long):
    for entry in long.card["backtest"]:
        closes = [np.datetime64(day) + np.timedelta64(97, "D") for day in entry["train"]]
        assert max(closes) <= np.datetime64(entry["origin"])


def test_what_happens_at_the_locked_fold_changes_no_tree_and_no_origin_before_it(long):
    data = over(LONG_PLAN)
    in_fold = data.origin == np.datetime64(LONG_PLAN.test)
    label = data.label.copy()
    label[in_fold] = np.random.default_rng(5).permutation(label[in_fold])

    other = train(TARGET, Dataset(data.table, label, data.origin), LONG_PLAN, FEATURES, seed=1)

    assert other.booster_text == long.booster_text
    assert other.card["backtest"][:-1] == long.card["backtest"][:-1]
    assert other.card["stability"] == long.card["stability"]
    assert other.card["locked_fold"]["rows_sha256"] != long.card["locked_fold"]["rows_sha256"]


def test_a_future_outcome_changes_no_earlier_origin_of_the_back_test(long):
    data = over(LONG_PLAN)
    label = data.label.copy()
    late = data.origin >= np.datetime64("2024-12-31")
    label[late] = np.random.default_rng(6).permutation(label[late])

    other = train(TARGET, Dataset(data.table, label, data.origin), LONG_PLAN, FEATURES, seed=1)

    first, same = other.card["backtest"][0], long.card["backtest"][0]
    assert (first["n"], first["positives"], first["train"]) == (same["n"], same["positives"], same["train"])
    assert first["metrics"]["roc_auc"]["value"] == pytest.approx(same["metrics"]["roc_auc"]["value"], abs=0.02)  # the rounds alone may differ


def test_the_opening_of_the_fold_is_told_to_whoever_trained(long):
    opening = long.opening

    assert opening is not None
    assert (opening.target, opening.origin, opening.positives) == (TARGET.name, LONG_PLAN.test, long.card["positives"]["test"])
    assert long.card["locked_fold"] == {"origin": "2025-08-31", "rows_sha256": opening.rows_sha256}


def test_the_digest_of_a_fold_does_not_depend_on_the_order_of_its_rows():
    data = over(LONG_PLAN, rows=20)
    turned = np.arange(len(data.label))[::-1]
    other = Dataset(data.table.take(pa.array(turned)), data.label[turned], data.origin[turned])

    digests = {open_locked_fold(lock(rows, "t", LONG_PLAN.test)[1])[1].rows_sha256 for rows in (data, other)}

    assert len(digests) == 1


def test_the_rows_to_learn_from_hold_nothing_of_the_fold_or_of_later_days():
    learning, fold = lock(over(LONG_PLAN, rows=20), "t", LONG_PLAN.calibration)

    assert learning.origin.max() < np.datetime64(LONG_PLAN.calibration)
    assert fold.size == 20
    assert not hasattr(fold, "label")


def test_directions_of_the_catalogue_are_kept_by_the_trees(long):
    features = [ModelFeature(f.name, f.type, f.family, -1 if f.name == "trend" else 0) for f in FEATURES]
    found = train(TARGET, over(LONG_PLAN), LONG_PLAN, features, seed=1)

    assert found.card["monotone"] == {"trend": -1}
    assert long.card["monotone"] == {}
    assert "monotone_constraints" in found.booster_text
    free = train(TARGET, over(LONG_PLAN), LONG_PLAN, features, seed=1, setup=Setup(Growth(keeps_directions=False)))
    assert free.card["monotone"] == {}


def test_recent_rows_weigh_more_when_a_half_life_is_given(long):
    found = train(TARGET, over(LONG_PLAN), LONG_PLAN, FEATURES, seed=1, setup=Setup(Growth(half_life_days=90)))

    assert found.card["growth"]["half_life_days"] == 90
    assert found.booster_text != long.booster_text


def test_several_seeds_are_averaged_into_one_reproducible_model():
    setup = Setup(Growth(seeds=2), tuning={"trials": 3})
    first, second = (train(TARGET, over(LONG_PLAN), LONG_PLAN, FEATURES, seed=1, setup=setup) for _ in range(2))

    assert first.booster_text == second.booster_text
    assert first.card == second.card
    assert first.card["tuning"] == {"trials": 3}
    assert first.booster_text.count("Tree=") == 2 * first.card["members"][0]["rounds"]


def test_a_feature_is_kept_when_half_of_the_origins_asked_chose_it():
    origins = (date(2024, 1, 31), date(2024, 3, 31), date(2024, 5, 31))
    choice = Choice(origins, np.array([[0.6, 0.4, 0.0], [0.7, 0.0, 0.3], [0.5, 0.5, 0.0]]))

    assert choice.share(origins).tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert choice.kept(origins).tolist() == [0, 1]
    assert choice.kept(origins[1:2]).tolist() == [0, 2]
    assert choice.kept(origins, most=1).tolist() == [0]


def test_a_choice_of_nothing_keeps_everything():
    origins = (date(2024, 1, 31),)

    assert Choice(origins, np.zeros((1, 3))).kept(origins).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("name", "values"), [("days_since_closing", [-3.0]), ("closed_on", [np.datetime64("2030-01-01")])])
def test_a_feature_that_speaks_of_days_after_its_origin_is_refused_by_name(name, values):
    data = dataset(200)
    column = pa.array(np.resize(np.array(values), len(data.label)))
    ahead = Dataset(data.table.append_column(name, column), data.label, data.origin)

    with pytest.raises(LeakageError, match=name):
        learn_history(TARGET, ahead, PLAN, [*FEATURES, ModelFeature(name)], seed=1)


def test_alarms_name_the_feature_that_carries_the_model_and_a_model_too_good_to_be_true():
    found = alarms([{"feature": "balance", "gain_share": 0.41}, {"feature": "trend", "gain_share": 0.4}], 0.985)

    assert [(entry["alarm"], entry["feature"]) for entry in found] == [("model_auc", None), ("gain_share", "balance")]


def test_an_origin_without_outcomes_is_never_the_worst():
    entries = [{"origin": "2025-01-31", "metrics": {"roc_auc": None}}, {"origin": "2025-03-31", "metrics": {"roc_auc": {"value": 0.7}}}]

    assert worst_origin(entries) == "2025-03-31"
    assert worst_origin(entries[:1]) is None


def test_an_unknown_setting_of_trees_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="num_leafs"):
        Growth.of({"num_leafs": 7})
