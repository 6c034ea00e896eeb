"""Product fit: hand-counted holdings, propensities, complaints and answers of two segments, and what too few clients tell."""

from dataclasses import replace

import pytest

from bankseg.services.scheme_pictures.product_fit import FitRow, _fit, _widest, against


def row(**changes):
    return {"holders": 30, "scored": 70, "wanted": 0.45, "complained": 0.1, "answered": 20, "satisfaction": 7.5} | changes


def held_against(changes, base):
    fits = [FitRow(code, 100, [_fit("savings", 100, row(**one), 20)]) for code, one in (("a", changes), ("", base))]
    return against(*fits)


def test_a_gap_is_what_is_wanted_less_what_is_held_as_multiples_of_the_whole_base():
    fit = held_against({"holders": 30, "wanted": 0.45}, {"holders": 60, "wanted": 0.30}).fits[0]

    assert (fit.share, fit.wanted, fit.complained, fit.answered, fit.satisfaction) == (0.3, 0.45, 0.1, 20, 7.5)
    assert (fit.held_index, fit.wanted_index, fit.gap) == (pytest.approx(0.5), pytest.approx(1.5), pytest.approx(1.0))


def test_a_product_nobody_holds_or_wants_has_no_gap():
    assert held_against({}, {"holders": 0}).fits[0].gap is None
    assert held_against({}, {"wanted": None}).fits[0].gap is None


def test_groups_below_the_smallest_tell_their_number_and_no_mean():
    fit = _fit("savings", 100, row(holders=19, answered=19), 20)
    small = _fit("savings", 19, row(scored=19), 20)

    assert (fit.holders, fit.complained, fit.answered, fit.satisfaction) == (19, None, 19, None)
    assert (small.holders, small.share, small.wanted, small.gap) == (30, None, None, None)


def test_what_the_run_does_not_know_is_no_data():
    fit = _fit("savings", 100, row(scored=None, wanted=None, complained=None, answered=None, satisfaction=None), 20)

    assert (fit.wanted, fit.gap, fit.complained, fit.answered, fit.satisfaction) == (None, None, None, None, None)


def test_the_widest_gaps_come_first():
    base = {"holders": 60, "wanted": 0.3}
    rows = [replace(held_against({"wanted": wanted}, base), code=code) for code, wanted in (("a", 0.45), ("b", 0.9))]

    assert [one.code for one in _widest(rows)] == ["b", "a"]
