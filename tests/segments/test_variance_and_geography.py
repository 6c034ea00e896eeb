"""What lies between segments, and where there is room among places of a size: by hand."""

import pyarrow as pa
import pytest

from bankseg.segments.geography import Spot, opportunities
from bankseg.segments.variance import parted


def test_the_variance_between_segments_agrees_with_a_hand_count():
    # Tenures 1, 2 | 5, 6: mean 3.5, between 2*(1.5-3.5)^2 + 2*(5.5-3.5)^2 = 16, within 1, whatever the scale.
    table = pa.table({"tenure_days": [1, 2, 5, 6], "housing_type": ["owner", "tenant", "owner", "owner"], "kind": ["individual"] * 4})

    found = {one.attribute: one for one in parted(table, ["a", "a", "b", "b"], ["tenure_days", "housing_type", "kind"])}

    assert found["tenure_days"].between == pytest.approx(16 / 17)
    assert found["tenure_days"].ratio == pytest.approx(16)
    # Tau: of 1 - (9 + 1) / 16 = 0.375 unlike pairs, (1/2 + 1/2 + 4/2) / 4 - 10/16 = 0.125 lie between.
    assert found["housing_type"].between == pytest.approx(1 / 3)
    assert "kind" not in found  # nobody differs


def test_random_segments_have_next_to_nothing_between_them():
    table = pa.table({"tenure_days": [number * 37 % 1009 for number in range(1000)]})

    assert parted(table, [str(number % 3) for number in range(1000)], ["tenure_days"])[0].between < 0.01


def test_clients_without_a_value_do_not_count():
    known = parted(pa.table({"tenure_days": [1.0, 2.0, 5.0, 6.0]}), ["a", "a", "b", "b"], ["tenure_days"])[0]
    with_unknown = parted(pa.table({"tenure_days": [1.0, 2.0, 5.0, 6.0, None]}), ["a", "a", "b", "b", "b"], ["tenure_days"])[0]

    assert with_unknown.between == pytest.approx(known.between)


def spot(code: str, clients: int, mean: float | None, share: float, before: int = 100) -> Spot:
    return Spot(code, clients, before, clients, None if mean is None else round(mean * clients), {"savings": share, "card": 0.5})


def test_a_place_is_held_against_the_best_quarter_of_its_size():
    small = [spot(f"s{number}", 100 + number, 10.0 * number, 0.1) for number in range(4)]
    middle = [spot(f"m{number}", 300 + number, 100.0, 0.2) for number in range(4)]
    large = [spot(f"l{number}", 900 + number, 1000.0, 0.1 * (number + 1)) for number in range(4)]

    found = {one.code: one for one in opportunities([*large, *small, *middle])}

    # Means 0, 10, 20, 30 have their third quartile at 22.5; s0 lacks 22.5 on 100 clients.
    assert found["s0"].value_minor == 2250
    assert found["s3"].value_minor == 0
    assert found["m0"].value_minor == 0
    # Shares 0.1 to 0.4 have it at 0.325: l0 lacks 0.225 on 900 clients.
    assert (found["l0"].product, found["l0"].contracts) == ("savings", 202)
    assert found["l3"].product is None
    assert found["s0"].compared_with == 4


def test_too_few_places_or_no_value_are_no_opportunity():
    assert opportunities([spot("a", 10, 1.0, 0.1), spot("b", 20, 2.0, 0.2)])[0].value_minor is None
    assert opportunities([spot(name, 10, None, 0.1) for name in "abcd"])[0].value_minor is None


def test_growth_of_a_place_without_clients_a_year_before_is_not_known():
    assert spot("a", 110, 1.0, 0.1).growth == pytest.approx(0.1)
    assert spot("a", 110, 1.0, 0.1, before=0).growth is None
