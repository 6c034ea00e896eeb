from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError
from bankseg.lake.analysis import Analysis
from bankseg.segments.pmg import CODES, classes, lorenz, pmg

VALUES = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=60).map(lambda values: np.array(values, dtype=np.int64))
SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)


def letters(text):
    return [{"G": "large", "M": "medium", "P": "small"}[letter] for letter in text]


def test_classes_agree_with_a_hand_count():
    # Positive total 200: 100 is half (60 + 40), 160 four fifths (60 + 40 + 35 + 30).
    assert classes(np.array([30, 60, -500, 35, 40, 20, 15, 0])).tolist() == letters("MGPMGPPP")


def test_one_client_who_holds_half_alone_is_the_only_large_one():
    assert classes(np.array([10, 100, 20])).tolist() == letters("PGM")


def test_without_positive_contribution_nobody_is_large():
    assert classes(np.array([0, -5])).tolist() == letters("PP")
    assert classes(np.array([], dtype=np.int64)).tolist() == []
    assert classes(np.array([5, 3]), large=0, medium=0).tolist() == letters("PP")
    assert classes(np.array([5, 3, -1]), large=1, medium=1).tolist() == letters("GGP")


@settings(deadline=None)
@given(VALUES, SHARES)
def test_large_is_the_smallest_set_that_reaches_the_share_and_order_is_kept(values, shares):
    found = classes(values, large=shares[0], medium=shares[1])
    total = int(np.maximum(values, 0).sum())
    held = {code: int(np.maximum(values[found == code], 0).sum()) for code in CODES}

    if total:
        assert held["large"] >= shares[0] * total * (1 - 1e-12)
        if (found == "large").any():
            assert held["large"] - values[found == "large"].min() < shares[0] * total * (1 + 1e-12)
        assert held["large"] + held["medium"] >= shares[1] * total * (1 - 1e-12)
    order = {"large": 2, "medium": 1, "small": 0}
    ranked = [order[code] for code in found[np.argsort(-values, kind="stable")]]
    assert ranked == sorted(ranked, reverse=True)


@settings(deadline=None)
@given(VALUES, st.integers(1, 1_000))
def test_money_s_unit_does_not_matter(values, factor):
    assert classes(values * factor).tolist() == classes(values).tolist()


@settings(deadline=None)
@given(VALUES)
def test_the_curve_rises_bends_down_and_ends_whole(values):
    curve = lorenz(values, points=11)
    steps = np.diff(curve.value)

    assert (curve.value[0], curve.value[-1]) == (0, pytest.approx(1))
    assert np.all(steps >= -1e-12)
    assert np.all(np.array(curve.value) >= np.array(curve.clients) - 1e-9)
    assert -1e-9 <= curve.gini < 1


def test_the_gini_agrees_with_a_hand_count():
    # One of four holds all: area under the curve from the largest 7/8, so 2 x 0.875 - 1.
    assert lorenz(np.array([9, 0, 0, 0])).gini == pytest.approx(0.75)
    assert lorenz(np.array([5, 5, 5])).gini == pytest.approx(0)
    assert lorenz(np.array([-5, 0])).gini == 0


def test_kinds_are_cut_apart_and_unknown_contributions_have_no_class():
    values = np.array([100.0, 10.0, 5.0, 1.0, np.nan])

    found, told = pmg(values, ["company", "individual", "individual", "individual", "individual"])

    assert found.tolist() == [*letters("GGMP"), None]
    assert [(entry.kind, entry.unknown) for entry in told] == [("company", 0), ("individual", 1)]
    individuals = {band.code: band for band in told[1].bands}
    assert (individuals["large"].clients, individuals["large"].value_minor, individuals["large"].least_minor) == (1, 10, 10)
    assert individuals["large"].value_share == pytest.approx(10 / 16)
    assert sum(band.client_share for band in told[1].bands) == pytest.approx(1)
    assert told[0].bands[1].least_minor is None


@pytest.mark.parametrize("shares", [(0.8, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_cut_offs_in_disorder_are_refused(shares):
    with pytest.raises(InputError, match="cut-offs"):
        classes(np.array([1]), large=shares[0], medium=shares[1])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["individual", "company"]), st.one_of(st.none(), st.integers(-100, 100))), min_size=1, max_size=30))
def test_the_roll_holds_the_same_classes(clients):
    kinds, values = zip(*clients, strict=True)
    ids = [f"C{number:03d}" for number in range(len(clients))]
    segmented = pa.table(
        {
            "client_id": ids,
            "kind": kinds,
            "value_12m_minor": pa.array(values, pa.int64()),
            **dict.fromkeys(("churn_reasons", "best_reasons", "propensities"), ids),
        }
    )

    with Analysis(threads=1) as analysis:
        analysis.register("segmented", segmented)
        analysis.register("beside", pa.table({"client_id": ids}))
        analysis.register("described", pa.table({"client_id": ids}))
        analysis.register("attached", pa.table({"client_id": ids, "loyalty_index": pa.nulls(len(ids), pa.float64())}))
        rows = analysis.arrow(files("bankseg.segments").joinpath("roll.sql").read_text(encoding="utf-8"))

    assert rows.column("pmg").to_pylist() == pmg(np.array([np.nan if value is None else value for value in values], dtype=np.float64), kinds)[0].tolist()


def test_a_narrower_reader_is_told_of_its_own_clients_cut_where_the_whole_bank_is():
    values, kinds = np.array([50.0, 30.0, 15.0, 5.0, np.nan]), ["individual"] * 5

    told = pmg(values, kinds, visible=np.array([False, True, False, True, True]))[1][0]

    assert {band.code: (band.clients, band.value_minor) for band in told.bands} == {"large": (0, 0), "medium": (1, 30), "small": (1, 5)}
    assert told.unknown == 1
    assert told.curve.value[-1] == 1.0
