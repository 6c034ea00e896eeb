"""What the cross-sell page says of a run's proposals."""

from sqlmodel import select

from bankseg.services.proposals import STAGES
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.run import Run
from bankseg.web import i18n
from tests.web.conftest import Browsers

LEFT = {"grow": {"consent": 12, "likelihood": 1_345}, "protect": {"suitability": 3}}
RANKING = {
    "origin": "2025-08-31",
    "buyers": 1_210,
    "by_propensity": {"map": {"3": {"value": 0.643, "low": 0.622, "high": 0.664}}},
    "by_popularity": {"map": {"3": {"value": 0.369, "low": 0.34, "high": 0.39}}},
}


def page_of(own: Browsers, login: str, **summary: object) -> str:
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        run = session.exec(select(Run)).one()
        run.summary = {**run.summary, **summary}
    engine.dispose()
    return own.of(login).get("/cross-sell").text


def test_a_marketer_reads_how_well_products_are_ranked_and_who_is_left_with_nothing(own: Browsers) -> None:
    page = page_of(own, "mark", left_with_nothing=LEFT, product_ranking=RANKING)

    assert "mean average precision of 0.64 (95 %: 0.62 to 0.66); ranking everybody by popularity reaches 0.37" in page
    assert "1,210 clients" in page
    assert page.index("1,357") < page.index(">3<")  # the segment with most clients comes first
    assert "Not suitable" in page
    assert "Not eligible" not in page  # no client was stopped there


def test_figures_of_the_whole_book_are_not_for_those_who_see_a_part_of_it(own: Browsers) -> None:
    page = page_of(own, "alice", left_with_nothing=LEFT, product_ranking=RANKING)

    assert "1,357" not in page
    assert "average precision" not in page


def test_a_run_of_before_says_nothing(own: Browsers) -> None:
    page = own.of("mark").get("/cross-sell").text

    assert "Left with nothing" not in page


def test_a_run_that_could_not_compare_products_still_tells_who_is_left(own: Browsers) -> None:
    page = page_of(own, "mark", left_with_nothing=LEFT, product_ranking={"origin": None, "products": ["savings"], "left_out": []})

    assert "Left with nothing to propose" in page
    assert "average precision" not in page


def test_every_stage_has_a_label() -> None:
    assert [stage for stage in STAGES if not i18n.has_label("left", stage)] == []
