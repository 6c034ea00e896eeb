"""Strategy sheets as data: read, refused in words, and held against a figure."""

from datetime import date

import pytest

from bankseg.domain.errors import InputError
from bankseg.domain.strategy_sheets import Sheet, read_sheet

DOCUMENT = {"needs_en": "Advice", "needs_fr": "", "measure": "mean_churn", "target": "0,02", "target_on": "2026-06-30", "owner": "marketing"}


def test_a_sheet_comes_back_as_it_was_written():
    sheet = read_sheet(DOCUMENT)

    assert (sheet.target, sheet.target_on) == (0.02, date(2026, 6, 30))
    assert read_sheet(sheet.document()) == sheet
    assert (sheet.said("needs", "fr"), sheet.said("needs", "en"), sheet.said("proof", "en")) == ("Advice", "Advice", "")


@pytest.mark.parametrize(
    ("measure", "target", "actual", "reached"),
    [("mean_churn", 0.02, 0.01, True), ("mean_churn", 0.02, 0.03, False), ("clients", 100.0, 100, True), ("clients", 100.0, 99, False), ("clients", 100.0, None, None), (None, None, 5, None)],
)  # fmt: skip
def test_a_target_is_reached_from_its_own_side(measure, target, actual, reached):
    assert Sheet(measure=measure, target=target).is_reached(actual) is reached


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"needs": "x"}, "with needs"), ({"measure": "joy"}, "'joy'"), ({"measure": ""}, "without a measure"), ({"target": ""}, "without a target"), ({"target": "lots"}, "'lots'"), ({"target": "1e99"}, "below 1e15"), ({"review_on": "soon"}, "'soon'"), ({"owner": "x" * 2001}, "2001")],
)  # fmt: skip
def test_a_slip_is_told(changes, told):
    with pytest.raises(InputError, match=told):
        read_sheet({**DOCUMENT, **changes})
