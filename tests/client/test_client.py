"""The client against a live service."""

import csv
from pathlib import Path

import pytest

from bankseg.client import ChangedError, ConflictError, NotThereError, RefusedError, Service, UnavailableError, UnknownCallerError
from bankseg.client import service as service_module
from bankseg.settings import Settings
from tests.web.programs import token_for


@pytest.fixture
def of(address: str, home: Path):
    """A client with a person's token."""
    return lambda login, *rights: Service(address, token_for(Settings(home=home), login, *rights))


def test_a_list_is_read_to_its_end_over_its_pages(of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LARGEST_PAGE", 1)

    found = list(of("rita").clients(sort="client"))

    assert [one.client_id for one in found] == ["C1", "C2", "C3", "C4"]
    assert (found[0].churn, found[0].balance_minor, found[3].churn) == (0.31, 1_234_567, None)
    assert found[0].more["city"] == "Lyon"


def test_a_marketer_gets_no_balance(of) -> None:
    assert [one.balance_minor for one in of("mark").clients(tier="silver")] == [None]


def test_whoever_calls_is_told_what_the_token_opens(of) -> None:
    account = of("alice", "clients").account()

    assert (account.person["login"], account.rights) == ("alice", ["clients"])


def test_a_refusal_says_what_was_found_expected_and_to_do(of) -> None:
    with pytest.raises(RefusedError) as refused:
        list(of("mark").clients(sort="-balance"))

    error = refused.value
    assert (error.answered, error.expected.split(", ")[0]) == (400, "churn")
    assert error.found.startswith("sort '-balance'")
    assert error.remedy == "choose one of these, with - in front for descending"


@pytest.mark.parametrize(
    ("login", "call", "kind"),
    [
        ("alice", lambda service: service.client("C3"), NotThereError),
        ("alice", lambda service: list(service.clients(sort="sideways")), RefusedError),
        ("mark", lambda service: service.runs() and service.start_run(), NotThereError),
        ("adam", lambda service: service.retry_run(1), ConflictError),
        ("adam", lambda service: service.stop_run(1), ConflictError),
    ],
)
def test_each_refusal_is_an_error_of_its_kind(of, login: str, call, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        call(of(login))


def test_a_token_that_is_none_is_told_apart(address: str) -> None:
    with pytest.raises(UnknownCallerError, match="make a new token"):
        Service(address, "bks_nothing").runs()


def test_a_view_is_kept_changed_and_not_changed_over_another_change(of) -> None:
    alice = of("alice")
    kept = alice.keep_view("Gold", "tier=gold")

    changed = alice.change_view(alice.view(kept.id), query="tier=gold&sort=name")

    assert (changed.query, [one.name for one in alice.views()]) == ("tier=gold&sort=name", ["Gold"])
    with pytest.raises(ChangedError, match="read it again"):
        alice.change_view(kept, name="Old")
    assert alice.view(kept.id).name == "Gold"


def test_a_file_is_streamed_whole(of, tmp_path: Path) -> None:
    rows = of("rita").download("/files/clients", tmp_path / "clients.csv", format="csv", tier="gold")

    with (tmp_path / "clients.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert (rows, len(found), {row["client_id"] for row in found}) == (3, 3, {"C1", "C3", "C4"})
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".clients")] == []


def test_a_refused_file_leaves_nothing(of, tmp_path: Path) -> None:
    with pytest.raises(NotThereError):
        of("adam").download("/files/clients", tmp_path / "clients.csv")

    assert not (tmp_path / "clients.csv").exists()


def test_a_service_that_is_not_there_is_said_so_after_the_last_attempt() -> None:
    waited: list[float] = []
    service = Service("http://127.0.0.1:9", "bks_x", pause=waited.append)

    with pytest.raises(UnavailableError, match="cannot be reached"):
        service.runs()
    assert waited == [0.5, 1.0, 2.0]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="an address such as"):
        Service("ftp://bank", "bks_x")
