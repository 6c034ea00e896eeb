"""The page of a list's age groups, and its drawing."""

from bankseg.economics.comparisons import Interval, wilson
from bankseg.services.list_age_groups import AgeGroup
from bankseg.services.list_results import Arm
from bankseg.web.lists.drawing import rate_shapes
from tests.web.conftest import Browsers


def an_arm(name: str, outcomes: int, clients: int) -> Arm:
    return Arm(name, clients, outcomes, clients, clients, wilson(outcomes, clients, 0.95))


def test_a_list_that_has_not_matured_says_until_when(browsers: Browsers) -> None:
    assert "/lists/1/by-age" in browsers.of("mark").get("/lists/1").text
    assert "Not matured yet" in browsers.of("mark").get("/lists/1/by-age").text
    assert browsers.of("mark").get("/api/v1/lists/1/by-age").get_json()["groups"] == []


def test_both_arms_lie_on_one_scale_and_groups_too_small_are_not_drawn() -> None:
    group = AgeGroup("25-34", an_arm("treated", 50, 100), an_arm("control", 25, 100), Interval(0.25, 0.1, 0.4), 0.01)
    small = AgeGroup("35-44", an_arm("treated", 1, 3), an_arm("control", 0, 3), None, None)

    drawing = rate_shapes([group, small])

    assert [band for _, band in drawing.rows] == ["25-34"]
    treated, control = drawing.lines
    assert treated.high == 708  # the largest bound ends the scale: 720 less the gap
    assert control.low < control.at < control.high < treated.at + 1 < treated.high
    assert drawing.ticks[0] == (150, 0)
    assert rate_shapes([small]) is None
