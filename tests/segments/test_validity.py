from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError
from bankseg.domain.rule_documents import parse_rule
from bankseg.segments.scorecard import Base, Bounds, Subject, worst
from bankseg.segments.validity import measured, scorecards

N = 20_000


def members(count, n=N):
    return np.arange(n) < count


def book(n=N, **known):
    """A base in which the first 1,000 clients leave twice as often, are worth 100 each and can be reached."""
    churn = np.where(np.arange(n) < 1_000, np.arange(n) % 10 == 0, np.arange(n) % 20 == 0).astype(np.float64)
    given_ = {
        "outcomes": {"churn": churn}, "value_minor": np.full(n, 10_000.0), "is_reachable": np.ones(n, dtype=bool),
        "filled": {"churn": 1.0}, "age_days": {"churn": 3}, "sla_days": {"churn": 35}, "campaign_cost_minor": 300_000, "currency": "EUR",
    }  # fmt: skip
    return Base(n, **{**given_, **known})


GOOD = Subject("retain", members(1_000), frozenset({"churn"}), 0.9, "relationship", "call")


def card(subject=GOOD, base=None, bounds=None):
    return scorecards([subject], base or book(), bounds)[0]


def test_a_good_segment_is_green_on_every_line_and_says_why():
    found = card()

    assert [criterion.verdict for criterion in found.criteria] == ["green"] * 6
    assert found.verdict == "green"
    assert [criterion.code for criterion in found.criteria] == ["response", "size", "measurable", "accessible", "stable", "actionable"]
    assert all(criterion.en and criterion.fr for criterion in found.criteria)
    assert found.criterion("size").en == "1,000 clients (500 needed); contribution €100,000 (€9,000 needed)"
    with pytest.raises(InputError, match="one of response"):
        found.criterion("colour")


def test_the_response_agrees_with_a_hand_count():
    # 100 of 1,000 against 950 of 19,000: 10 % against 5 %, twice as often.
    found = card().criterion("response")

    assert found.value == pytest.approx(1.0)
    assert found.evidence["outcomes"][0]["effect"] == pytest.approx(0.05)
    assert found.evidence["outcomes"][0]["p_value"] < 1e-9


def test_a_difference_that_is_real_but_small_is_amber_and_a_trifle_red():
    place = np.arange(200_000)
    for percent, verdict in ((114, "amber"), (106, "red"), (130, "green")):
        churn = np.where(place < 100_000, place % 1_000 < percent, place % 1_000 < 100).astype(np.float64)
        base = Base(200_000, outcomes={"churn": churn})
        assert scorecards([Subject("x", place < 100_000)], base)[0].criterion("response").verdict == verdict


def test_many_segments_and_outcomes_share_one_correction():
    rng = np.random.default_rng(4)
    base = book(outcomes={f"o{number}": (rng.random(N) < 0.1).astype(np.float64) for number in range(4)})

    alone = card(base=replace(base, outcomes={"o0": base.outcomes["o0"]})).criterion("response").evidence["outcomes"][0]["p_value"]
    together = scorecards([GOOD, replace(GOOD, code="b", members=~GOOD.members)], base)[0].criterion("response").evidence["outcomes"]

    assert next(entry for entry in together if entry["outcome"] == "o0")["p_value"] >= alone


def test_amounts_are_compared_too_and_the_best_outcome_speaks():
    value = np.where(members(1_000), 200.0, 100.0) + np.random.default_rng(1).normal(0, 30, N)
    base = book(outcomes={"nothing": (np.arange(N) % 7 == 0).astype(np.float64), "value": value})

    found = card(base=base).criterion("response")

    assert found.verdict == "green"
    assert found.en == "value: 99% from the rest (20% needed), corrected p-value < 0.001"


def test_against_none_any_sure_difference_counts():
    found = card(base=book(outcomes={"sale": (np.arange(N) < 40).astype(np.float64)})).criterion("response")

    assert (found.verdict, found.value) == ("green", None)


