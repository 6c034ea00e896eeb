import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bankseg.domain.errors import InputError
from bankseg.economics.comparisons import compare_rates, holm, wilson
from bankseg.segments.compare import by_group
from bankseg.segments.overlap import differences, overlap, overlaps

MASKS = st.integers(1, 40).flatmap(lambda n: st.tuples(arrays.arrays(bool, n), arrays.arrays(bool, n)))


def test_overlap_agrees_with_a_hand_count():
    one, other = np.arange(100) < 40, (np.arange(100) >= 30) & (np.arange(100) < 50)

    found = overlap(one, other)

    assert (found.both, found.only_one, found.only_other, found.neither) == (10, 30, 10, 50)
    assert (found.jaccard, found.share_of_one, found.share_of_other) == (0.2, 0.25, 0.5)
    assert found.ratio == pytest.approx(10 / 8)  # unrelated segments of 40 and 20 would share 8


@settings(deadline=None)
@given(MASKS)
def test_parts_make_the_whole_and_turning_round_mirrors(pair):
    one, other = pair
    found, turned = overlap(one, other), overlap(other, one)

    assert found.both + found.only_one + found.only_other + found.neither == len(one)
    assert (turned.both, turned.only_one, turned.jaccard) == (found.both, found.only_other, found.jaccard)
    assert overlap(one, one).jaccard in {1.0, None}
    assert overlap(one, ~one).both == 0


def test_every_pair_is_told_once_and_strangers_are_refused():
    masks = {"a": np.array([True, False]), "b": np.array([True, True]), "c": np.array([False, False])}

    assert list(overlaps(masks)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert overlaps(masks)["a", "c"].share_of_other is None
    with pytest.raises(InputError, match="the same clients"):
        overlap(np.array([True]), np.array([True, False]))


def test_what_tells_two_segments_apart_is_asked_of_those_in_one_alone():
    table = pa.table({"x": [1, 1, 1, 100, 9, 9, 9, 100]})
    one, other = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool), np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=bool)

    found = differences(table, one, other, ["x"])[0]

    assert (found.inside, found.outside) == (1, 9)
    with pytest.raises(InputError):
        differences(table, one, np.ones(8, dtype=bool), ["x"])


def test_groups_agree_with_a_hand_count():
    # Young 30 of 100, old 50 of 250 hold the product; the third group is too small to judge.
    values = np.array([1.0] * 30 + [0.0] * 70 + [1.0] * 50 + [0.0] * 200 + [1.0] * 5 + [np.nan] * 9)
    groups = ["young"] * 100 + ["old"] * 250 + ["few"] * 14

    found = {group.name: group for group in by_group(values, groups)}

    assert found["young"].figure == wilson(30, 100)
    assert found["young"].difference == compare_rates(30, 100, 55, 255)
    raw = [found[name].difference.p_value for name in ("old", "young")]
    assert [found[name].p_value for name in ("old", "young")] == holm(raw)
    assert max(raw) <= found["young"].p_value <= 2 * max(raw)
    assert (found["few"].n, found["few"].p_value, found["few"].differs) == (5, None, False)


def test_amounts_have_student_intervals_and_clients_without_group_are_left_out():
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(0.3, 0.05, 60), rng.normal(0.2, 0.05, 60), [9.0]])

    found = by_group(values, ["a"] * 60 + ["b"] * 60 + [None])

    assert [group.n for group in found] == [60, 60]
    assert all(group.differs for group in found)
    assert found[0].figure.low < 0.3 < found[0].figure.high


def test_one_group_has_nothing_to_differ_from():
    found = by_group(np.array([1.0, 0.0] * 40), ["all"] * 80)

    assert (found[0].p_value, found[0].differs) == (None, False)
    with pytest.raises(InputError):
        by_group(np.array([np.nan]), ["a"])


def test_groups_of_chance_rarely_differ():
    rng = np.random.default_rng(9)

    alarms = sum(any(group.differs for group in by_group((rng.random(800) < 0.2).astype(float), rng.choice(list("abcdef"), 800).tolist())) for _ in range(100))

    assert alarms <= 8
