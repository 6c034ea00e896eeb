"""Reports by group: within segments, and between protected groups."""

import numpy as np
import pyarrow as pa
import pytest

from bankseg.propensity.calibration import sigmoid
from bankseg.propensity.disparity import by_group, disparity
from bankseg.propensity.metrics import measure, roc_auc
from bankseg.propensity.segment_metrics import LEAST_OUTCOMES, LEAST_ROWS, protected, segment_metrics


def slice_of(rows: int = 4_000, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = sigmoid(rng.normal(-1.5, 1.2, rows))
    return (rng.random(rows) < probability).astype(np.int8), probability


def groups(protected_names=(), **columns):
    fields = [pa.field(name, pa.string()) for name in columns]
    return pa.table(columns, schema=pa.schema([protected(field) if field.name in protected_names else field for field in fields]))


def test_a_segment_has_the_figures_of_its_own_rows():
    label, probability = slice_of()
    kind = np.where(np.arange(4_000) % 4 == 0, "company", "individual")
    found = segment_metrics(label, probability, groups(kind=kind), seed=1)

    assert [(entry["value"], entry["n"]) for entry in found] == [("company", 1_000), ("individual", 3_000)]
    for entry in found:
        rows = kind == entry["value"]
        assert entry["positives"] == label[rows].sum()
        assert entry["metrics"]["roc_auc"]["value"] == pytest.approx(roc_auc(label[rows], probability[rows]))
        assert entry["metrics"]["brier"] == pytest.approx(np.mean((label[rows] - probability[rows]) ** 2))
        whole = measure(label[rows], probability[rows], seed=1, draws=100)
        assert entry["metrics"]["calibration_slope"] == pytest.approx(whole["calibration_slope"].value)
        assert entry["metrics"]["roc_auc"]["low"] == pytest.approx(whole["roc_auc"].low, abs=0.01)


def test_small_groups_are_pooled_and_a_pool_too_small_is_not_told():
    label, probability = slice_of(1_000)
    branch = [f"B{place % 10}" for place in range(300)] + ["A"] * 700
    few = ["rare"] * 50 + ["A"] * 950

    assert [(entry["value"], entry["n"]) for entry in segment_metrics(label, probability, groups(branch=branch), seed=1)] == [("A", 700), ("other", 300)]
    assert [entry["value"] for entry in segment_metrics(label, probability, groups(branch=few), seed=1)] == ["A"]
    assert LEAST_ROWS > 50


def test_a_missing_group_is_told_as_unknown():
    label, probability = slice_of(1_000)

    assert {e["value"] for e in segment_metrics(label, probability, groups(kind=[None] * 400 + ["individual"] * 600), seed=1)} == {"unknown", "individual"}


@pytest.mark.parametrize("outcomes", [0, LEAST_OUTCOMES - 1, 400])
def test_a_group_of_one_class_or_few_outcomes_has_no_ranking_and_no_crash(outcomes):
    label = np.array([1] * outcomes + [0] * (400 - outcomes), dtype=np.int8)
    probability = np.linspace(0.9, 0.1, 400)
    table = groups(("sex",), sex=["female"] * 400, kind=["individual"] * 400)
    found = by_group(label, probability, table, seed=1)

    assert found["segments"][0]["metrics"]["roc_auc"] is None
    assert found["disparity"][0]["roc_auc"] is None
    assert (found["segments"][0]["metrics"]["calibration_slope"] is None) is (outcomes in {0, 400})
    assert (found["disparity"][0]["true_positive_rate"] is None) is (outcomes == 0)
    assert (found["disparity"][0]["false_positive_rate"] is None) is (outcomes == 400)


def test_disparity_agrees_with_a_hand_count():
    # 1,000 clients, 200 selected: 150 of 500 women and 50 of 500 men. 50 women have the outcome, 40 of them selected; of 20 men 10 are.
    sex = np.repeat(["female", "male"], 500)
    probability = np.full(1_000, 0.1)
    probability[:150], probability[500:550] = 0.8, 0.8
    label = np.zeros(1_000, dtype=np.int8)
    label[:40], label[150:160], label[500:510], label[550:560] = 1, 1, 1, 1
    women, men = disparity(label, probability, groups(("sex",), sex=sex), seed=1)

    assert (women["base_rate"], men["base_rate"]) == (0.1, 0.04)
    assert (women["selected_share"], men["selected_share"]) == (pytest.approx(0.3), pytest.approx(0.1))
    assert (women["impact_ratio"], men["impact_ratio"]) == (pytest.approx(1.0), pytest.approx(1 / 3))
    assert (women["true_positive_rate"], men["true_positive_rate"]) == (pytest.approx(0.8), pytest.approx(0.5))
    assert (women["false_positive_rate"], men["false_positive_rate"]) == (pytest.approx(110 / 450), pytest.approx(40 / 480))
    assert women["mean_propensity"] == pytest.approx(0.31)
    assert men["intervals"]["impact_ratio"]["low"] < 1 / 3 < men["intervals"]["impact_ratio"]["high"] < 0.5


def test_equal_propensities_at_the_cut_share_the_list():
    label, _ = slice_of(1_000)
    found = disparity(label, np.full(1_000, 0.2), groups(("sex",), sex=np.repeat(["female", "male"], 500)), seed=1)

    assert [entry["selected_share"] for entry in found] == [pytest.approx(0.2)] * 2


def test_protected_columns_are_read_by_the_report_of_disparity_alone():
    label, probability = slice_of(1_000)
    table = groups(("sex",), sex=["female"] * 500 + ["male"] * 500, kind=["individual"] * 1_000)
    found = by_group(label, probability, table, seed=1)

    assert {entry["attribute"] for entry in found["segments"]} == {"kind"}
    assert {entry["attribute"] for entry in found["disparity"]} == {"sex"}
    assert by_group(label, probability, None, seed=1) == {"segments": [], "disparity": []}
