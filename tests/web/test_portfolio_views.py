"""The portfolio: more conditions, chosen columns, saved views, moves since the run before, deposits at risk, what changed since one looked."""

import pytest
from sqlalchemy import Engine

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.services import portfolio, saved_views
from bankseg.services.portfolio_overview import portfolio_overview
from bankseg.services.what_changed import mark_seen, what_changed
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.portfolio import PortfolioFilter
from bankseg.storage.run import PORTFOLIO, CurrentRun
from tests.web import builders
from tests.web.conftest import Browsers, token_of

RITA, BEA = Scope(5, Role.RISK_OFFICER), Scope(3, Role.BRANCH_HEAD, branch_id="B1")


@pytest.fixture
def alice(engine: Engine) -> Scope:
    with transaction(engine) as session:
        row = Person(login="alice", display_name="Alice Martin", role=Role.RELATIONSHIP_MANAGER, rm_id="RM1", password_hash="x")
        session.add(row)
        session.flush()
        return row.scope


def publish_earlier(engine: Engine) -> None:
    """A run half a year before: C1 was platinum then, C2 under no review and bronze, C3 is not there."""
    with transaction(engine) as session:
        shown = session.get_one(CurrentRun, PORTFOLIO).run_id
        before = builders.a_run(session, key="run:2025-06-30", as_of="2025-06-30")
        builders.a_client(session, before, "C1", tier="platinum", churn=0.20)
        builders.a_client(session, before, "C2", tier="bronze", churn=0.04)
        session.get_one(CurrentRun, PORTFOLIO).run_id = shown


def found(engine: Engine, scope: Scope, **conditions) -> tuple[list[str], int]:
    with reading(engine) as session:
        page = portfolio.portfolio_page(session, scope, PortfolioFilter(**conditions), sort="client")
    return [row["client_id"] for row in page.rows], page.total


def test_the_list_narrows_by_branch_holder_risk_and_balance(engine: Engine) -> None:
    assert found(engine, RITA, branch="B2") == (["C3"], 1)
    assert found(engine, BEA, rm="RM1") == (["C1", "C2"], 2)
    assert found(engine, RITA, in_risk=True) == (["C2"], 1)
    assert found(engine, RITA, balance_at_least_minor=1_234_567) == (["C1", "C2", "C3"], 3)  # C4 has no known balance
    assert found(engine, RITA, balance_at_least_minor=1_234_568) == ([], 0)
    assert found(engine, RITA, balance_at_most_minor=1_234_567, tier="silver") == (["C2"], 1)


def test_a_role_chooses_among_those_it_may_see(engine: Engine) -> None:
    with reading(engine) as session:
        assert portfolio.portfolio_page(session, RITA, PortfolioFilter()).choices["branch"] == ["B1", "B2"]
        assert portfolio.portfolio_page(session, BEA, PortfolioFilter()).choices["rm"] == ["RM1"]
        assert "branch" not in portfolio.portfolio_page(session, BEA, PortfolioFilter()).choices


@pytest.mark.parametrize("conditions", [{"in_risk": True}, {"balance_at_least_minor": 1}, {"balance_at_most_minor": 1}])
def test_a_marketer_cannot_narrow_by_what_they_may_not_see(engine: Engine, conditions: dict) -> None:
    with pytest.raises(InputError):
        found(engine, Scope(4, Role.MARKETER), **conditions)


def test_deposits_at_risk_are_the_sum_of_balance_times_churn(engine: Engine, alice: Scope) -> None:
    with reading(engine) as session:
        page = portfolio_overview(session, alice)

    # C1: 12,345.67 x 0.31 = 3,827.1577; C2: 12,345.67 x 0.05 = 617.2835; each to the cent.
    assert {row["tier"]: row["at_risk_minor"] for row in page.tiers} == {"gold": 382_716, "silver": 61_728}
    assert page.totals == [{"currency": "EUR", "clients": 2, "scored": 2, "value_12m_minor": 91_200, "balance_minor": 2_469_134, "at_risk_minor": 444_444}]
    assert page.moves is None


def test_moves_are_counted_from_the_run_before(engine: Engine, alice: Scope) -> None:
    publish_earlier(engine)

    with reading(engine) as session:
        moves = portfolio_overview(session, alice).moves
        whole = portfolio.portfolio_page(session, alice, PortfolioFilter())

    assert moves is not None
    assert (moves.since, moves.rose, moves.slid) == ("2025-06-30", 1, 1)
    assert moves.counts == {("platinum", "gold"): 1, ("bronze", "silver"): 1}
    assert {number: row["tier"] for number, row in whole.before.items()} == {"C1": "platinum", "C2": "bronze"}


