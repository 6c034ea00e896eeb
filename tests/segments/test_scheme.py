"""The exclusive scheme: everyone has one segment, with the rule that gave it; offers and counts add up."""

import random
from collections import Counter

import pytest

from bankseg.domain.rule_words import words
from bankseg.domain.segment_rules import holds
from tests.segments.book import AS_OF


def random_book(seed, count=400):
    rng = random.Random(seed)

    def maybe(value):
        return None if rng.random() < 0.15 else value

    return [
        {
            "status": rng.choices(["active", "prospect", "former"], [8, 1, 1])[0],
            "kind": rng.choice(["individual", "company"]),
            "open_accounts": maybe(rng.choice([0, 1, 3])),
            "deceased_on": AS_OF if rng.random() < 0.03 else None,
            "interest_margin_12m_minor": maybe(rng.randint(-5_000, 50_000)),
            "recency_days": maybe(rng.randint(0, 500)),
            "counted_pace_90d": maybe(rng.random() * 2),
            "active_days_365d": maybe(rng.randint(0, 200)),
            "credit_minor_365d": maybe(rng.randint(0, 10**7)),
            "days_past_due": maybe(rng.choice([0, 0, 0, 6, 40, 100])),
            "arrears_minor": maybe(rng.choice([0, 50_000])),
            "rejected_debits_30d": maybe(rng.randint(0, 3)),
            "overdraft_beyond_limit_months_6m": maybe(rng.randint(0, 4)),
            "churn": maybe(rng.random()),
            "best_product": maybe(rng.choice(["savings", "personal_loan"])),
            "p:cross_sell:savings": maybe(rng.random()),
            "p:cross_sell:personal_loan": maybe(rng.random()),
            "is_vulnerable": rng.random() < 0.1,
            "consents_email": maybe(rng.randint(0, 1)),
            "days_since_campaign": maybe(rng.randint(0, 90)),
            "balance_minor": maybe(rng.randint(0, 10**6)),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_every_client_gets_the_first_segment_whose_rule_holds_in_the_python_reader_too(book, seed):
    clients = random_book(seed)

    rows = book.clients(clients, files=3)

    segments = book.policy.segments()
    assert [row["client_id"] for row in rows] == [f"C{number:05d}" for number in range(len(clients))]
    for row in rows:
        first = next(segment for segment in segments if segment.when is None or holds(segment.when, row))
        assert (row["segment"], row["segment_reason"], row["action"]) == (first.code, words(first.when), first.action)


@pytest.mark.parametrize("seed", range(3))
def test_the_counts_of_the_summary_add_up_to_the_clients(book, seed):
    assignment = book.assigned(random_book(seed))
    rows, summary = assignment.clients.to_pylist(), assignment.summary

    assert summary["clients"] == len(rows)
    for column, counts in (("segment", "segments"), ("tier", "tiers"), ("churn_band", "churn_bands"), ("risk_band", "risk_bands")):
        assert {code: entry["clients"] for code, entry in summary[counts].items()} == Counter(row[column] for row in rows)
        for measure in ("balance_minor", "value_12m_minor", "expected_loss_minor"):
            assert sum(entry[measure] for entry in summary[counts].values()) == sum(row[measure] or 0 for row in rows)
    assert sum(cell["clients"] for cell in summary["grid"]) == len(rows)
    assert [entry["code"] for entry in summary["scheme"]] == [segment.code for segment in book.policy.segments()]


def test_clients_left_with_nothing_are_counted_by_segment_and_stage(book):
    offered = {"best_product": "savings", "best_propensity": 0.4, "best_margin_minor": 2_000}
    stages = ["consent", "consent", "suitability", None]
    found = book.assigned(
        [*({"best_blocked_by": stage, **({} if stage else offered)} for stage in stages), {"status": "prospect", "best_blocked_by": "eligibility"}]
    )

    left = found.summary["left_with_nothing"]
    assert left.pop("prospect") == {"eligibility": 1}
    assert Counter(stage for stages in left.values() for stage, clients in stages.items() for _ in range(clients)) == {"consent": 2, "suitability": 1}


def test_an_assignment_depends_on_the_scores_alone_not_on_how_they_are_split(book):
    clients = random_book(9)
    whole, split = book.assigned(clients), book.assigned(clients, files=5)

    assert split.clients.equals(whole.clients)
    assert split.offers.equals(whole.offers)
    assert split.cases.equals(whole.cases)
    assert split.cuts == whole.cuts


STATUS_CASES = [
    ({"status": "prospect"}, "prospect", "prospect", "acquire"),
    ({"status": "prospect", "open_accounts": 0}, "prospect", "prospect", "acquire"),
    ({"open_accounts": 0}, "former", "former", "none"),
    ({"deceased_on": AS_OF}, "former", "former", "none"),
    ({"status": "former"}, "former", "former", "none"),
    ({"open_accounts": 1}, "active", "maintain", "maintain"),
    ({"open_accounts": None}, "active", "maintain", "maintain"),
]


def test_prospects_and_former_clients_stand_apart(book):
    rows = book.clients([{"interest_margin_12m_minor": 5, "recency_days": 1, **client} for client, *_ in STATUS_CASES])

    assert [(row["status"], row["segment"], row["action"]) for row in rows] == [tuple(expected) for _, *expected in STATUS_CASES]
    assert all((row["tier"] == "unknown") is (row["status"] != "active") for row in rows)


OFFERED = {"p:cross_sell:savings": 0.5, "consents_email": 1, "days_since_campaign": 30}
CREDIT = {**OFFERED, "p:cross_sell:savings": None, "p:cross_sell:personal_loan": 0.5}
RISKY = {"days_past_due": 100, "arrears_minor": 50_000}


BARRED_CASES = [
    (OFFERED, None),
    ({**OFFERED, "consents_email": 0}, "consent"),
    ({**OFFERED, "consents_email": None}, "consent"),
    ({**OFFERED, "consents_email": None, "consents_phone": 1}, None),
    ({**OFFERED, "days_since_campaign": 29}, "contact_policy"),
    ({**OFFERED, "days_since_campaign": None}, None),
    ({**OFFERED, "is_vulnerable": True}, "vulnerable"),
    ({**OFFERED, **RISKY}, None),  # a savings account may be proposed to a client in arrears
    ({**CREDIT, **RISKY}, "risk"),
    ({**CREDIT, **RISKY, "is_vulnerable": True, "consents_email": 0}, "vulnerable"),  # the first that applies is told
    ({**CREDIT, **RISKY, "consents_email": 0}, "risk"),
    ({**OFFERED, "consents_email": 0, "days_since_campaign": 1}, "consent"),
]


def test_what_bars_an_offer_and_only_the_first_reason_is_told(book):
    offers = book.assigned([client for client, _ in BARRED_CASES]).offers.to_pylist()

    assert {offer["client_id"]: offer["excluded_by"] for offer in offers} == {f"C{number:05d}": barred for number, (_, barred) in enumerate(BARRED_CASES)}


def test_there_is_an_offer_for_every_known_propensity_and_its_margin_is_the_policys(book):
    clients = random_book(5)

    offers = book.assigned(clients).offers.to_pylist()

    wanted = {
        (f"C{number:05d}", name.split(":")[2]): value
        for number, client in enumerate(clients)
        for name, value in client.items()
        if name.startswith("p:") and value is not None
    }
    assert {(offer["client_id"], offer["product"]): offer["propensity"] for offer in offers} == wanted
    margins = book.policy.section("value")["new_contract_margin_minor"]
    assert all(abs(offer["expected_margin_minor"] - offer["propensity"] * margins[offer["product"]]) <= 0.5 for offer in offers)


def test_the_margin_of_a_young_product_leans_on_its_base_rate(book):
    offers = book.assigned([{"p:cross_sell:savings": 0.10, "p:cross_sell:personal_loan": 0.10}], judged={"savings": (0.02, 600)}).offers.to_pylist()

    margins = book.policy.section("value")["new_contract_margin_minor"]
    found = {offer["product"]: (offer["propensity"], offer["expected_margin_minor"]) for offer in offers}
    smoothed = (600 * 0.10 + 200 * 0.02) / (600 + 200)
    assert found == {"savings": (0.10, round(smoothed * margins["savings"])), "personal_loan": (0.10, round(0.10 * margins["personal_loan"]))}


def test_a_bank_without_cross_sell_models_or_any_history_is_still_segmented(book):
    assignment = book.assigned([{"kind": "company"}, {}], has_transactions=False)

    assert assignment.offers.num_rows == 0
    assert [row["segment"] for row in assignment.clients.to_pylist()] == ["maintain", "maintain"]
    assert {row["risk_band"] for row in assignment.clients.to_pylist()} == {"unknown"}
