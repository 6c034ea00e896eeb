"""Gates: each one met, watched and not met, from cards made by hand."""

import pytest

from bankseg.domain.governance import codes
from bankseg.domain.policy import load_policy
from bankseg.services.gates import Evidence, evaluate
from tests.services.model_builders import a_card, interval, paired

POLICY = load_policy().section("governance")
CHAMPION = {"version": 1, "metrics": {"empc": interval(3.0, 0.2)}}


def gate(name: str, **evidence):
    found = {one.name: one for one in evaluate(Evidence(**({"card": a_card()} | evidence)), POLICY)}
    assert list(found) == list(codes("gates"))
    return found[name]


def with_metric(name: str, value: float, half: float = 0.02):
    return a_card(metrics=a_card()["metrics"] | {name: interval(value, half)})


def test_a_good_first_version_meets_every_gate_that_can_be_measured():
    verdicts = {one.name: one.verdict for one in evaluate(Evidence(a_card()), POLICY)}

    assert {name for name, verdict in verdicts.items() if verdict == "not_measured"} == {"profit", "agreement", "drift"}
    assert set(verdicts.values()) == {"green", "not_measured"}


@pytest.mark.parametrize(
    ("low", "verdict", "code"), [(0.01, "green", "profit_paired"), (0.0, "red", "profit_paired_short"), (-0.1, "red", "profit_paired_short")]
)
def test_on_the_same_rows_the_whole_interval_of_the_gain_must_lie_above_zero(low, verdict, code):
    found = gate("profit", champion=CHAMPION, comparison=paired(0.2, low, 0.4, "x"))

    assert (found.verdict, found.code, found.value) == (verdict, code, 0.2)
    assert "4,000" in found.words("en")
    assert "0,2" in found.words("fr")


@pytest.mark.parametrize(("empc", "verdict"), [(2.9, "green"), (2.5, "red"), (4.0, "green")])
def test_without_common_rows_the_interval_must_not_lie_below_the_champions(empc, verdict):
    assert gate("profit", champion=CHAMPION, card=with_metric("empc", empc, 0.2)).verdict == verdict


@pytest.mark.parametrize(
    ("name", "value", "half", "verdict"),
    [
        ("ece", 0.0169, 0.001, "green"),  # chance 0.012 + 0.005
        ("ece", 0.0171, 0.001, "red"),
        ("calibration_slope", 0.85, 0.1, "amber"),  # the interval still reaches 0.9
        ("calibration_slope", 0.7, 0.1, "red"),
        ("calibration_intercept", -0.15, 0.02, "red"),
        ("calibration_intercept", 0.09, 0.02, "green"),
    ],
)
def test_calibration_is_held_against_chance_and_bands(name, value, half, verdict):
    assert gate("calibration", card=with_metric(name, value, half)).verdict == verdict


def test_a_card_of_the_release_before_is_read_by_its_own_names():
    former = {"calibration_slope": "slope", "calibration_intercept": "intercept"}
    metrics = {former.get(name, name): value for name, value in a_card()["metrics"].items() if name not in {"empc", "lift1"}}

    assert gate("calibration", card=a_card(schema=1, metrics=metrics)).verdict == "green"
    assert gate("stability", card={**a_card(), "backtest": None}).verdict == "not_measured"


@pytest.mark.parametrize(("positives", "verdict"), [(210, "red"), (30, "amber")])
def test_a_segment_is_judged_by_the_chance_level_of_its_own_size(positives, verdict):
    within = a_card()["segments"][0]["metrics"]
    big = {"attribute": "kind", "value": "individual", "n": 4000, "positives": 240, "metrics": within | {"ece": 0.016}}
    quarter = {"attribute": "kind", "value": "company", "n": 1000, "positives": positives, "metrics": within | {"ece": 0.028}}  # chance 0.024 + 0.005

    assert gate("calibration_by_segment", card=a_card(segments=[big, quarter])).verdict == "green"
    off = gate("calibration_by_segment", card=a_card(segments=[big, quarter | {"metrics": within | {"ece": 0.03}}]))
    assert (off.verdict, off.details["names"]) == (verdict, ["kind company"])


def test_the_worst_origin_decides_about_stability():
    origins = a_card()["backtest"]
    assert gate("stability").value == 0.77

    bad = origins[0] | {"metrics": origins[0]["metrics"] | {"roc_auc": interval(0.59)}}
    found = gate("stability", card=a_card(backtest=[bad, *origins[1:]]))

    assert (found.verdict, found.details["origin"]) == ("red", "2025-02-28")


def test_changed_lists_are_a_warning_not_a_fault():
    comparison = paired(0.2, 0.1, 0.3, "x")
    assert gate("agreement", champion=CHAMPION, comparison=comparison).verdict == "green"

    comparison["agreement"]["top_overlap"] = 0.6

    assert gate("agreement", champion=CHAMPION, comparison=comparison).verdict == "amber"


@pytest.mark.parametrize("change", [{"impact_ratio": 0.79}, {"true_positive_rate": 0.75}, {"false_positive_rate": 0.4}])
def test_a_difference_between_groups_asks_for_a_persons_decision(change):
    women, men = a_card()["disparity"]

    found = gate("fairness", card=a_card(disparity=[women | change, men]))

    assert found.verdict == "red"
    assert "sex female:" in found.words("en")
    assert gate("fairness", card=a_card(disparity=[women | change | {"n": 400}, men])).verdict == "green"  # 24 outcomes: shown, not judged


@pytest.mark.parametrize(
    ("psi", "p_value", "level", "verdict"),
    [(0.05, 0.5, "steady", "green"), (0.15, 1e-6, "watch", "amber"), (0.3, 1e-6, "act", "red"), (0.3, 0.01, "steady", "green")],
)
def test_drift_blocks_when_it_is_both_material_and_significant(psi, p_value, level, verdict):
    observation = {"score_psi": psi, "score_p_value": p_value, "score_level": level, "as_of": "2026-01-31"}

    assert gate("drift", observation=observation).verdict == verdict


def test_leak_alarms():
    assert gate("leakage", card=with_metric("roc_auc", 0.985)).code == "too_good"
    assert gate("leakage", card=a_card(suspects=[{"feature": "closing_code", "auc": 0.96}])).verdict == "red"
    strong = gate("leakage", card=a_card(importance=[{"feature": "recency_days", "gain_share": 0.41}]))
    assert (strong.verdict, strong.details["feature"]) == ("amber", "recency_days")


def test_a_second_look_at_the_locked_rows_is_told():
    assert gate("blind_test", openings=1).verdict == "green"
    assert gate("blind_test", openings=2).verdict == "amber"
    assert "2 times" in gate("blind_test", openings=2).words()
