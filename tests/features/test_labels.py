"""Outcomes of hand-made clients: what is one, what is none, and who is left out."""

from datetime import date, timedelta

import pytest

from bankseg.domain.errors import MissingDataError
from bankseg.domain.horizon import Horizon
from bankseg.domain.policy import load_policy
from bankseg.features.labels import answers_by_product, build_labels, can_label, eligible_clients, required_tables
from bankseg.lake.local import LocalBucket
from tests.small_lake import SmallLake

AS_OF = date(2025, 6, 30)
H = Horizon(AS_OF, gap_days=7, outcome_days=90)  # outcome window: 8 July to 5 October
KNOWN_ON = date(2025, 12, 31)
IN_GAP, IN_WINDOW, AFTER = AS_OF + timedelta(days=7), H.outcome_first_on, H.outcome_last_on + timedelta(days=1)
POLICY = load_policy()
THRESHOLDS = {
    **{name: POLICY.section("churn")[name] for name in POLICY.section("churn") if name != "headline"},
    "least_tenure_days": 180,
    "most_days_past_due": 90,
}


# The labels with a time, and the extracts each reads.
READS = {
    "hard_exit": {"accounts"},
    "primary_loss": {"accounts", "transactions"},
    "balance_attrition": {"accounts", "balances", "transactions"},
    "dormancy": {"accounts", "transactions"},
    "product_exit": {"accounts"},
    "cross_sell": {"accounts"},
}
SENSES = sorted(READS)


@pytest.fixture
def lake(tmp_path):
    return SmallLake(tmp_path / "lake", buckets=1)


def outcomes(lake, sense, horizon=H, known_on=KNOWN_ON, **thresholds):
    with LocalBucket(lake.at_now(), 0, horizon.as_of, (horizon.outcome_last_on, known_on)) as bucket:
        rows = build_labels(bucket, sense, horizon, known_on, {**THRESHOLDS, **thresholds}).to_pylist()
    return {(row["client_id"], row["product"]) if "product" in row else row["client_id"]: row["outcome"] for row in rows}


def eligible(lake, sense, horizon=H, **thresholds):
    with LocalBucket(lake.at_now(), 0, horizon.as_of) as bucket:
        rows = eligible_clients(bucket, sense, horizon, {**THRESHOLDS, **thresholds}).to_pylist()
    return {tuple(row.values()) if len(row) > 1 else row["client_id"] for row in rows}


def add_clients(lake, accounts):
    """One account a client, with the fields given; a client is its account's name."""
    lake.add("clients", *({"client_id": name} for name in accounts))
    lake.add("accounts", *({"account_id": f"{name}-1", "client_id": name, **fields} for name, fields in accounts.items()))


def closed(day, reason="client_request", **fields):
    return {"closed_on": day, "close_reason": reason, "recorded_on": date(2020, 1, 2), **fields}


def test_hard_exit(lake):
    add_clients(
        lake,
        {
            "stays": {},
            "leaves": closed(IN_WINDOW),
            "leaves on the last day": closed(H.outcome_last_on),
            "leaves unexplained": closed(IN_WINDOW, None),
            "leaves later": closed(AFTER),
            "left in the gap": closed(IN_GAP),
            "left before": closed(AS_OF),
            "died": closed(IN_WINDOW, "death"),
            "sent away": closed(IN_WINDOW, "bank_initiated"),
            "defrauded": closed(IN_WINDOW, "fraud"),
            "loan ended": closed(IN_WINDOW, "maturity"),
            "moved": closed(IN_WINDOW, "moved_abroad"),
            "one of two": closed(IN_WINDOW),
            "replaces": closed(IN_WINDOW),
        },
    )
    lake.add("accounts", {"account_id": "x", "client_id": "one of two"}, {"account_id": "y", "client_id": "replaces", "opened_on": IN_WINDOW})

    assert outcomes(lake, "hard_exit") == {
        "stays": 0, "leaves": 1, "leaves on the last day": 1, "leaves unexplained": 1, "leaves later": 0, "one of two": 0, "replaces": 0,
    }  # fmt: skip


