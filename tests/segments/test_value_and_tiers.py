"""Value, tiers with hysteresis, RFM digits and churn bands, by hand and by law."""

import random
from collections import Counter

import pytest

from tests.segments.book import value_cuts

TIERS = ["negative", "bronze", "silver", "gold", "platinum"]


def worth(minor, **fields):
    return {"interest_margin_12m_minor": minor, **fields}


def test_value_is_margin_and_fees_less_costs_and_expected_loss(book):
    client = {
        "interest_margin_12m_minor": 10_000, "contract_margin_12m_minor": 2_000, "fees_12m_minor": 500, "account_cost_12m_minor": 1_000,
        "service_cost_12m_minor": 500, "exposure_minor": 1_000_000, "credit_source": "fico", "credit_score": 700.0,
    }  # fmt: skip
    no_margin = {"fees_12m_minor": 500}

    rows = book.clients([client, {**client, "credit_score": None}, no_margin])

    assert rows[0]["value_12m_minor"] == 10_000 + 2_000 + 500 - 1_000 - 500 - round(0.008 * 0.30 * 1_000_000)
    assert rows[1]["value_12m_minor"] == 11_000 - round(0.01 * 0.30 * 1_000_000)
    assert (rows[2]["value_12m_minor"], rows[2]["tier"], rows[2]["tier_reason"]) == (None, "unknown", "no margin is known")
    assert rows[0]["value_is_approximate"] is True


def test_tiers_are_the_shares_of_the_policy(book):
    rows = book.clients([worth(minor) for minor in range(1, 101)])

    assert Counter(row["tier"] for row in rows) == {"platinum": 5, "gold": 15, "silver": 30, "bronze": 50}
    assert [row["tier"] for row in rows[94:96]] == ["gold", "platinum"]


def test_tiers_are_cut_within_each_kind_of_client(book):
    people = [worth(minor) for minor in range(1, 21)]
    firms = [worth(minor * 1_000, kind="company") for minor in range(1, 21)]

    rows = book.clients(people + firms)

    assert [row["kind"] for row in rows if row["tier"] == "platinum"] == ["individual", "company"]


@pytest.mark.parametrize("seed", range(3))
def test_a_higher_value_never_has_a_lower_tier(book, seed):
    rng = random.Random(seed)

    rows = book.clients([worth(rng.randint(-2_000, 9_000)) for _ in range(300)], files=3)

    ordered = sorted(rows, key=lambda row: row["value_12m_minor"])
    places = [TIERS.index(row["tier"]) for row in ordered]
    assert places == sorted(places)
    assert all((row["tier"] == "negative") is (row["value_12m_minor"] < 0) for row in rows)


DOWNGRADE_CASES = [
    ("platinum", 1_000, "platinum"),
    ("platinum", 950, "platinum"),  # within 5 % below the cut
    ("platinum", 949, "gold"),
    ("gold", 475, "gold"),
    ("gold", 474, "silver"),
    ("silver", 190, "silver"),
    ("silver", 189, "bronze"),
    ("gold", 1_000, "platinum"),  # an upgrade counts at once
    ("bronze", 200, "silver"),
    ("bronze", 199, "bronze"),
    ("negative", 0, "bronze"),
    ("platinum", -1, "negative"),
    ("gold", 100, "bronze"),
    ("unknown", 500, "gold"),
    (None, 950, "gold"),
]


def test_a_downgrade_waits_until_the_value_is_clearly_below_the_cut(book):
    before = {f"C{number:05d}": tier for number, (tier, _, _) in enumerate(DOWNGRADE_CASES) if tier}

    rows = book.clients([worth(value) for _, value, _ in DOWNGRADE_CASES], cuts=value_cuts(1_000, 500, 200), tiers_before=before)

    assert [row["tier"] for row in rows] == [tier for *_, tier in DOWNGRADE_CASES]
    for row, (held, value, tier) in zip(rows, DOWNGRADE_CASES, strict=True):
        is_kept = held == tier and value < {"platinum": 1_000, "gold": 500, "silver": 200}.get(tier, 0)
        assert row["tier_reason"].startswith("kept") is is_kept


def test_frozen_cuts_keep_a_clients_tier_when_only_the_others_change(book):
    first = book.assigned([worth(minor) for minor in range(1, 101)])
    second = book.assigned([worth(minor if minor == 60 else minor * 50) for minor in range(1, 101)], cuts=first.cuts)

    assert second.cuts == first.cuts
    assert second.clients.to_pylist()[59]["tier"] == first.clients.to_pylist()[59]["tier"]
    assert Counter(second.clients.column("tier").to_pylist())["platinum"] > 50


def active(days, **fields):
    return {"recency_days": days, "active_days_365d": 10, "credit_minor_365d": 100_000, **fields}


RECENCY_CASES = [(0, "5"), (7, "5"), (8, "4"), (30, "4"), (31, "3"), (90, "3"), (91, "2"), (183, "2"), (184, "1"), (4_000, "1"), (None, "1")]


def test_recency_scores_follow_the_fixed_breaks(book):
    rows = book.clients([active(days) for days, _ in RECENCY_CASES])

    assert [row["rfm"][0] for row in rows] == [score for _, score in RECENCY_CASES]


