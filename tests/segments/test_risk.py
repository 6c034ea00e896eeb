"""Early-warning rules, stages, the high-risk segment and its reviews."""

import json
from datetime import date

import pytest

from bankseg.segments.assign import working_days_after
from tests.segments.book import AS_OF

FICO = {"credit_source": "fico"}
LATE = {"arrears_minor": 20_000, "exposure_minor": 100_000}
NOTHING = None


RULE_CASES = [
    ("R1", NOTHING, {**LATE, "days_past_due": 4}),
    ("R1", "amber", {**LATE, "days_past_due": 5}),
    ("R1", "amber", {**LATE, "days_past_due": 30}),
    ("R1", "red", {**LATE, "days_past_due": 31}),
    ("R1", NOTHING, {"days_past_due": 40, "arrears_minor": 9_999, "exposure_minor": 100_000}),  # below 100 in money
    ("R1", NOTHING, {"days_past_due": 40, "arrears_minor": 20_000, "exposure_minor": 3_000_000}),  # below 1 % of the exposure
    ("R2", NOTHING, {**FICO, "credit_score": 690.0, "credit_score_change_90d": -20.0}),
    ("R2", "amber", {**FICO, "credit_score": 660.0, "credit_score_change_90d": -20.0}),  # good to fair
    ("R2", "amber", {**FICO, "credit_score": 690.0, "credit_score_change_90d": -40.0}),
    ("R2", NOTHING, {**FICO, "credit_score": 690.0, "credit_score_change_90d": 40.0}),
    ("R2", NOTHING, {"credit_source": "internal", "credit_score": 9.0, "credit_score_change_90d": 0.0}),
    ("R2", "amber", {"credit_source": "internal", "credit_score": 5.0, "credit_score_change_90d": -1.0}),
    ("R2", NOTHING, {"credit_source": "elsewhere", "credit_score": 5.0, "credit_score_change_90d": -3.0}),
    ("R3", NOTHING, {"rejected_debits_30d": 1}),
    ("R3", "amber", {"rejected_debits_30d": 2}),
    ("R4", NOTHING, {"overdraft_beyond_limit_months_6m": 2}),
    ("R4", "amber", {"overdraft_beyond_limit_months_6m": 3}),
    ("R5", NOTHING, {"income_months_12m": 12, "income_ratio_35d_6m": 0.7}),
    ("R5", "amber", {"income_months_12m": 12, "income_ratio_35d_6m": 0.69}),
    ("R5", NOTHING, {"income_months_12m": 5, "income_ratio_35d_6m": 0.1}),
    ("R6", NOTHING, {"instalments_minor_90d": 35, "income_90d_minor": 100}),
    ("R6", "amber", {"instalments_minor_90d": 36, "income_90d_minor": 100}),
    ("R6", "amber", {"instalments_minor_90d": 45, "income_90d_minor": 100}),
    ("R6", "red", {"instalments_minor_90d": 46, "income_90d_minor": 100}),
    ("R6", NOTHING, {"instalments_minor_90d": 46, "income_90d_minor": 0}),
    ("R7", NOTHING, {"high_utilisation_months_3m": 2}),
    ("R7", "amber", {"high_utilisation_months_3m": 3}),
    ("R8", NOTHING, {"credit_balance_ratio_6m": 0.06}),
    ("R8", "amber", {"credit_balance_ratio_6m": 0.05}),
    ("R9", NOTHING, {"is_forborne": 0}),
    ("R9", "amber", {"is_forborne": 1}),
]


def test_each_early_warning_rule_fires_at_its_threshold_and_no_other_does(book):
    rows = book.clients([client for _, _, client in RULE_CASES])

    fired = [[(trigger["code"], trigger["level"]) for trigger in json.loads(row["risk_triggers"])] for row in rows]
    assert fired == [[(code, level)] if level else [] for code, level, _ in RULE_CASES]


def test_a_trigger_carries_its_evidence_and_the_clients_own_value(book):
    [row] = book.clients([{"rejected_debits_30d": 4}])

    assert json.loads(row["risk_triggers"]) == [{"code": "R3", "level": "amber", "family": "rejects", "evidence": "rejected_debits_30d", "value": 4.0}]