def test_the_population_leaves_out_new_dead_and_prospective_clients(lake):
    add_clients(lake, {"stays": {}})
    people = {
        "new": {"joined_on": AS_OF - timedelta(days=179)},
        "settled": {"joined_on": AS_OF - timedelta(days=180)},
        "prospect": {"status": "prospect"},
        "dead": {"deceased_on": AS_OF},
        "dies in the window": {"deceased_on": H.outcome_last_on},
        "dies later": {"deceased_on": AFTER},
        "no account": {},
    }
    lake.add("clients", *({"client_id": name, "recorded_on": date(2025, 1, 3), **fields} for name, fields in people.items()))
    lake.add("accounts", *({"account_id": name, "client_id": name} for name in people if name != "no account"))

    assert set(outcomes(lake, "hard_exit")) == {"stays", "settled", "dies later"}


def test_an_outcome_recorded_later_is_not_known_yet(lake):
    news = date(2025, 11, 15)
    lake.add("clients", {"client_id": "A"})
    lake.add(
        "accounts",
        {"account_id": "a", "client_id": "A", "recorded_until_on": news},
        {"account_id": "a", "client_id": "A", "closed_on": IN_WINDOW, "close_reason": "client_request", "recorded_on": news},
    )

    assert outcomes(lake, "hard_exit", known_on=date(2025, 11, 14)) == {"A": 0}
    assert outcomes(lake, "hard_exit", known_on=news) == {"A": 1}


def test_a_label_needs_the_extracts_its_sql_reads():
    assert {label: set(required_tables(label)) for label in SENSES} == READS
    assert {label for label in SENSES if answers_by_product(label)} == {"cross_sell", "product_exit"}


@pytest.mark.parametrize("label", SENSES)
def test_an_immature_window_is_refused_never_zero(lake, label):
    add_clients(lake, {"A": {}})

    with pytest.raises(MissingDataError, match="ends on 2025-10-05"):
        outcomes(lake, label, known_on=H.outcome_last_on - timedelta(days=1), products=["savings"])


def pay(client, *days, kind="salary", minor=200_000):
    return [
        {"transaction_id": f"{client}-{kind}-{day}", "account_id": f"{client}-1", "client_id": client, "booked_on": day, "type": kind, "amount_minor": minor}
        for day in days
    ]


def months(first, last):
    """The 25th of each month, as 'year * 12 + month' from first to last."""
    return [date(2025, month, 25) for month in range(first, last + 1)]


def test_primary_loss(lake):
    names = ["keeps", "loses", "loses early", "irregular", "already lost", "pension lost", "sent away", "one cycle late"]
    add_clients(lake, {name: closed(date(2025, 9, 1), "bank_initiated") if name == "sent away" else {} for name in names})
    lake.add(
        "transactions",
        *pay("keeps", *months(1, 10)),
        *pay("loses", *months(1, 7)),  # last on 25 July: 72 days before the window ends
        *pay("loses early", *months(1, 6)),
        *pay("irregular", *months(3, 6)),
        *pay("already lost", date(2024, 11, 25), date(2024, 12, 25), *months(1, 4)),
        *pay("pension lost", *months(1, 7), kind="pension"),
        *pay("sent away", *months(1, 6)),
        *pay("one cycle late", *months(1, 8)),  # 41 days of silence
    )

    assert outcomes(lake, "primary_loss") == {"keeps": 0, "loses": 1, "loses early": 1, "pension lost": 1, "one cycle late": 0}


def balances(client, minor_by_day):
    return [{"account_id": f"{client}-1", "client_id": client, "balance_on": day, "balance_minor": minor} for day, minor in minor_by_day.items()]


def test_balance_attrition(lake):
    before = [date(2025, 4, 30), date(2025, 5, 31), date(2025, 6, 30)]
    after = [date(2025, 7, 31), date(2025, 8, 31), date(2025, 9, 30)]
    cases = {
        # name: (baseline, ending, outflow in the window, account)
        "drains": (300_000, 150_000, 150_000, {}),
        "not quite half": (300_000, 150_001, 150_000, {}),
        "unexplained": (300_000, 0, 239_999, {}),
        "just explained": (300_000, 0, 240_000, {}),
        "below the floor": (99_999, 0, 99_999, {}),
        "sent away": (300_000, None, 300_000, closed(date(2025, 8, 1), "bank_initiated")),
        "leaves": (300_000, None, 300_000, closed(date(2025, 8, 1))),
        "own savings": (300_000, 0, 0, {}),
    }
    add_clients(lake, {name: account for name, (*_, account) in cases.items()})
    for name, (baseline, ending, outflow, _) in cases.items():
        lake.add("balances", *balances(name, dict.fromkeys(before, baseline)), *(balances(name, dict.fromkeys(after, ending)) if ending is not None else []))
        lake.add(
            "transactions",
            *pay(name, date(2025, 7, 20), kind="transfer_out", minor=-outflow),
            *pay(name, date(2025, 7, 21), kind="internal_transfer", minor=-300_000),
        )

    assert outcomes(lake, "balance_attrition") == {
        "drains": 1, "not quite half": 0, "unexplained": 0, "just explained": 1, "leaves": 1, "own savings": 0,
    }  # fmt: skip


