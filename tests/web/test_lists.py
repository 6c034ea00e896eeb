"""Lists on each kind of store: order, pages, counts, funnels, exports."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import col, delete

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import cross_sell_list, cursor, portfolio, risk_queue
from bankseg.services.export_list import export_cross_sell, export_portfolio, export_risk
from bankseg.services.segments_overview import segments_overview
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.storage.database import reading, transaction
from bankseg.storage.portfolio import SORTS, PortfolioFilter
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import Run, current
from tests.web import builders

ALICE = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id="B1")
RITA = Scope.of_role(Role.RISK_OFFICER, person_id=5, rm_id=None, branch_id=None)
MARK = Scope.of_role(Role.MARKETER, person_id=4, rm_id=None, branch_id=None)
ADAM = Scope.of_role(Role.ADMINISTRATOR, person_id=8, rm_id=None, branch_id=None)


@pytest.fixture
def crowd(engine: Engine) -> Engine:
    """Forty more clients of Alice, with ties and gaps in every sorted column."""
    with transaction(engine) as session:
        run = current(session)
        assert run is not None
        for number in range(40):
            client = builders.a_client(
                session, run, f"D{number:02d}", churn=None if number % 7 == 0 else (number % 5) / 10, value_12m_minor=None if number % 11 == 0 else (number % 3) * 1000,
                name=None if number % 13 == 0 else f"Name {number % 4}", tier=("gold", "silver", "odd")[number % 3], best_propensity=None if number % 2 else 0.1,
                last_interaction_on=None if number % 6 == 0 else f"2025-0{1 + number % 6}-01",
            )  # fmt: skip
            session.flush()
            builders.a_propensity(session, client, "card", (number % 4) / 10, excluded_by=(None, "consent", None, "risk")[number % 4])
            builders.a_case(session, client, 1 + number % 3, exposure_minor=None if number % 5 == 0 else number % 2)
    return engine


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{key}" for key in SORTS)])
def test_pages_hold_every_client_once_in_one_order(crowd: Engine, sort: str) -> None:
    with reading(crowd) as session:
        whole = [row["client_id"] for row in portfolio.clients_page(session, ALICE, PortfolioFilter(), sort=sort, limit=200).rows]
        seen, after = [], ""
        while True:
            page = portfolio.clients_page(session, ALICE, PortfolioFilter(), sort=sort, after=after, limit=7)
            seen += [row["client_id"] for row in page.rows]
            if page.next_after is None:
                break
            after = page.next_after

    assert seen == whole
    assert sorted(whole) == ["C1", "C2", *(f"D{number:02d}" for number in range(40))]


def test_unknown_values_come_last_whatever_the_direction(crowd: Engine) -> None:
    with reading(crowd) as session:
        for sort in ("churn", "-churn"):
            found = [row["churn"] for row in portfolio.clients_page(session, ALICE, PortfolioFilter(), sort=sort, limit=200).rows]
            known = [value for value in found if value is not None]
            assert found[: len(known)] == sorted(known, reverse=sort.startswith("-"))


def test_a_search_takes_its_text_literally(engine: Engine) -> None:
    with reading(engine) as session:
        found = {
            text: [row["client_id"] for row in portfolio.clients_page(session, RITA, PortfolioFilter(search=text)).rows]
            for text in ("zoé", "ZO", "%", "_", "c3", "client c1")
        }

    assert found["ZO"] == ["C3"]
    assert (found["%"], found["_"], found["c3"], found["client c1"]) == ([], [], ["C3"], ["C1"])


def test_the_call_list_is_by_expected_loss(engine: Engine) -> None:
    with reading(engine) as session:
        day = portfolio.my_day(session, ALICE, portfolio.Worklist(20, 14))

    assert [row["client_id"] for row in day.calls] == ["C1", "C2"]
    assert day.care[0]["clients"] == 2
    assert day.care[0]["balance_minor"] == 2 * 1_234_567
    assert day.tiers == {"gold": 1, "silver": 1}


@pytest.mark.parametrize(("found", "size"), [
    (CrossSellFilter("card"), None), (CrossSellFilter("card", 0.15), None), (CrossSellFilter("card", 0.15, ("gold",)), 3), (CrossSellFilter("card", 0, (), ("grow",)), None),
    (CrossSellFilter("card", 1.0), 1),
])  # fmt: skip
def test_candidates_are_always_the_exported_and_the_removed(crowd: Engine, tmp_path: Path, found: CrossSellFilter, size: int | None) -> None:
    done = export_cross_sell(crowd, MARK, found, tmp_path / "list.csv", size=size)

    rows = list(csv.DictReader((tmp_path / "list.csv").read_text(encoding="utf-8").splitlines()))
    assert done.candidates == 40
    assert done.candidates == done.rows + sum(done.removed.values())
    assert len(rows) == done.rows
    assert size is None or len(rows) <= size


def test_each_candidate_is_removed_by_one_cause_in_a_fixed_order(crowd: Engine) -> None:
    with reading(crowd) as session:
        counted = cross_sell_list.funnel(session, MARK, CrossSellFilter("card", 0.15, ("gold",)), 2)

    gold = [number for number in range(40) if number % 3 == 0]
    likely = [number for number in gold if (number % 4) / 10 >= 0.15]
    assert counted.removed == {
        "other_tier": 40 - len(gold), "below_probability": len(gold) - len(likely), "risk": sum(number % 4 == 3 for number in likely),
        "beyond_size": sum(number % 4 == 2 for number in likely) - 2,
    }  # fmt: skip
    assert list(counted.removed) == ["other_tier", "below_probability", "risk", "beyond_size"]
    assert counted.kept == 2


def test_the_pages_of_a_list_end_at_its_size(crowd: Engine) -> None:
    found, seen, after = CrossSellFilter("card"), [], ""
    with reading(crowd) as session:
        whole = [row["client_id"] for row in cross_sell_list.cross_sell_page(session, MARK, found, limit=200).rows]
        while True:
            page = cross_sell_list.cross_sell_page(session, MARK, found, size=17, after=after, limit=5)
            seen += [row["client_id"] for row in page.rows]
            if page.next_after is None:
                break
            after = page.next_after

    assert seen == whole[:17]


def test_the_risk_queue_is_by_severity_then_exposure_and_pages_hold_all(crowd: Engine) -> None:
    seen, after = [], ""
    with reading(crowd) as session:
        while True:
            page = risk_queue.risk_queue_page(session, RITA, after=after, limit=9)
            seen += [(-row["severity"], -(row["exposure_minor"] or 0), row["client_id"]) for row in page.rows]
            if page.next_after is None:
                break
            after = page.next_after

    assert seen == sorted(seen)
    assert len(seen) == 42
    assert sum(page.counts.values()) == 42


def test_segments_add_up_to_the_scope(crowd: Engine) -> None:
    with reading(crowd) as session:
        mine, all_of_it = segments_overview(session, ALICE), segments_overview(session, RITA)

    assert (mine.total, all_of_it.total) == (42, 44)
    assert sum(segment.clients for segment in all_of_it.segments) == 44
    assert sum(all_of_it.tier_total(tier) for tier in all_of_it.tiers) == 44


def test_readers_see_one_run_even_when_the_pointer_moves_while_they_read(engine: Engine) -> None:
    with reading(engine) as session:
        before = portfolio.portfolio_page(session, RITA, PortfolioFilter())
        assert before.total == 4
    with transaction(engine) as session:
        run = builders.a_run(session, key="run:next", as_of="2026-01-31")
        builders.a_client(session, run, "C9")
    with reading(engine) as session:
        after = portfolio.portfolio_page(session, RITA, PortfolioFilter())

    assert [row["client_id"] for row in after.rows] == ["C9"]
    assert (after.stamp.run_id, after.stamp.as_of.isoformat()) == (before.stamp.run_id + 1, "2026-01-31")


def test_a_run_that_is_not_published_shows_to_nobody(engine: Engine) -> None:
    with transaction(engine) as session:
        run = builders.a_run(session, key="run:staged", state="running", published_at=None)
        builders.a_client(session, run, "C9")

    with reading(engine) as session:
        assert portfolio.portfolio_page(session, RITA, PortfolioFilter()).total == 4


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "parquet"])
def test_an_export_holds_the_filtered_set_of_the_scope(engine: Engine, tmp_path: Path, file_format: str) -> None:
    assert export_portfolio(engine, ALICE, PortfolioFilter(tier="gold"), tmp_path / "list", file_format=file_format).rows == 1
    assert export_portfolio(engine, RITA, PortfolioFilter(), tmp_path / "list", file_format=file_format).rows == 4
    assert export_risk(engine, ALICE, tmp_path / "list", file_format=file_format).rows == 1


def test_a_marketers_file_lacks_the_columns_of_credit_and_balance(engine: Engine, tmp_path: Path) -> None:
    export_portfolio(engine, MARK, PortfolioFilter(), tmp_path / "list.csv")

    header = (tmp_path / "list.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert {"balance", "risk_band", "is_high_risk", "expected_loss", "segment_reason"}.isdisjoint(header)
    assert {"run_id", "as_of", "client_id", "tier", "churn"} <= set(header)


def test_who_may_not_see_a_list_may_not_export_it(engine: Engine, tmp_path: Path) -> None:
    for refused in (
        lambda: export_risk(engine, MARK, tmp_path / "list.csv"),
        lambda: export_portfolio(engine, ADAM, PortfolioFilter(), tmp_path / "list.csv"),
        lambda: export_cross_sell(engine, ADAM, CrossSellFilter("card"), tmp_path / "list.csv"),
    ):
        with pytest.raises(NotFoundError):
            refused()
    assert list(tmp_path.glob("*.csv")) == []


def test_no_export_without_its_record(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("audit is away")

    monkeypatch.setattr("bankseg.storage.audit.record", fail)

    with pytest.raises(RuntimeError):
        export_portfolio(engine, ALICE, PortfolioFilter(), tmp_path / "list.csv")
    assert not (tmp_path / "list.csv").exists()


def test_an_empty_bank_is_a_page_with_nobody_on_it(engine: Engine) -> None:
    with transaction(engine) as session:
        session.exec(delete(PublishedClient).where(col(PublishedClient.run_id) == 1))
        assert session.get(Run, 1) is not None

    with reading(engine) as session:
        page = portfolio.portfolio_page(session, RITA, PortfolioFilter())
    assert (page.rows, page.total, page.next_after) == ([], 0, None)


@given(st.text(max_size=300))
def test_a_forged_position_is_refused_and_never_read(text: str) -> None:
    with pytest.raises(InputError):
        cursor.read(text, (str, float, str, int, int))


@given(st.text(max_size=50), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)))
def test_a_position_survives_its_journey(client_id: str, value: str | float | None) -> None:
    assert cursor.read(cursor.write("churn", value, client_id), (str, (str, float, int, type(None)), str)) == ["churn", value, client_id]
