"""The second wall alone: every read of clients on PostgreSQL under app_web, with the application's own predicate switched off."""

from collections.abc import Iterator

import pytest
from sqlalchemy import true

from bankseg.settings import Settings
from bankseg.storage import portfolio, published_client, segment_event
from bankseg.web import desk
from tests.postgres import Server
from tests.walled_store import WalledStore, walled_store
from tests.web.conftest import Browsers, furnish, token_of
from tests.web.test_who_may_open_what import HIDDEN_FROM, LISTS, OF_ONE_CLIENT, address, named, reads

pytestmark = pytest.mark.matrix

ROLES = ("alice", "mark", "rita", "adam")  # a portfolio, the book without credit, the whole book, no client


@pytest.fixture(scope="module")
def walled(postgres_server: Server) -> Iterator[WalledStore]:
    """A PostgreSQL store as in production."""
    with walled_store(postgres_server) as store:
        yield store


@pytest.fixture(scope="module")
def behind(walled: WalledStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """The small bank on PostgreSQL, and browsers of its staff on a web that connects as app_web."""
    home = tmp_path_factory.mktemp("walled")
    furnish(walled.engine(), Settings(home=home, store_url=walled.url, development=True))
    browsers = Browsers(Settings(home=home, store_url=walled.url, web_store_url=walled.of("app_web"), development=False))
    yield browsers
    desk.of(browsers.app).engine.dispose()


@pytest.fixture
def without_predicate(behind: Browsers, monkeypatch: pytest.MonkeyPatch) -> Browsers:
    """The same with a predicate that admits everybody: whoever is hidden now is hidden by PostgreSQL."""
    admit_everybody(monkeypatch)
    return behind


def admit_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the application's predicate off."""
    for room in (published_client, portfolio, segment_event):
        monkeypatch.setattr(room, "in_scope", lambda *_: true())


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in reads() if endpoint != "static"])
def test_every_read_answers_the_web_role_as_it_answers_any(behind: Browsers, browsers: Browsers, endpoint: str) -> None:
    for login in ROLES:
        path = address(behind, endpoint)
        assert behind.of(login).get(path, buffered=True).status_code == browsers.of(login).get(path, buffered=True).status_code, login


@pytest.mark.parametrize("endpoint", OF_ONE_CLIENT)
@pytest.mark.parametrize(("login", "client_id"), [("alice", "C3"), ("alice", "C4"), ("bob", "C1"), ("bea", "C3")])
def test_anothers_client_does_not_exist_without_the_predicate(without_predicate: Browsers, endpoint: str, login: str, client_id: str) -> None:
    http = without_predicate.of(login)

    assert http.get(address(without_predicate, endpoint, client_id=client_id)).status_code == 404


@pytest.mark.parametrize("login", HIDDEN_FROM)
def test_no_list_search_or_export_names_a_foreign_client_without_the_predicate(without_predicate: Browsers, login: str) -> None:
    http = without_predicate.of(login)

    answers = {path: http.get(path, buffered=True) for path in LISTS}

    assert {path: named(answer.text, login) for path, answer in answers.items()} == {path: [] for path in LISTS}
    assert "Client" in answers["/clients"].text or login == "bob"


def test_a_count_tells_nothing_of_foreign_clients_without_the_predicate(without_predicate: Browsers) -> None:
    assert "<strong>1</strong> of 1 clients" in without_predicate.of("bob").get("/clients").text
    assert without_predicate.of("bob").get("/api/v1/cross-sell/life_insurance").json["funnel"]["candidates"] == 1


def test_with_neither_wall_the_foreign_client_is_seen(own: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the tests above would prove nothing: on SQLite nothing stands behind the predicate."""
    admit_everybody(monkeypatch)

    assert own.of("alice").get("/clients/C3").status_code == 200


def test_a_proposal_of_moves_is_written_decided_and_taken_away_behind_the_wall(behind: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    head, admin = behind.of("bea"), behind.of("adam")
    made = head.post("/advisers", data={"form_token": token_of(head.get("/advisers").text), "reason": "More room for wealth in the branch"})
    assert made.status_code == 303
    decided = admin.post(made.location, data={"form_token": token_of(admin.get(made.location).text), "decision": "approve", "reason": "Agreed with both"})
    assert decided.status_code == 303

    admit_everybody(monkeypatch)
    file = head.get(f"{made.location}/export?format=csv", buffered=True).text
    assert {line.split(",")[2] for line in file.splitlines()[1:]} == {"C1"}
    assert "C1" not in admin.get(made.location).text