def test_a_client_who_was_not_there_before_moved_from_nowhere(engine: Engine) -> None:
    publish_earlier(engine)

    with reading(engine) as session:
        moves = portfolio_overview(session, Scope(2, Role.RELATIONSHIP_MANAGER, rm_id="RM2")).moves

    assert moves is not None
    assert (moves.counts, moves.rose, moves.slid) == ({(None, "gold"): 1}, 0, 0)


def test_what_changed_is_told_until_it_was_seen(engine: Engine, alice: Scope) -> None:
    with reading(engine) as session:
        assert what_changed(session, alice) is None  # no earlier run
    publish_earlier(engine)

    with reading(engine) as session:
        changed = what_changed(session, alice)
    assert changed is not None
    assert (changed.since, changed.in_risk, changed.slid) == ("2025-06-30", 1, 1)
    assert [row["client_id"] for row in changed.risk_rows] == ["C2"]
    assert [(row["client_id"], row["tier_before"]) for row in changed.slid_rows] == [("C1", "platinum")]

    mark_seen(engine, alice)
    with reading(engine) as session:
        assert what_changed(session, alice) is None


def test_a_view_is_its_owners_and_the_same_name_replaces_it(engine: Engine, alice: Scope) -> None:
    first = saved_views.save(engine, alice, " Gold ", "?tier=gold&after=xyz&col=churn")
    again = saved_views.save(engine, alice, "Gold", "tier=gold&sort=-value")

    assert (first.query, again.query, again.id) == ("tier=gold&col=churn", "tier=gold&sort=-value", first.id)
    stranger = Scope(alice.person_id + 1, Role.RELATIONSHIP_MANAGER, rm_id="RM1")
    with pytest.raises(NotFoundError):
        saved_views.delete(engine, stranger, first.id)
    saved_views.delete(engine, alice, first.id)
    with reading(engine) as session:
        assert saved_views.views_of(session, alice) == []


@pytest.mark.parametrize(("name", "query"), [("", "tier=gold"), ("x" * 61, "tier=gold"), ("long", "q=" + "x" * 1_001)])
def test_a_view_that_does_not_hold_is_refused(engine: Engine, alice: Scope, name: str, query: str) -> None:
    with pytest.raises(InputError):
        saved_views.save(engine, alice, name, query)


def test_columns_are_chosen_in_the_address(browsers: Browsers) -> None:
    page = browsers.of("alice").get("/clients?col=city&col=churn").text

    assert "Lyon" in page
    assert "€12,346" not in page
    assert browsers.of("alice").get("/clients?col=shoe_size").status_code == 400
    assert browsers.of("mark").get("/clients?col=balance").status_code == 400
    for hidden in ("risk=yes", "least=1"):
        assert browsers.of("mark").get(f"/clients?{hidden}").status_code == 400
        assert browsers.of("mark").get(f"/clients/export?{hidden}").status_code == 400


def test_a_view_is_saved_opened_and_deleted_on_the_page(own: Browsers) -> None:
    http = own.of("alice")
    token = token_of(http.get("/clients?tier=gold").text)

    done = http.post("/clients/views", data={"form_token": token, "name": "My gold", "query": "tier=gold"})
    assert done.location == "/clients?tier=gold"
    page = http.get(done.location).text
    assert ">My gold</a>" in page
    number = page.split("/clients/views/")[1].split("/")[0]
    assert "My gold" not in own.of("bea").get("/clients").text
    assert own.of("bea").post(f"/clients/views/{number}/delete", data={"form_token": token_of(own.of("bea").get("/clients?tier=gold").text)}).status_code == 404
    http.post(f"/clients/views/{number}/delete", data={"form_token": token})
    assert "My gold" not in http.get("/clients").text


def test_the_desk_tells_what_changed_and_forgets_it_when_seen(own: Browsers) -> None:
    engine = make_engine(own.settings.store)
    publish_earlier(engine)
    engine.dispose()
    http = own.of("alice")

    page = http.get("/my-day").text
    for shown in ("What changed since 30 Jun 2025", "1 new in risk review", "1 slid to a lower tier"):
        assert shown in page
    assert "▼ down from Platinum" in http.get("/clients").text
    assert "▲ 1 in a better tier" in http.get("/portfolio").text

    http.post("/my-day/seen", data={"form_token": token_of(page)})
    assert "What changed" not in http.get("/my-day").text


def test_the_overview_shows_euros_at_risk(browsers: Browsers) -> None:
    page = browsers.of("alice").get("/portfolio").text

    assert "€4,444" in page
    assert "No earlier run" in page
