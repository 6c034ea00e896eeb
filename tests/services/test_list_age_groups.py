"""A list compared across age groups: outcomes by the age of the draw, intervals, and p-values for several comparisons."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bankseg.services.list_age_groups import age_groups_page
from bankseg.services.list_builder import members_path
from bankseg.storage.database import reading
from tests.services.test_client_lists import SAVINGS, Desk

LATER = date(2026, 4, 30)
IN_TIME, YOUNG, OLD = 30, 30, 70


@pytest.fixture
def told(tmp_path: Path):
    """Four hundred clients of two ages, half held out; a quarter of the treated young bought, and as many old of either arm; C0000 to C0009 have no age."""
    desk = Desk(tmp_path)
    ages = {f"C{place:04}": None if place < 10 else YOUNG if place % 2 else OLD for place in range(400)}
    desk.run({client: {"age_years": age} for client, age in ages.items()})
    number = desk.released(replace(SAVINGS, control_share=5_000))
    arms = {row["client_id"]: row["arm"] for row in pq.read_table(members_path(desk.settings, number)).to_pylist()}
    groups = {
        (arm, age): sorted(client for client in arms if arms[client] == arm and ages[client] == age) for arm in ("treated", "control") for age in (YOUNG, OLD)
    }
    bought = [*groups["treated", YOUNG][:25], *groups["treated", OLD][:10], *groups["control", OLD][:10]]
    changes = {client: {"days_since_opening_savings": IN_TIME if client in bought else None, "age_years": YOUNG} for client in arms}
    desk.run(changes, as_of=LATER)
    return desk, number, {key: len(clients) for key, clients in groups.items()}


def test_each_group_has_its_outcomes_by_the_age_of_the_draw(told) -> None:
    desk, number, sizes = told
    with reading(desk.engine) as session:
        groups = {group.band: group for group in age_groups_page(desk.settings, session, desk.mark, number).groups}

    assert list(groups) == ["25-34", "65-74", ""]
    young, old = groups["25-34"], groups["65-74"]
    assert (young.treated.outcomes, young.control.outcomes) == (25, 0)
    assert (old.treated.outcomes, old.control.outcomes) == (10, 10)
    assert {("treated", YOUNG): young.treated.clients, ("control", OLD): old.control.clients}.items() <= sizes.items()
    assert sum(group.treated.clients + group.control.clients for group in groups.values()) == 400
    assert young.difference.value == pytest.approx(25 / sizes["treated", YOUNG])


def test_a_difference_is_sure_only_after_the_comparisons_are_counted(told) -> None:
    desk, number, _ = told
    with reading(desk.engine) as session:
        groups = {group.band: group for group in age_groups_page(desk.settings, session, desk.mark, number).groups}

    young, old, unknown = groups["25-34"], groups["65-74"], groups[""]
    assert young.adjusted_p == pytest.approx(min(2 * young.p_value, 1.0))
    assert old.adjusted_p == pytest.approx(old.p_value)
    assert (young.is_sure, old.is_sure) == (True, False)
    assert (unknown.difference, unknown.p_value, unknown.is_sure) == (None, None, False)
    assert unknown.treated.clients + unknown.control.clients == 10


def test_before_the_window_is_over_no_group_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.run({f"C{place:04}": {} for place in range(80)})
    number = desk.released(replace(SAVINGS, control_share=5_000))

    with reading(desk.engine) as session:
        page = age_groups_page(desk.settings, session, desk.mark, number)

    assert (page.results.state, page.groups) == ("not_matured", [])
