import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError
from bankseg.segments.profile import Trait, sentence, strongest, traits
from tests.segments.people import EVERY, planted

HALF = np.array([True, True, True, False, False, False])


def only(table, members=HALF):
    return {(trait.attribute, trait.level): trait for trait in traits(table, members, table.column_names)}


def test_an_amount_s_effect_agrees_with_a_hand_count():
    # Scaled by (x - 3.5) / 2.5: insiders -1, -0.6, -0.2, outsiders 0.2, 0.6, 1; gap 1.2, pooled deviation 0.4: d = -3.
    found = only(pa.table({"x": [1, 2, 3, 4, 5, 6]}))[("x", None)]

    assert (found.inside, found.outside, found.lift) == (2, 5, None)
    assert found.effect == pytest.approx(-3)
    assert found.size == "large"


def test_a_level_s_lift_and_effect_agree_with_a_hand_count():
    # 2 of 3 against 1 of 3: lift 2, h = 2 asin sqrt(2/3) - 2 asin sqrt(1/3) = 0.6797.
    found = only(pa.table({"t": ["owner", "owner", "tenant", "tenant", "owner", "tenant"]}))[("t", "owner")]

    assert found.lift == pytest.approx(2)
    assert found.effect == pytest.approx(0.679674, abs=1e-5)
    assert found.size == "medium"


def test_how_often_a_value_is_missing_is_a_difference_too():
    found = only(pa.table({"x": [None, None, 1.0, 2.0, 3.0, 4.0]}))

    assert (found[("x", "unknown")].inside, found[("x", "unknown")].outside) == (pytest.approx(2 / 3), 0)
    assert found[("x", "unknown")].lift is None
    assert found[("x", None)].inside == 1


def test_one_large_client_makes_no_trait():
    calm = pa.table({"x": [1, 2, 3, 1, 2, 3]})
    wild = pa.table({"x": [1, 2, 3_000_000, 1, 2, 3]})

    assert only(calm)[("x", None)].effect == 0
    assert abs(only(wild)[("x", None)].effect) < 0.8


def test_what_was_planted_is_told_first_and_noise_not_at_all():
    table, group = planted()

    told = strongest(traits(table, group == 0, EVERY))

    assert told[0].attribute == "deposits_minor"
    assert told[0].effect > 0.8
    assert {trait.attribute for trait in told} == {"deposits_minor", "housing_type", "active_days_365d"} - ({"active_days_365d"} if len(told) == 2 else set())


def test_a_group_and_the_rest_differ_by_the_same_amount_the_other_way():
    table, group = planted(300)
    inside, outside = only(table, group == 1), only(table, group != 1)

    for key, trait in inside.items():
        assert outside[key].effect == pytest.approx(-trait.effect)


@settings(deadline=None)
@given(st.floats(0.001, 1_000), st.integers(0, 50))
def test_the_unit_does_not_change_the_effect(factor, shift):
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, 40)
    members = np.arange(40) < 15

    one = only(pa.table({"x": values}), members)[("x", None)]
    other = only(pa.table({"x": values * factor + shift}), members)[("x", None)]

    assert other.effect == pytest.approx(one.effect, rel=1e-6)


def test_constants_that_differ_differ_without_limit_and_sort_first():
    found = traits(pa.table({"x": [1, 1, 1, 2, 2, 2], "y": [1, 2, 3, 1, 2, 4]}), HALF, ["y", "x"])

    assert found[0].effect == -np.inf
    assert found[0].attribute == "x"


def test_everyone_cannot_be_compared_with_nobody():
    with pytest.raises(InputError, match="a part of the clients"):
        traits(pa.table({"x": [1, 2]}), np.array([True, True]), ["x"])


def test_traits_are_told_in_both_languages():
    money = Trait("deposits_minor", None, 1_240_000.0, 210_000.0, 0.9, None)
    rare = Trait("housing_type", "owner", 0.1, 0.4, -0.7, 0.25)
    missing = Trait("income_minor", "unknown", 0.5, 0.0, 1.5, None)
    labels = {"deposits_minor": ("Deposits", "Dépôts")}

    assert sentence(money, "en", labels, "EUR") == "Deposits: far above the others (€12,400 against €2,100)"
    assert sentence(money, "fr", labels, "EUR") == "Dépôts : très au-dessus des autres (12\u202f400\u00a0€ contre 2\u202f100\u00a0€)"
    assert sentence(rare, "en") == "housing type = owner: 10% against 40%, 4 times less frequent"
    assert sentence(rare, "fr") == "housing type = owner : 10\u00a0% contre 40\u00a0%, 4 fois moins fréquent"
    assert sentence(missing, "fr") == "income minor = non renseigné : 50\u00a0% contre 0\u00a0%"
