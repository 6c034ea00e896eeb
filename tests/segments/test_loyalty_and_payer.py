from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.schemes import read_scheme
from bankseg.segments.loyalty import Measures, attached, loyalty
from bankseg.segments.membership import first_of
from bankseg.segments.payer import evidence as evidence_of

PAYER = read_scheme(files("bankseg.policies").joinpath("schemes/payer.toml").read_text(encoding="utf-8"))
MEASURES = sorted(PAYER.attributes)


def evidence(client):
    return evidence_of(PAYER, client)


def index(**columns):
    return loyalty(pa.table({name: [value] for name, value in columns.items()})).index[0]


def test_the_index_agrees_with_a_hand_count():
    # Half of ten years, three of five products, nine of twelve months, nine tenths likely to remain: 2.75 of 4.
    assert index(tenure_days=1_826, products_held=3, income_months_12m=9, churn=0.1, kind="individual") == pytest.approx(68.75)


def test_firms_are_not_asked_for_a_salary_and_unknown_parts_are_left_out():
    # Without the salary 2 of 3, and of the first two parts 1.1 of 2.
    assert index(tenure_days=1_826, products_held=3, income_months_12m=0, churn=0.1, kind="company") == pytest.approx(66.6667, abs=1e-3)
    assert index(tenure_days=1_826, products_held=3) == pytest.approx(55)


def test_one_part_alone_or_none_is_no_index():
    assert np.isnan(index(tenure_days=1_826))
    assert np.isnan(loyalty(pa.table({"client_id": ["A"]})).index[0])


def test_weights_are_the_bank_s():
    table = pa.table({"tenure_days": [3_652], "products_held": [0], "churn": [0.5]})

    assert loyalty(table, Measures(weights={"tenure": 2, "products": 1, "income": 1, "remaining": 0})).index[0] == pytest.approx(200 / 3)
    assert np.isnan(loyalty(table, Measures(weights=dict.fromkeys(("tenure", "products", "income", "remaining"), 0))).index[0])
    assert loyalty(table, Measures(full_tenure_days=7_304)).index[0] == pytest.approx(100 / 3)


KNOWN = {"tenure_days": st.integers(0, 20_000), "products_held": st.integers(0, 12), "income_months_12m": st.integers(0, 12), "churn": st.floats(0, 1)}


@settings(deadline=None)
@given(st.fixed_dictionaries(KNOWN), st.sampled_from(sorted(KNOWN)), st.integers(1, 500))
def test_more_never_makes_less_loyal_and_likelier_to_leave_never_more(client, name, more):
    better = {**client, name: client[name] * 0.5 if name == "churn" else client[name] + more}

    assert 0 <= index(**client) <= 100
    assert index(**better) >= index(**client) - 1e-9


def test_the_roll_keeps_an_index_and_ten_months_of_twelve_for_clients_alone():
    table = pa.table(
        {
            "client_id": ["a", "b", "c", "d"], "status": ["active", "active", "prospect", "active"], "tenure_days": [1_826, 3_652, 9, 100], "products_held": [3, 5, 0, 1],
            "active_months_12m": [10, 9, 12, None],
        }
    )  # fmt: skip

    kept = attached(table, Measures()).to_pylist()

    assert [row["loyalty_index"] for row in kept] == [55.0, 100.0, None, 11.4]
    assert [row["is_regular"] for row in kept] == [True, False, None, None]


CLIENT = {"worst_days_late_365d": 0, "late_instalments_365d": 0, "on_time_share_365d": 1.0, "rejected_debits_365d": 0, "overdraft_beyond_limit_months_6m": 0}


@pytest.mark.parametrize(
    ("found", "grade"),
    [
        ({}, "a"), ({"late_instalments_365d": 1}, "b"), ({"rejected_debits_365d": 1}, "b"), ({"on_time_share_365d": 0.79}, "c"), ({"overdraft_beyond_limit_months_6m": 3}, "c"),
        ({"worst_days_late_365d": 30}, "a"), ({"worst_days_late_365d": 31}, "d"), ({"worst_days_late_365d": 91}, "e"), ({"rejected_debits_365d": 12}, "d"),
    ],
)  # fmt: skip
def test_grades_agree_with_their_bounds(found, grade):
    assert evidence({**CLIENT, **found}).grade == grade


def test_the_evidence_names_what_was_found_and_what_is_not_known():
    found = evidence({"worst_days_late_365d": 45, "rejected_debits_365d": 20})

    assert found.grade == "d"
    assert [(test.attribute, value) for test, value in found.facts] == [("worst_days_late_365d", 45), ("rejected_debits_365d", 20)]
    assert found.unknown == ("late_instalments_365d", "on_time_share_365d", "overdraft_beyond_limit_months_6m")
    assert evidence({}).grade == "none"
    assert evidence(CLIENT).facts == ()


PAYERS = st.fixed_dictionaries(
    {name: st.one_of(st.none(), st.integers(0, 120)) for name in MEASURES if name != "on_time_share_365d"}
    | {"on_time_share_365d": st.one_of(st.none(), st.floats(0, 1))}
)


@settings(deadline=None)
@given(PAYERS, st.sampled_from(MEASURES), st.integers(1, 60))
def test_paying_later_never_improves_the_grade(client, name, more):
    order = ["none", "a", "b", "c", "d", "e"]
    if client[name] is not None:
        worse = {**client, name: client[name] * 0.5 if name == "on_time_share_365d" else client[name] + more}
        assert order.index(evidence(worse).grade) >= order.index(evidence(client).grade)


@settings(deadline=None, max_examples=15)
@given(st.lists(PAYERS, min_size=1, max_size=20))
def test_one_client_s_evidence_agrees_with_the_whole_book(clients):
    table = pa.table({name: pa.array([client[name] for client in clients], pa.float64()) for name in MEASURES})

    assert first_of(table, [(segment.code, segment.when) for segment in PAYER.segments]) == [evidence(client).grade for client in clients]
