"""The demo world keeps its own books straight."""

from collections.abc import Iterator

import numpy as np
import pytest

from bankseg.demo.calendar import Month, months_until, window_weights
from bankseg.demo.clients import make_clients
from bankseg.demo.postings import TYPES
from bankseg.demo.products import DEPOSITS
from bankseg.demo.truth import TARGETS
from bankseg.demo.world import MonthRecord, World
from tests.demo.conftest import LAST

MONTHS = months_until(LAST, 14)


@pytest.fixture(scope="module")
def lived() -> tuple[World, list[MonthRecord]]:
    rng = np.random.default_rng(11)
    world = World(rng, make_clients(rng, 1, 1500, MONTHS, 8), MONTHS)
    return world, list(world.live())


def ledger(world: World, records: list[MonthRecord]) -> Iterator[tuple[np.ndarray, np.ndarray, MonthRecord]]:
    """Balance by contract row before and after each month."""
    rows = len(world.book.contracts.closed)
    before = np.full(rows, np.iinfo(np.int64).min)
    for record in records:
        after = np.full(rows, np.iinfo(np.int64).min)
        after[record.balances["row"]] = record.balances["balance"]
        yield before, after, record
        before = after


def test_deposit_balances_move_by_their_movements_to_the_cent(lived: tuple[World, list[MonthRecord]]) -> None:
    world, records = lived
    product = world.book.contracts.column("product")
    checked = 0
    for before, after, record in ledger(world, records):
        known = (before > -(10**15)) & (after > -(10**15)) & np.isin(product, DEPOSITS)
        moved = np.bincount(record.movements["row"], weights=record.movements["amount"], minlength=len(product))
        assert np.array_equal(after[known] - before[known], moved[known].astype(np.int64))
        checked += int(known.sum())
    assert checked > 10_000


def test_no_movement_falls_outside_its_contracts_life(lived: tuple[World, list[MonthRecord]]) -> None:
    world, records = lived
    opened, closed = world.book.contracts.column("opened"), world.book.contracts.closed
    for record in records:
        row, day = record.movements["row"], record.movements["day"]
        assert (row >= 0).all()
        assert (day >= opened[row]).all()
        assert ((closed[row] < 0) | (day <= closed[row])).all()
        assert ((day >= record.month.first) & (day <= record.month.last)).all()


def test_a_client_holds_a_product_once_at_a_time(lived: tuple[World, list[MonthRecord]]) -> None:
    contracts = lived[0].book.contracts
    owner = contracts.column("client") * 100 + contracts.column("product")
    order = np.lexsort((contracts.column("opened"), owner))
    same = owner[order][1:] == owner[order][:-1]

    assert (contracts.closed[order][:-1][same] >= 0).all()
    assert (contracts.column("opened")[order][1:][same] >= contracts.closed[order][:-1][same]).all()


def test_salaries_and_pensions_are_credits_of_private_clients(lived: tuple[World, list[MonthRecord]]) -> None:
    world, records = lived
    for record in records:
        pay = np.isin(record.movements["type"], [TYPES.index("salary"), TYPES.index("pension")])
        assert (record.movements["amount"][pay] > 0).all()
        assert world.book.clients.is_person[record.movements["client"][pay]].all()


def test_prospects_have_no_contract(lived: tuple[World, list[MonthRecord]]) -> None:
    world, _ = lived

    assert not world.book.clients.is_prospect[world.book.contracts.column("client")].any()
    assert world.book.clients.is_prospect.any()


def test_planted_probabilities_are_probabilities_and_zero_for_what_is_held(lived: tuple[World, list[MonthRecord]]) -> None:
    world, records = lived
    truth = records[-1].truth
    for name in TARGETS:
        assert ((truth[name] >= 0) & (truth[name] <= 1)).all()
    holds = world.book.holds(1)[truth["client"]]
    assert (truth["cross_sell:savings"][holds] == 0).all()
    assert (truth["cross_sell:savings"][~holds] > 0).any()


def test_the_outcome_window_is_ninety_days_however_long_the_months() -> None:
    for month in (Month(2024, 1), Month(2025, 1), Month(2025, 8), Month(2025, 12)):
        weights = window_weights(month)
        days = sum(weight * month.later(ahead).days for ahead, weight in enumerate(weights, start=1))
        assert days == pytest.approx(90)
        assert weights[0] == pytest.approx((month.later(1).days - 7) / month.later(1).days)
