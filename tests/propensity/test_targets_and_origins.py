from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.errors import ConfigurationError, MissingDataError
from bankseg.propensity.origins import month_end_on_or_before, plan_origins, rolling_origins
from bankseg.propensity.targets import targets_for


def test_a_policy_moves_the_windows_of_every_target_but_never_shortens_dormancy():
    targets = {target.name: target for target in targets_for({"gap_days": 14, "horizon_days": 60}, ["savings"])}

    assert (targets["hard_exit"].gap_days, targets["hard_exit"].horizon_days) == (14, 60)
    assert (targets["dormancy"].gap_days, targets["dormancy"].horizon_days) == (14, 183)


def test_a_policy_may_adjust_one_target():
    targets = {target.name: target for target in targets_for({"targets": {"cross_sell:savings": {"minimum_positives": 20}}}, ["savings", "card"])}

    assert targets["cross_sell:savings"].minimum_positives == 20
    assert targets["cross_sell:card"].minimum_positives == 50


def test_adjusting_an_unknown_target_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="hard_exti"):
        targets_for({"targets": {"hard_exti": {"gap_days": 1}}}, [])


def test_adjusting_what_may_not_be_adjusted_is_refused():
    with pytest.raises(ConfigurationError, match="label_sql"):
        targets_for({"targets": {"hard_exit": {"label_sql": "other"}}}, [])


def test_no_target_may_serve_a_credit_decision():
    assert all("credit" not in purpose for target in targets_for({}, ["personal_loan"], ["default"]) for purpose in target.purposes)


@given(
    as_of=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    gap=st.integers(0, 60),
    horizon=st.integers(30, 200),
    history=st.integers(1_000, 4_000),
    step=st.integers(1, 4),
    most=st.integers(1, 8),
)
def test_every_slice_starts_after_the_outcomes_of_the_one_before_are_known(as_of, gap, horizon, history, step, most):
    first = as_of - timedelta(days=history)
    try:
        plan = plan_origins(as_of, gap, horizon, first, step_months=step, most=most)
    except MissingDataError:
        return
    outcome = timedelta(days=gap + horizon)

    assert plan.test + outcome <= as_of
    assert plan.calibration + outcome <= plan.test
    assert plan.train[0] + outcome <= plan.calibration
    assert all(origin + outcome <= plan.test for origin in plan.learning)
    assert all(origin >= first + timedelta(days=365) for origin in plan.train)
    assert list(plan.all) == sorted(set(plan.all))
    assert 1 <= len(plan.train) <= most
    assert all(month_end_on_or_before(origin) == origin for origin in plan.all)


@given(most=st.integers(1, 12), step=st.integers(1, 4), gap=st.integers(0, 30), horizon=st.integers(30, 200))
def test_no_outcome_of_a_back_test_reaches_past_the_origin_that_it_judges(most, step, gap, horizon):
    plan = plan_origins(date(2025, 12, 31), gap, horizon, date(2021, 1, 1), step_months=step, most=most)

    steps = rolling_origins(plan, gap + horizon)

    assert steps[-1].origin == plan.calibration
    assert all(origin + timedelta(days=gap + horizon) <= step.origin for step in steps for origin in step.train)
    assert all(step.origin < plan.test for step in steps)
    assert len(steps) <= 4


def test_three_years_of_history_give_four_origins_before_the_locked_fold():
    plan = plan_origins(date(2025, 12, 31), 7, 90, date(2023, 1, 1))

    assert [step.origin.isoformat() for step in rolling_origins(plan, 97)] == ["2024-10-31", "2024-12-31", "2025-02-28", "2025-04-30"]
    assert plan.test == date(2025, 8, 31)


def test_a_short_history_gives_fewer_origins_and_never_none():
    plan = plan_origins(date(2025, 12, 31), 7, 90, date(2023, 12, 31))

    assert [step.origin for step in rolling_origins(plan, 97)] == [plan.calibration]


def test_a_short_history_is_refused_with_the_days_there_are_and_the_days_needed():
    with pytest.raises(MissingDataError, match="has 364 days") as refusal:
        plan_origins(date(2025, 12, 31), 7, 90, date(2025, 1, 1))
    needed = int(str(refusal.value).split("Expected: ")[1].split()[0])

    assert plan_origins(date(2025, 12, 31), 7, 90, date(2025, 12, 31) - timedelta(days=needed)).train
    with pytest.raises(MissingDataError):
        plan_origins(date(2025, 12, 31), 7, 90, date(2025, 12, 31) - timedelta(days=needed - 1))
