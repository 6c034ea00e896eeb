"""Early-warning rules held against what came: hand-counted hits, false alarms, what was caught, and the lead from the first alarm."""

from datetime import date

import pyarrow as pa
import pytest

from bankseg.segments.warning_quality import qualities, watched

FIRST, SECOND = date(2025, 1, 31), date(2025, 2, 28)
ARREARS = pa.Table.from_pylist(
    [
        {"client_id": "late", "due_on": date(2025, 2, 15), "reached_on": date(2025, 3, 18)},
        {"client_id": "late", "due_on": date(2025, 3, 15), "reached_on": date(2025, 4, 15)},
        {"client_id": "good", "due_on": date(2025, 3, 1), "reached_on": None},
        {"client_id": "missed", "due_on": date(2025, 3, 1), "reached_on": date(2025, 4, 1)},
        {"client_id": "already", "due_on": date(2025, 3, 1), "reached_on": date(2025, 4, 1)},
        {"client_id": "later", "due_on": date(2026, 3, 1), "reached_on": date(2026, 4, 1)},
    ],
    schema=pa.schema([("client_id", pa.string()), ("due_on", pa.date32()), ("reached_on", pa.date32())]),
)


def levels(**fired):
    clients = ["late", "good", "missed", "already", "later", "nothing due"]
    late = {"already": 45, "late": 3}
    rows = [{"client_id": client, "days_past_due": late.get(client), "level_R1": fired.get(client)} for client in clients]
    return pa.Table.from_pylist(rows, schema=pa.schema([("client_id", pa.string()), ("days_past_due", pa.int64()), ("level_R1", pa.string())]))


def test_only_clients_with_an_instalment_to_come_and_not_in_arrears_yet_are_watched():
    found = watched(FIRST, levels(late="amber"), ARREARS, 180)

    assert found.clients.tolist() == ["late", "good", "missed"]
    assert [None if day is None else day.isoformat() for day in found.reached_on.tolist()] == ["2025-03-18", None, "2025-04-01"]
    assert found.levels["R1"].tolist() == ["amber", "", ""]


def test_hits_false_alarms_and_leads_agree_with_a_hand_count():
    dates = [watched(FIRST, levels(late="amber", good="amber"), ARREARS, 180), watched(SECOND, levels(late="red", good="amber"), ARREARS, 180)]

    by = {(one.code, one.level): one for one in qualities(dates)}

    amber, red, either = by["R1", "amber"], by["R1", "red"], by["R1", "any"]
    assert (amber.observed, amber.fired, amber.hits, amber.hit_rate, amber.false_alarms) == (6, 3, 1, pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert (red.fired, red.hits, red.hit_rate, red.caught, red.events) == (1, 1, 1.0, 1, 2)
    assert (either.fired, either.hits, either.caught_share, either.base_rate, either.lift) == (4, 2, 0.5, pytest.approx(4 / 6), pytest.approx(0.75))
    assert red.lead_days == (18.0, 18.0, 18.0)
    assert either.lead_days == (46.0, 46.0, 46.0)  # from the first alarm, not the last
    assert either.low < either.hit_rate < either.high
    assert by["any", "any"].fired == either.fired


def test_a_rule_that_never_fired_has_no_rate_and_without_arrears_nothing_is_caught():
    quiet = qualities([watched(FIRST, levels(), ARREARS.slice(2, 1), 180)])

    assert [(one.code, one.fired, one.hit_rate, one.lift, one.caught_share, one.lead_days, one.base_rate) for one in quiet] == [
        ("R1", 0, None, None, None, None, 0.0), ("any", 0, None, None, None, None, 0.0),
    ]  # fmt: skip
