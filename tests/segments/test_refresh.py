"""When a membership is due, and what changed between two."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import ConfigurationError
from bankseg.segments.membership import ROSTER
from bankseg.segments.refresh import changes, is_due

DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@pytest.mark.parametrize(
    ("cadence", "last", "as_of", "due"),
    [
        ("daily", date(2025, 12, 30), date(2025, 12, 31), True),
        ("daily", date(2025, 12, 31), date(2025, 12, 31), False),
        ("weekly", date(2025, 12, 28), date(2025, 12, 29), True),  # Sunday, Monday
        ("weekly", date(2025, 12, 29), date(2026, 1, 4), False),  # one week across two years
        ("monthly", date(2025, 11, 1), date(2025, 11, 30), False),
        ("monthly", date(2024, 12, 31), date(2025, 12, 31), True),
    ],
)
def test_a_cadence_is_due_by_the_calendar(cadence, last, as_of, due):
    assert is_due(cadence, last, as_of) is due


@given(DAYS, st.integers(31, 400))
def test_after_a_month_everything_is_due(last, days):
    assert all(is_due(cadence, last, last + timedelta(days=days)) for cadence in ("daily", "weekly", "monthly"))
    assert all(is_due(cadence, None, last) for cadence in ("daily", "weekly", "monthly"))


def test_an_unknown_cadence_is_refused():
    with pytest.raises(ConfigurationError, match="hourly"):
        is_due("hourly", date(2025, 1, 1), date(2025, 1, 2))


def rows(*pairs):
    return pa.Table.from_pylist([{"client_id": client, "segment": segment, "rm_id": "RM1", "value_12m_minor": 5} for client, segment in pairs], schema=ROSTER)


def told(table):
    return [(row["client_id"], row["from_segment"], row["to_segment"]) for row in table.to_pylist()]


def test_changes_of_an_exclusive_scheme_are_moves_and_of_an_overlapping_one_entries_and_exits():
    opening, closing = rows(("a", "x"), ("b", "x"), ("c", "y")), rows(("a", "y"), ("b", "x"), ("d", "y"))

    assert told(changes(opening, closing, is_exclusive=True)) == [("a", "x", "y"), ("c", "y", ""), ("d", "", "y")]
    opening, closing = rows(("a", "x"), ("a", "y"), ("b", "x")), rows(("a", "y"), ("b", "x"), ("b", "y"))
    assert told(changes(opening, closing, is_exclusive=False)) == [("a", "x", ""), ("b", "", "y")]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), unique_by=lambda pair: pair[0]), st.data())
def test_opening_plus_entries_less_exits_is_the_closing_membership(pairs, data):
    later = data.draw(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), unique_by=lambda pair: pair[0]))
    book = dict(pairs)

    for client, origin, to in told(changes(rows(*pairs), rows(*later), is_exclusive=True)):
        assert book.get(client, "") == origin
        if to:
            book[client] = to
        else:
            del book[client]

    assert book == dict(later)