def test_dormancy(lake):
    horizon = Horizon(AS_OF, 7, 183)
    end, day_before = horizon.outcome_last_on, AS_OF - timedelta(days=1)
    names = ["sleeps", "moves", "one day short", "fees only", "already dormant", "never moved", "leaves"]
    add_clients(lake, {name: closed(date(2025, 8, 1)) if name == "leaves" else {} for name in names})
    lake.add(
        "transactions",
        *pay("sleeps", day_before, end - timedelta(days=183)),
        *pay("moves", day_before, end),
        *pay("one day short", day_before, end - timedelta(days=182)),
        *pay("fees only", day_before),
        *pay("fees only", end, kind="fee", minor=-100),
        *pay("already dormant", AS_OF - timedelta(days=183)),
        *pay("never moved", day_before, kind="interest"),
        *pay("leaves", day_before),
    )

    assert outcomes(lake, "dormancy", horizon, known_on=end + timedelta(days=1)) == {"sleeps": 1, "moves": 0, "one day short": 0, "fees only": 1}


def test_cross_sell_labels_every_product_at_once(lake):
    add_clients(lake, {"buys": {}, "buys in the gap": {}, "buys later": {}, "holds": {}, "held once": {}, "nothing": {}})
    lake.add(
        "accounts",
        {"account_id": "s1", "client_id": "buys", "product": "savings", "opened_on": IN_WINDOW},
        {"account_id": "s2", "client_id": "buys in the gap", "product": "savings", "opened_on": IN_GAP},
        {"account_id": "s3", "client_id": "buys later", "product": "savings", "opened_on": AFTER},
        {"account_id": "s4", "client_id": "holds", "product": "savings"},
        {"account_id": "s5", "client_id": "held once", "product": "savings", **closed(AS_OF)},
        {"account_id": "s6", "client_id": "held once", "product": "savings", "opened_on": H.outcome_last_on},
    )

    found = outcomes(lake, "cross_sell", products=["savings", "card"])

    assert {client: outcome for (client, product), outcome in found.items() if product == "savings"} == {
        "buys": 1,
        "buys later": 0,
        "held once": 1,
        "nothing": 0,
    }
    assert {outcome for (_, product), outcome in found.items() if product == "card"} == {0}
    assert len(found) == 4 + 6


def test_a_banks_own_label_is_read_as_it_is(lake):
    lake.add(
        "client_labels",
        {"client_id": "A", "label": "exited", "observed_on": AS_OF, "recorded_on": AS_OF, "outcome": True},
        {"client_id": "B", "label": "exited", "observed_on": AS_OF, "recorded_on": AS_OF, "outcome": False},
        {"client_id": "C", "label": "bought", "observed_on": AS_OF, "recorded_on": AS_OF, "outcome": True},
    )
    with LocalBucket(lake.at_now(), 0, AS_OF, (AS_OF, AS_OF)) as bucket:
        assert can_label("client_label", bucket.tables)
        assert not can_label("hard_exit", bucket.tables)
    lake.add("clients", {"client_id": "A"})

    assert outcomes(lake, "client_label", Horizon(AS_OF, 0, 0), AS_OF, label="exited") == {"A": 1, "B": 0}


def test_a_client_in_default_is_not_scored_for_churn(lake):
    add_clients(lake, {"pays": {}, "late": {}, "in default": {}})
    due = {"pays": AS_OF - timedelta(days=100), "late": AS_OF - timedelta(days=60), "in default": AS_OF - timedelta(days=100)}
    paid = {"pays": {"paid_on": AS_OF - timedelta(days=99), "paid_minor": 10_000}}
    lake.add(
        "instalments",
        *({"account_id": f"{name}-1", "client_id": name, "due_on": day, "amount_minor": 10_000, **paid.get(name, {})} for name, day in due.items()),
    )

    assert set(outcomes(lake, "hard_exit")) == {"pays", "late"}