STAGE_CASES = [
    ({**LATE, "days_past_due": 30}, 1),
    ({**LATE, "days_past_due": 31}, 2),
    ({**LATE, "days_past_due": 90}, 2),
    ({**LATE, "days_past_due": 91}, 3),
    ({"days_past_due": 91, "arrears_minor": 9_999, "exposure_minor": 9_999}, 1),
    ({"days_past_due": 91, "arrears_minor": 10_000, "exposure_minor": 1_000_000}, 3),
    ({"days_past_due": 91, "arrears_minor": 10_000, "exposure_minor": 1_000_001}, 1),
    ({"days_past_due": 91, "arrears_minor": 10_000, "exposure_minor": 0, "kind": "company"}, 1),
    ({"days_past_due": 91, "arrears_minor": 50_000, "exposure_minor": 0, "kind": "company"}, 3),
    ({"is_forborne": 1}, 2),
]


def test_days_past_due_count_only_beyond_both_floors(book):
    cases = book.assigned([client for client, _ in STAGE_CASES]).cases.to_pylist()

    assert {case["client_id"]: case["stage"] for case in cases} == {f"C{number:05d}": stage for number, (_, stage) in enumerate(STAGE_CASES) if stage > 1}


AMBER_REJECTS, AMBER_OVERDRAFT = {"rejected_debits_30d": 2}, {"overdraft_beyond_limit_months_6m": 3}


BAND_CASES = [
    ({"rejected_debits_30d": 0}, "normal", None, None),
    (AMBER_REJECTS, "elevated", None, None),
    ({**AMBER_REJECTS, **AMBER_OVERDRAFT}, "high", 1, "2026-01-28"),
    ({**LATE, "days_past_due": 91}, "high", 3, "2026-01-07"),
    ({**LATE, "days_past_due": 31}, "high", 2, "2026-01-07"),
    ({"instalments_minor_90d": 50, "income_90d_minor": 100, "rejected_debits_30d": 0}, "high", 2, "2026-01-07"),
    ({**AMBER_REJECTS, **AMBER_OVERDRAFT, "open_accounts": 0}, "unknown", None, None),
    ({**AMBER_REJECTS, **AMBER_OVERDRAFT, "status": "prospect"}, "unknown", None, None),
    ({**AMBER_REJECTS, **AMBER_OVERDRAFT, "deceased_on": AS_OF}, "unknown", None, None),
]


def test_high_risk_is_stage_two_a_red_or_two_amber_families(book):
    assignment = book.assigned([client for client, *_ in BAND_CASES])

    cases = {case["client_id"]: (case["severity"], case["due_on"]) for case in assignment.cases.to_pylist()}
    for row, (_, band, severity, due_on) in zip(assignment.clients.to_pylist(), BAND_CASES, strict=True):
        assert row["risk_band"] == band
        assert row["is_high_risk"] is (band == "high")
        assert cases.get(row["client_id"]) == ((severity, due_on) if severity else None)
        assert (row["segment"] == "risk_review") is (band == "high")


def test_the_risk_band_is_unknown_where_nothing_that_could_tell_was_loaded(book):
    assert [row["risk_band"] for row in book.clients([{"recency_days": 5}])] == ["unknown"]


def test_two_ambers_of_one_family_are_one_warning(book):
    book.policy.values["risk"]["trigger"].append(
        {"code": "R10", "family": "rejects", "evidence": "rejected_debits_30d", "amber": {"attribute": "rejected_debits_30d", "at_least": 1}}
    )

    [row] = book.clients([AMBER_REJECTS])

    assert len(json.loads(row["risk_triggers"])) == 2
    assert row["risk_band"] == "elevated"


def test_the_queue_is_ordered_by_severity_then_exposure(book):
    default, stage_2 = {**LATE, "days_past_due": 91}, {**LATE, "days_past_due": 40}

    cases = book.assigned([stage_2, {**stage_2, "exposure_minor": 200_000}, default]).cases.to_pylist()

    assert [case["client_id"] for case in cases] == ["C00002", "C00001", "C00000"]


@pytest.mark.parametrize(
    ("day", "count", "due"),
    [
        (date(2025, 12, 31), 5, date(2026, 1, 7)),  # Wednesday to Wednesday
        (date(2026, 1, 2), 1, date(2026, 1, 5)),  # Friday to Monday
        (date(2026, 1, 3), 1, date(2026, 1, 5)),  # Saturday to Monday
        (date(2026, 1, 4), 5, date(2026, 1, 9)),
        (date(2026, 1, 5), 0, date(2026, 1, 5)),
        (date(2025, 12, 31), 20, date(2026, 1, 28)),
    ],
)
def test_reviews_are_due_in_working_days(day, count, due):
    assert working_days_after(day, count) == due
