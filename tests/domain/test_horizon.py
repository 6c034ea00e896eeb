"""The horizon: windows that partition time, months, and maturity."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bankseg.domain.horizon import WINDOW_DAYS, Horizon, add_months, month_end_on_or_before

DAYS = st.dates(date(1990, 1, 1), date(2080, 12, 31))
HORIZONS = st.builds(Horizon, DAYS, st.integers(0, 60), st.integers(1, 400))


def place_of(day: date, horizon: Horizon) -> list[str]:
    """Every part of time that claims a day."""
    parts = {
        "known": day <= horizon.as_of,
        "gap": horizon.as_of < day < horizon.outcome_first_on,
        "outcome": horizon.outcome_first_on <= day <= horizon.outcome_last_on,
        "beyond": day > horizon.outcome_last_on,
    }
    return [name for name, claims in parts.items() if claims]


@given(horizon=HORIZONS, days=st.integers(-500, 900))
def test_every_day_lies_in_exactly_one_part_of_time(horizon, days):
    assert len(place_of(horizon.as_of + timedelta(days=days), horizon)) == 1


@given(horizon=HORIZONS)
def test_the_gap_and_the_outcome_window_have_the_lengths_asked_for(horizon):
    assert (horizon.outcome_first_on - horizon.as_of).days == horizon.gap_days + 1
    assert (horizon.outcome_last_on - horizon.outcome_first_on).days + 1 == horizon.outcome_days


@given(horizon=HORIZONS)
def test_each_observation_window_holds_as_many_days_as_its_name_and_each_holds_the_shorter_ones(horizon):
    starts = [horizon.window_starts()[f"after_{days}d"] for days in WINDOW_DAYS]

    assert [(horizon.as_of - start).days for start in starts] == list(WINDOW_DAYS)
    assert starts == sorted(starts, reverse=True)


@given(horizon=HORIZONS, days=st.integers(-5, 5))
def test_a_window_has_matured_on_its_last_day_and_not_before(horizon, days):
    assert horizon.has_matured(horizon.outcome_last_on + timedelta(days=days)) is (days >= 0)


@given(day=DAYS, months=st.integers(-240, 240))
def test_adding_months_moves_the_month_and_keeps_the_day_where_the_month_is_long_enough(day, months):
    moved = add_months(day, months)

    assert moved.year * 12 + moved.month == day.year * 12 + day.month + months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)


def test_adding_a_month_across_february_by_hand():
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2023, 1, 31), 1) == date(2023, 2, 28)
    assert add_months(date(2024, 12, 15), 1) == date(2025, 1, 15)


@given(day=DAYS)
def test_the_month_end_before_a_day_is_a_month_end_and_less_than_a_month_back(day):
    end = month_end_on_or_before(day)

    assert (end + timedelta(days=1)).day == 1
    assert 0 <= (day - end).days <= 30


@given(horizon=HORIZONS)
def test_month_indices_of_neighbouring_months_differ_by_one(horizon):
    later = Horizon(add_months(horizon.as_of, 1), horizon.gap_days, horizon.outcome_days)

    assert later.month_index() == horizon.month_index() + 1