def test_product_exit_is_asked_of_holders_and_labels_every_product_at_once(lake):
    held = {
        "keeps": {},
        "closes": closed(IN_WINDOW),
        "closes unexplained": closed(H.outcome_last_on, None),
        "closes later": closed(AFTER),
        "closed in the gap": closed(IN_GAP),
        "matured": closed(IN_WINDOW, "maturity"),
        "died": closed(IN_WINDOW, "death"),
        "replaces": closed(IN_WINDOW),
        "one of two": closed(IN_WINDOW),
    }
    add_clients(lake, {name: {**fields, "product": "savings"} for name, fields in held.items()})
    lake.add("clients", {"client_id": "holds a card"})
    lake.add(
        "accounts",
        {"account_id": "c", "client_id": "holds a card", "product": "card"},
        {"account_id": "r", "client_id": "replaces", "product": "savings", "opened_on": IN_WINDOW},
        {"account_id": "o", "client_id": "one of two", "product": "savings"},
        {"account_id": "k", "client_id": "closes", "product": "current_account"},
    )
    found = outcomes(lake, "product_exit", products=["savings", "card", "mortgage"])

    assert found == {
        ("keeps", "savings"): 0, ("closes", "savings"): 1, ("closes unexplained", "savings"): 1, ("closes later", "savings"): 0, ("replaces", "savings"): 0,
        ("one of two", "savings"): 0, ("holds a card", "card"): 0,
    }  # fmt: skip


def rich_lake(lake):
    """Clients at every edge of the populations, with history before and after the as-of date."""
    add_clients(
        lake,
        {
            "all": {},
            "leaves": closed(IN_WINDOW),
            "new": {},
            "settled": {},
            "late": {},
            "poor": {},
            "silent": {},
            "saver": {"product": "savings"},
        },
    )
    lake.add("clients", {"client_id": "gone"}, {"client_id": "prospect", "status": "prospect"})
    lake.add("accounts", {"account_id": "gone-1", "client_id": "gone", **closed(AS_OF)})
    for client in ("all", "leaves", "settled", "late", "poor", "saver"):
        days = [day for day in months(1, 9) if client != "leaves" or day <= IN_WINDOW]
        lake.add("transactions", *pay(client, *days))
    lake.add("transactions", *pay("silent", AS_OF - timedelta(days=200), H.outcome_last_on, kind="card_purchase"))
    for client, minor in (("all", 900_000), ("leaves", 500_000), ("settled", 500_000), ("poor", 50_000), ("saver", 300_000)):
        for day in (date(2025, 5, 31), AS_OF, date(2025, 9, 30)):
            lake.add("balances", {"account_id": f"{client}-1", "client_id": client, "balance_on": day, "balance_minor": minor})
    lake.add("instalments", {"account_id": "late-1", "client_id": "late", "due_on": date(2025, 1, 10), "amount_minor": 9_000})
    lake.add("clients", {"client_id": "dead", "deceased_on": H.outcome_last_on})
    lake.add("accounts", {"account_id": "dead-1", "client_id": "dead"})
    return lake


@pytest.mark.parametrize("sense", SENSES)
def test_whoever_teaches_a_label_could_be_scored_and_only_an_outcome_takes_a_client_out_of_teaching(lake, sense):
    rich_lake(lake)
    asked = {"products": ["savings", "card"]} if answers_by_product(sense) else {}
    may_be_scored, taught = eligible(lake, sense, **asked), set(outcomes(lake, sense, **asked))

    assert taught <= may_be_scored
    named = {client[0] if isinstance(client, tuple) else client for client in may_be_scored}
    assert named
    assert not named & {"gone", "prospect", "late"}


def test_each_population_is_that_of_its_label(lake):
    rich_lake(lake)
    everyone = {"all", "leaves", "new", "settled", "poor", "silent", "saver", "dead"}

    assert eligible(lake, "hard_exit") == everyone
    assert eligible(lake, "dormancy") == {"all", "leaves", "settled", "poor", "saver"}
    assert eligible(lake, "primary_loss") == {"all", "leaves", "settled", "poor", "saver"}
    assert eligible(lake, "balance_attrition") == {"all", "leaves", "settled", "saver"}
    assert eligible(lake, "product_exit", products=["savings"]) == {("saver", "savings")}
    assert eligible(lake, "cross_sell", products=["savings"]) == {(client, "savings") for client in everyone - {"saver"}}
    assert eligible(lake, "client_label") > everyone