@pytest.mark.parametrize(("rate", "heavy"), [(0.06, False), (0.015, False), (0.0, True)])
def test_a_random_sample_fails_to_differ_in_at_least_95_percent_of_200_draws(rate, heavy):
    rng = np.random.default_rng(11)
    outcomes = {"value": np.exp(rng.normal(3, 1.3, N))} if heavy else {"churn": (rng.random(N) < rate).astype(np.float64)}
    base = Base(N, outcomes=outcomes)

    passed = 0
    for _ in range(200):
        sample = np.zeros(N, dtype=bool)
        sample[rng.choice(N, N // 20, replace=False)] = True
        passed += scorecards([Subject("random", sample)], base)[0].criterion("response").verdict != "red"

    assert passed <= 10


@pytest.mark.parametrize(("clients", "n", "verdict"), [(500, N, "green"), (499, N, "amber"), (449, N, "red"), (500, 200_000, "red"), (1_000, 200_000, "green")])
def test_a_segment_needs_500_clients_and_half_a_percent(clients, n, verdict):
    assert card(replace(GOOD, members=members(clients, n)), book(n)).criterion("size").verdict == verdict


@pytest.mark.parametrize(("cost", "verdict"), [(3_333_333, "green"), (3_500_000, "amber"), (4_000_000, "red"), (None, "no data")])
def test_its_contribution_carries_three_times_the_campaign(cost, verdict):
    # 1,000 clients at 100.00 each: 10,000,000 minor units.
    found = card(base=book(campaign_cost_minor=cost)).criterion("size")

    assert found.verdict == verdict
    assert found.evidence["contribution_minor"] == (None if cost is None else 10_000_000)


def test_too_few_clients_are_red_even_where_money_is_not_known():
    assert card(replace(GOOD, members=members(10)), book(value_minor=None)).criterion("size").verdict == "red"


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({"filled": {"churn": 0.9}}, "green"), ({"filled": {"churn": 0.85}}, "amber"), ({"filled": {"churn": 0.5}}, "red"), ({"filled": {}}, "red"),
        ({"age_days": {"churn": 36}}, "red"), ({"age_days": {}}, "no data"), ({"sla_days": {}}, "no data"),
    ],
)  # fmt: skip
def test_every_attribute_is_filled_and_fresh(known, verdict):
    assert card(base=book(**known)).criterion("measurable").verdict == verdict


def test_the_weakest_attribute_speaks_and_presence_alone_measures_nothing():
    rule = parse_rule(
        {"any": [{"attribute": "churn", "above": 0.1}, {"not": {"attribute": "nps", "below": 5}}, {"attribute": "best_product", "is_missing": True}]}
    )
    found = card(replace(GOOD, attributes=measured(rule)), book(filled={"churn": 1.0, "nps": 0.2})).criterion("measurable")

    assert measured(rule) == {"churn", "nps"}
    assert found.en.startswith("nps known for 20%")
    assert measured(None) == frozenset()
    assert card(replace(GOOD, attributes=frozenset())).criterion("measurable").verdict == "green"


@pytest.mark.parametrize(("share", "verdict"), [(0.6, "green"), (0.55, "amber"), (0.53, "red")])
def test_three_fifths_can_be_reached(share, verdict):
    assert card(base=book(is_reachable=np.arange(N) < share * 1_000)).criterion("accessible").verdict == verdict


@pytest.mark.parametrize(("jaccard", "verdict"), [(0.75, "green"), (0.6, "amber"), (0.59, "red"), (None, "no data")])
def test_members_stay_from_month_to_month(jaccard, verdict):
    assert card(replace(GOOD, jaccard=jaccard)).criterion("stable").verdict == verdict


@pytest.mark.parametrize(("owner", "action", "words"), [("", "call", "no owner"), ("x", " ", "no action"), ("", "", "no owner and no action")])
def test_a_segment_has_an_owner_and_an_action(owner, action, words):
    found = card(replace(GOOD, owner=owner, action=action)).criterion("actionable")

    assert (found.verdict, found.en) == ("red", words)


def test_what_was_never_loaded_is_no_data_and_not_zero():
    found = scorecards([Subject("x", members(600))], Base(N))[0]

    assert {criterion.code: criterion.verdict for criterion in found.criteria} == {
        "response": "no data", "size": "no data", "measurable": "green", "accessible": "no data", "stable": "no data", "actionable": "red",
    }  # fmt: skip


def test_an_empty_segment_is_judged_and_one_of_another_base_refused():
    found = card(replace(GOOD, members=members(0)))

    assert found.verdict == "red"
    assert found.criterion("response").verdict == "no data"
    with pytest.raises(InputError, match="the 20000 of the base"):
        card(replace(GOOD, members=members(5, 10)))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["green", "amber", "red", "no data"]), min_size=1))
def test_one_red_makes_the_whole_red_and_only_green_is_green(verdicts):
    assert (worst(verdicts) == "red") == ("red" in verdicts)
    assert (worst(verdicts) == "green") == (set(verdicts) == {"green"})


@settings(deadline=None)
@given(st.integers(0, N))
def test_more_clients_never_lower_the_verdict_of_the_size(count):
    order = ["red", "amber", "green"]
    few, more = (card(replace(GOOD, members=members(size))).criterion("size").verdict for size in (count, min(N, count + 50)))

    assert order.index(few) <= order.index(more)


def test_bounds_are_a_policy_s_to_change():
    assert card(bounds=Bounds(clients=2_000)).criterion("size").verdict == "red"
    assert card(bounds=Bounds(effect=3.0)).criterion("response").verdict == "amber"