def test_frequency_and_turnover_are_mid_rank_quintiles(book):
    rows = book.clients([active(1, active_days_365d=days, credit_minor_365d=days * 1_000) for days in range(1, 11)])

    assert [row["rfm"] for row in rows] == ["511", "511", "522", "522", "533", "533", "544", "544", "555", "555"]


def test_ties_share_the_middle_of_their_ranks(book):
    rows = book.clients([active(1, active_days_365d=days) for days in (0, 0, 0, 0, 0, 0, 5, 5, 9, 9)])

    # Six zeros share rank 3.5: ceil(5 x 3.0 / 10) = 2; two fives rank 7.5: 4; two nines 9.5: 5.
    assert [row["rfm"][1] for row in rows] == ["2"] * 6 + ["4"] * 2 + ["5"] * 2


def random_movers(seed, count=120):
    rng = random.Random(seed)
    return [
        active(rng.choice([None, *range(0, 300, 7)]), active_days_365d=rng.randint(0, 60), credit_minor_365d=rng.randint(0, 50) * 1_000) for _ in range(count)
    ]


def rfm_by_client(rows):
    return {row["client_id"]: row["rfm"] for row in rows}


def test_rfm_does_not_depend_on_the_currency_or_the_order_of_rows(book):
    clients = [{"client_id": f"C{number}", **client} for number, client in enumerate(random_movers(1))]
    before = rfm_by_client(book.clients(clients))
    random.Random(2).shuffle(clients)

    assert rfm_by_client(book.clients([{**client, "credit_minor_365d": client["credit_minor_365d"] * 655_957} for client in clients], files=4)) == before


def test_a_more_recent_or_more_active_client_never_scores_lower(book):
    clients = random_movers(3)
    rows = book.clients(clients)
    for digit, measure, sign in ((0, "recency_days", -1), (1, "active_days_365d", 1), (2, "credit_minor_365d", 1)):
        ordered = sorted(zip(clients, rows, strict=True), key=lambda pair: sign * (9_999 if pair[0][measure] is None else pair[0][measure]))
        digits = [row["rfm"][digit] for _, row in ordered]
        assert digits == sorted(digits)


def test_rfm_moves_because_the_client_moved_not_the_others(book):
    clients = random_movers(4)
    first = book.assigned(clients)
    moved = [clients[0], *({**client, "active_days_365d": 300, "credit_minor_365d": 10**9} for client in clients[1:])]

    assert book.assigned(moved, cuts=first.cuts).clients.to_pylist()[0]["rfm"] == first.clients.to_pylist()[0]["rfm"]


def test_there_is_no_rfm_without_transactions(book):
    assert book.clients([worth(5)], has_transactions=False)[0]["rfm"] is None


ACTIVITY_CASES = [
    ({"recency_days": 90, "counted_pace_90d": 1.0}, "active"),
    ({"recency_days": 90, "counted_pace_90d": 0.5}, "slowing"),
    ({"recency_days": 90, "counted_pace_90d": None}, "active"),
    ({"recency_days": 91, "counted_pace_90d": 1.0}, "lapsing"),
    ({"recency_days": 183}, "lapsing"),
    ({"recency_days": 184}, "dormant"),
    ({"recency_days": 365}, "dormant"),
    ({"recency_days": 366}, "inactive"),
    ({"recency_days": None}, "inactive"),
    ({"recency_days": 5, "status": "prospect"}, None),
    ({"recency_days": 5, "open_accounts": 0}, None),
]


def test_activity_by_days_since_the_last_movement(book):
    rows = book.clients([client for client, _ in ACTIVITY_CASES])

    assert [row["activity"] for row in rows] == [activity for _, activity in ACTIVITY_CASES]


def test_churn_bands_are_quantiles_of_expected_loss_not_of_the_propensity(book):
    likely_but_worthless = [worth(100, churn=0.9) for _ in range(90)]
    unlikely_but_dear = [worth(1_000_000, churn=0.1) for _ in range(10)]

    rows = book.clients([*likely_but_worthless, *unlikely_but_dear])

    assert rows[0]["expected_loss_minor"] == 90
    assert rows[-1]["expected_loss_minor"] == 100_000
    assert {row["churn_band"] for row in rows[90:]} == {"high"}
    assert "high" not in {row["churn_band"] for row in rows[:90]}


def test_churn_bands_hold_the_shares_of_the_policy_and_leave_the_unscored_aside(book):
    rows = book.clients([worth(100_000, churn=number / 200) for number in range(1, 101)] + [worth(100, churn=None), worth(-50, churn=0.9)])

    bands = Counter(row["churn_band"] for row in rows)
    assert bands["not_scored"] == 1
    assert bands["high"] == pytest.approx(10, abs=1)
    assert bands["medium"] == pytest.approx(20, abs=1)
    assert rows[-1]["churn_band"] == "low"  # leaving would cost nothing


def test_without_any_known_value_the_bands_follow_the_propensity(book):
    rows = book.clients([{"churn": number / 100} for number in range(1, 101)])

    assert [row["churn_band"] for row in rows].count("high") == pytest.approx(10, abs=1)
    assert rows[99]["churn_band"] == "high"
