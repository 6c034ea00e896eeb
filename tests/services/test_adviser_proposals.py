"""Proposals of who should serve whom: worked out on the roll, decided by a second person, taken away as a file; on both stores."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import update
from sqlmodel import select

from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.model_errors import NotAllowedError
from bankseg.domain.people import Role, Scope
from bankseg.services.adviser_proposals import advisers_page, ask, decide, export_moves, proposal_document, proposal_page
from bankseg.services.rolls import roll_path
from bankseg.storage import client_erasure, client_holder
from bankseg.storage.adviser import AdviserRow
from bankseg.storage.adviser_proposal import AdviserMove, AdviserProposal
from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_erasure import ClientErasure, ErasureSubject
from bankseg.storage.database import reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run

HEAD = Scope(person_id=1, role=Role.BRANCH_HEAD, branch_id="B1")
SECOND = Scope(person_id=2, role=Role.BRANCH_HEAD, branch_id="B1")
ADMIN = Scope(person_id=3, role=Role.ADMINISTRATOR)
ELSEWHERE = Scope(person_id=4, role=Role.BRANCH_HEAD, branch_id="B2")
MANAGER = Scope(person_id=5, role=Role.RELATIONSHIP_MANAGER, rm_id="anna")
WHY = "The new wealth adviser has room"


def client(
    client_id: str,
    rm_id: str | None,
    tier: str = "bronze",
    *,
    kind: str = "individual",
    status: str = "active",
    branch: str = "B1",
    loss: int = 0,
    language: str | None = None,
):
    return {
        "client_id": client_id, "kind": kind, "status": status, "tier": tier, "segment": "keep", "branch_id": branch, "rm_id": rm_id, "expected_loss_minor": loss, "language": language,
    }  # fmt: skip


CLIENTS = [
    client("C1", "anna", "gold"), client("C2", "anna"), client("C3", "anna", kind="company"), client("C4", "bo", "platinum"), client("C5", "gone", "silver"),
    client("C6", "anna", "gold", status="former"), client("C7", "zoe", "gold", branch="B2"), client("C8", "anna", status="prospect"),
]  # fmt: skip
STAFF = [
    AdviserRow(rm_id="anna", branch_id="B1", skills=["business"], languages=["french"], capacity=10),
    AdviserRow(rm_id="bo", branch_id="B1", skills=["wealth"], languages=["english", "french"], capacity=10),
]


def publish(bank, as_of: str, clients) -> int:
    with transaction(bank.engine) as session:
        run = Run(key=f"run:{as_of}", as_of=as_of, state="published", created_at=1.0, published_at=2.0)
        session.add(run)
        session.flush()
        session.merge(CurrentRun(kind=PORTFOLIO, run_id=run.id or 0, flipped_at=2.0))
        session.add_all(PublishedClient(run_id=run.id or 0, **{name: value for name, value in row.items() if name != "language"}) for row in clients)
        session.flush()
        client_holder.follow(session, run.id or 0)
        number = run.id or 0
    path = roll_path(bank.settings, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {name: pa.string() for name in ("client_id", "kind", "status", "tier", "segment", "branch_id", "rm_id", "language")}
    pq.write_table(pa.Table.from_pylist(list(clients), schema=pa.schema({**texts, "expected_loss_minor": pa.int64()})), path)
    return number


def know(bank, rows=STAFF):
    with transaction(bank.engine) as session:
        for row in rows:
            session.merge(AdviserRow(**row.model_dump()))


@pytest.fixture
def bank(any_bank):
    """Branch B1 with two advisers and five clients to serve, one of them with nobody who is known; branch B2 beside it."""
    with transaction(any_bank.engine) as session:
        session.add_all(
            Person(login=f"p{number}", display_name=f"Person {number}", role="branch_head", branch_id="B1", password_hash="-") for number in range(1, 6)
        )
    publish(any_bank, "2025-12-31", CLIENTS)
    know(any_bank)
    return any_bank


def moved(bank, number: int) -> dict[str, tuple[str | None, str]]:
    with reading(bank.engine) as session:
        rows = session.exec(select(AdviserMove).where(AdviserMove.proposal_id == number))
        return {row.client_id: (row.from_rm_id, row.to_rm_id) for row in rows}


def seen(bank, scope, number):
    with reading(bank.engine) as session:
        return proposal_page(session, scope, number)


def test_a_client_goes_to_who_has_the_skill_and_who_has_nobody_is_placed(bank):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)

    found = moved(bank, number)
    assert found["C1"] == ("anna", "bo")
    assert found["C5"][0] is None
    assert set(found) == {"C1", "C5"}
    weighed = seen(bank, HEAD, number).row.weighed
    assert (weighed["clients"], weighed["moves"], weighed["unserved"], weighed["shortage"]) == (5, 2, 1, 0)
    # before: C1 lacks wealth (10), C5 has nobody (20); after: two moves of 5
    assert (weighed["points_before"], weighed["points_after"]) == (30, 10)
    assert [(one["rm_id"], one["before"]) for one in weighed["advisers"]] == [("anna", 3), ("bo", 1)]
    assert sum(one["after"] for one in weighed["advisers"]) == 5
    assert weighed["needs"] == [
        {"code": "business", "clients": 1, "unmet_before": 0, "unmet_after": 0},
        {"code": "wealth", "clients": 2, "unmet_before": 1, "unmet_after": 0},
    ]


def test_a_language_is_a_need_of_its_own_and_no_skill_of_the_same_name(bank):
    know(bank, [AdviserRow(rm_id="anna", branch_id="B1", skills=["business", "english"], languages=["french"], capacity=10)])
    publish(bank, "2026-01-31", [client("C1", "anna", language=" English "), client("C2", "anna", language="french"), client("C3", "anna")])

    assert moved(bank, ask(bank.settings, bank.engine, HEAD, "B1", WHY)) == {"C1": ("anna", "bo")}


def test_where_no_language_of_an_adviser_is_told_none_is_missed(bank):
    know(bank, [AdviserRow(rm_id=name, branch_id="B1", skills=skills, languages=[], capacity=10) for name, skills in (("anna", []), ("bo", ["wealth"]))])
    publish(bank, "2026-01-31", [client("C1", "anna", "gold", language="english"), client("C2", "anna", language="french")])

    weighed = seen(bank, HEAD, ask(bank.settings, bank.engine, HEAD, "B1", WHY)).row.weighed

    assert [one["code"] for one in weighed["needs"]] == ["wealth"]
    assert weighed["terms"]["speaks_language"] is False


def test_those_with_the_least_to_lose_leave_a_full_adviser(bank):
    know(bank, [AdviserRow(rm_id="anna", branch_id="B1", skills=[], languages=[], capacity=1)])
    publish(bank, "2026-01-31", [client("C1", "anna", loss=900), client("C2", "anna", loss=10), client("C3", "anna", loss=50)])

    assert moved(bank, ask(bank.settings, bank.engine, HEAD, "B1", WHY)) == {"C2": ("anna", "bo"), "C3": ("anna", "bo")}


def test_a_proposal_names_no_client_outside_its_moves(bank):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)

    with reading(bank.engine) as session:
        row = session.get(AdviserProposal, number)
        told = [entry for entry in session.exec(select(AuditEntry)) if entry.action.startswith("advisers_")]
    assert not [one["client_id"] for one in CLIENTS if one["client_id"] in str((row.weighed, row.reason, [entry.details for entry in told]))]
    assert [(entry.action, entry.subject, entry.details["moves"]) for entry in told] == [("advisers_proposed", f"adviser_proposal:{number}", 2)]


def test_a_second_person_decides_and_the_file_follows(bank, tmp_path):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)
    with pytest.raises(NotAllowedError, match="asked"):
        export_moves(bank.engine, HEAD, number, tmp_path / "moves.csv")
    with pytest.raises(NotAllowedError, match="your own"):
        decide(bank.engine, HEAD, number, approve=True, reason=WHY)

    decide(bank.engine, SECOND, number, approve=True, reason="Agreed with both advisers")
    done = export_moves(bank.engine, HEAD, number, tmp_path / "moves.csv")

    assert done.rows == 2
    lines = (tmp_path / "moves.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "as_of,proposal_id,client_id,name,branch_id,from_rm_id,to_rm_id"
    assert lines[1] == f"2025-12-31,{number},C1,,B1,anna,bo"
    with pytest.raises(NotAllowedError, match="approved"):
        decide(bank.engine, SECOND, number, approve=False, reason="Changed my mind about it")
    with reading(bank.engine) as session:
        told = [(one.action, one.person_id) for one in session.exec(select(AuditEntry).order_by(AuditEntry.id))]
    assert told[-3:] == [("advisers_proposed", 1), ("advisers_approved", 2), ("export", 1)]
    assert seen(bank, HEAD, number).followed == 0


def test_the_banks_next_extract_tells_how_many_followed(bank):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)
    decide(bank.engine, SECOND, number, approve=True, reason="Agreed with both advisers")
    publish(bank, "2026-01-31", [{**row, "rm_id": "bo"} if row["client_id"] == "C1" else row for row in CLIENTS])

    page = seen(bank, HEAD, number)

    assert (page.followed, page.is_of_published_run) == (1, False)


def test_the_administrator_sees_figures_and_decides_but_sees_no_client(bank, tmp_path):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)

    page = seen(bank, ADMIN, number)

    assert (page.moves, page.followed, page.may_decide) == (None, None, True)
    assert proposal_document(page)["weighed"]["moves"] == 2
    decide(bank.engine, ADMIN, number, approve=True, reason="Both advisers agree")
    for refused in (lambda: export_moves(bank.engine, ADMIN, number, tmp_path / "m.csv"), lambda: ask(bank.settings, bank.engine, ADMIN, "B1", WHY)):
        with pytest.raises(NotFoundError):
            refused()


def test_another_branch_finds_nothing(bank, tmp_path):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)

    for refused in (
        lambda: seen(bank, ELSEWHERE, number),
        lambda: decide(bank.engine, ELSEWHERE, number, approve=True, reason=WHY),
        lambda: export_moves(bank.engine, ELSEWHERE, number, tmp_path / "m.csv"),
        lambda: ask(bank.settings, bank.engine, ELSEWHERE, "B1", WHY),
        lambda: ask(bank.settings, bank.engine, MANAGER, "B1", WHY),
        lambda: seen(bank, MANAGER, number),
        lambda: seen(bank, HEAD, number + 1),
    ):
        with pytest.raises(NotFoundError):
            refused()


def test_one_waits_at_a_time_and_a_later_run_outdates_it(bank):
    first = ask(bank.settings, bank.engine, HEAD, "B1", WHY)
    with pytest.raises(NotAllowedError, match="waits"):
        ask(bank.settings, bank.engine, SECOND, "B1", WHY)
    publish(bank, "2026-01-31", CLIENTS)
    with pytest.raises(NotAllowedError, match="later than 2025-12-31"):
        decide(bank.engine, SECOND, first, approve=True, reason=WHY)

    second = ask(bank.settings, bank.engine, SECOND, "B1", WHY)

    assert [seen(bank, HEAD, number).row.state for number in (first, second)] == ["outdated", "asked"]
    with pytest.raises(NotAllowedError, match="outdated"):
        decide(bank.engine, ADMIN, first, approve=False, reason=WHY)


def test_advisers_who_changed_since_are_no_longer_those_that_were_weighed(bank):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)
    know(bank, [AdviserRow(rm_id="bo", branch_id="B1", skills=["wealth"], languages=["english", "french"], capacity=0)])

    with pytest.raises(NotAllowedError, match="changed since"):
        decide(bank.engine, SECOND, number, approve=True, reason=WHY)
    decide(bank.engine, SECOND, number, approve=False, reason="Ask again with the new capacity")


def test_of_two_who_ask_at_the_same_moment_one_is_told(bank):
    start = Barrier(2)

    def one(scope):
        start.wait()
        try:
            return ask(bank.settings, bank.engine, scope, "B1", WHY) > 0
        except NotAllowedError as error:
            return "waits" not in str(error)

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(one, (HEAD, SECOND))) == [False, True]


def test_what_cannot_be_weighed_is_refused_in_words(bank):
    with pytest.raises(InputError, match="5 characters"):
        ask(bank.settings, bank.engine, HEAD, "B1", "short")
    with pytest.raises(MissingDataError, match="no adviser of branch 'B2'"):
        ask(bank.settings, bank.engine, ELSEWHERE, "B2", WHY)
    publish(bank, "2026-01-31", [client("C2", "anna")])
    with pytest.raises(MissingDataError, match="nobody here"):
        ask(bank.settings, bank.engine, HEAD, "B1", WHY)


def test_the_operator_asks_and_any_head_of_the_branch_decides(bank):
    number = ask(bank.settings, bank.engine, None, "B1", WHY)

    assert moved(bank, number).keys() == {"C1", "C5"}
    decide(bank.engine, HEAD, number, approve=False, reason="Not before the holidays")
    assert seen(bank, HEAD, number).row.asked_by is None


def test_who_is_being_erased_is_neither_weighed_nor_shown(bank):
    number = ask(bank.settings, bank.engine, HEAD, "B1", WHY)
    with transaction(bank.engine) as session:
        row = ClientErasure(pseudonym="ab", ground="objection", reason="A letter of the client", asked_by=1, asked_at=1.0)
        session.add(row)
        session.flush()
        session.add(ErasureSubject(erasure_id=row.id or 0, subject="C1", is_hidden=True))

    assert [one["client_id"] for one in seen(bank, HEAD, number).moves] == ["C5"]
    with transaction(bank.engine) as session:
        assert client_erasure.hidden(session) == ("C1",)
        session.execute(update(AdviserProposal).values(state="outdated"))
    assert moved(bank, ask(bank.settings, bank.engine, HEAD, "B1", WHY)).keys() == {"C5"}


def test_the_page_counts_clients_for_who_sees_them(bank):
    with reading(bank.engine) as session:
        head, admin, elsewhere = (advisers_page(bank.settings, session, scope) for scope in (HEAD, ADMIN, ELSEWHERE))

    assert [(row.rm_id, clients) for row, clients in head.advisers] == [("anna", 3), ("bo", 1)]
    assert (head.elsewhere, head.may_ask, head.points["client_moved"]) == (1, True, 5)
    assert head.needs[0] == {"code": "wealth", "when": "Kind of client is individual and Value tier is platinum or gold"}
    assert ([clients for _, clients in admin.advisers], admin.elsewhere, admin.may_ask) == ([None, None], None, False)
    assert (elsewhere.advisers, elsewhere.may_ask) == ([], False)
