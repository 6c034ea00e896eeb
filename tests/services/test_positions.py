"""Positions: hand-counted holders, contribution and growth of products in segments, and notes that are followed and never overwritten."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.domain.position_notes import NotePlace
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.services import position_notes
from bankseg.services.rolls import roll_path
from bankseg.services.scheme_pictures.positions import positions_page
from bankseg.settings import Settings
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run
from bankseg.storage.segment_position import versions_of

MARK, ALICE = Scope(person_id=1, role=Role.MARKETER), Scope(person_id=2, role=Role.RELATIONSHIP_MANAGER, rm_id="RM1")
OFFICER = Scope(person_id=3, role=Role.RISK_OFFICER)
WHERE = NotePlace("kinds", "individual", "savings")


def clients(first, *, holders, kind="individual", valued=True, status="active", rm_id="RM1"):
    """40 clients of one kind; the first `holders` of them hold savings, each brings its number within the group in euros."""
    return [
        {
            "client_id": f"{first}{place}", "kind": kind, "status": status, "rm_id": rm_id, "branch_id": "B1", "holds_savings": int(place < holders), "holds_mortgage": 0,
            "value_12m_minor": 100 * place if valued else None,
        }
        for place in range(40)
    ]  # fmt: skip


def publish(settings: Settings, engine, as_of: str, rows: list[dict[str, object]] | None) -> None:
    with transaction(engine) as session:
        run = Run(key=f"run:{as_of}", as_of=as_of, state="published", created_at=1.0, published_at=2.0)
        session.add(run)
        session.flush()
        session.merge(CurrentRun(kind=PORTFOLIO, run_id=run.id or 0, flipped_at=2.0))
    if rows is not None:
        path = roll_path(settings, run.id or 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows).cast(_schema(rows)), path)


def _schema(rows):
    whole = {"value_12m_minor", "holds_savings", "holds_mortgage"}
    return pa.schema([(name, pa.int64() if name in whole else pa.string()) for name in rows[0]])


def grid(bank, scope=OFFICER, code="kinds", since=None):
    with reading(bank.engine) as session:
        page = positions_page(bank.settings, session, scope, code, since)
    return page, {(cell.segment, line.product): cell for line in page.lines for cell in (*line.cells, line.base)}


@pytest.fixture
def bank(any_bank):
    """Published at the end of 2025, a quarter and a year and a half before: savings of 25 individuals, then 24, then 20; of 30 companies, then 10."""
    publish(any_bank.settings, any_bank.engine, "2024-06-30", clients("I", holders=20) + clients("C", holders=10, kind="company"))
    publish(any_bank.settings, any_bank.engine, "2025-09-30", clients("I", holders=24) + clients("C", holders=30, kind="company"))
    publish(any_bank.settings, any_bank.engine, "2025-12-31", clients("I", holders=25) + clients("C", holders=30, kind="company"))
    return any_bank


def test_a_cell_tells_its_holders_what_they_contribute_and_how_their_number_grew(bank):
    page, cells = grid(bank)
    one = cells["individual", "savings"]

    # 0 + 1 + ... + 24 = 300 euros; 25 holders against 20 on the latest date a year before or more
    assert (one.holders, one.valued, one.contribution_minor, one.holders_before) == (25, 25, 30_000, 20)
    assert one.growth == pytest.approx(0.25)
    assert (page.since, page.segments, page.clients) == ("2024-06-30", {"individual": 40, "company": 40}, 80)
    assert (cells["", "savings"].holders, cells["", "savings"].contribution_minor) == (55, 30_000 + 43_500)


def test_growth_is_told_since_the_earlier_date_that_is_asked_for(bank):
    page, cells = grid(bank, since=date(2025, 9, 30))

    assert page.since == "2025-09-30"
    assert cells["individual", "savings"].growth == pytest.approx(1 / 24)
    for day in (date(2025, 12, 31), date(2025, 9, 29)):
        with pytest.raises(InputError, match="no earlier run"):
            grid(bank, since=day)


def test_growth_from_too_few_and_contribution_of_too_few_are_not_told(bank):
    publish(bank.settings, bank.engine, "2026-01-31", clients("I", holders=19) + clients("C", holders=20, kind="company"))
    page, cells = grid(bank)

    assert page.least_clients == 20
    assert (cells["individual", "savings"].valued, cells["individual", "savings"].contribution_minor) == (19, None)
    assert cells["company", "savings"].contribution_minor == 19_000
    assert (cells["company", "savings"].holders_before, cells["company", "savings"].growth) == (10, None)
    assert (cells["company", "mortgage"].holders, cells["company", "mortgage"].growth) == (0, None)


def test_a_segment_and_holders_that_are_gone_have_shrunk_by_all(bank):
    publish(bank.settings, bank.engine, "2026-01-31", clients("C", holders=30, kind="company"))
    page, cells = grid(bank)

    assert page.segments["individual"] == 0
    assert (cells["individual", "savings"].holders, cells["individual", "savings"].growth) == (0, -1.0)


def test_values_nobody_has_are_no_data_and_never_zero(bank):
    publish(bank.settings, bank.engine, "2026-01-31", clients("I", holders=30, valued=False))

    assert grid(bank)[1]["individual", "savings"].contribution_minor is None
    bare = [{name: value for name, value in row.items() if name != "value_12m_minor"} for row in clients("I", holders=30)]
    publish(bank.settings, bank.engine, "2026-02-28", bare)
    assert (grid(bank)[1]["individual", "savings"].valued, grid(bank)[1]["individual", "savings"].contribution_minor) == (None, None)


def test_clients_who_are_not_active_are_not_counted(bank):
    publish(bank.settings, bank.engine, "2026-01-31", clients("I", holders=30) + clients("F", holders=30, status="former"))

    page, cells = grid(bank)

    assert (page.clients, cells["", "savings"].holders, cells["", "savings"].holders_before) == (40, 30, 30)


@pytest.mark.parametrize("rows", [None, [{name: value for name, value in row.items() if name != "kind"} for row in clients("I", holders=30)]])
def test_an_earlier_run_that_cannot_place_clients_tells_no_growth(any_bank, rows):
    publish(any_bank.settings, any_bank.engine, "2024-06-30", rows)
    publish(any_bank.settings, any_bank.engine, "2025-12-31", clients("I", holders=30))
    page, cells = grid(any_bank)

    assert (page.since, page.is_comparable) == ("2024-06-30", False)
    assert (cells["individual", "savings"].holders_before, cells["individual", "savings"].growth) == (None, None)


def test_without_an_earlier_date_growth_is_no_data(any_bank):
    publish(any_bank.settings, any_bank.engine, "2025-12-31", clients("I", holders=30))
    page, cells = grid(any_bank)

    assert (page.since, page.dates, page.is_comparable) == ("", [], False)
    assert cells["individual", "savings"].growth is None


def test_a_relationship_manager_counts_its_own_clients_on_both_dates(bank):
    publish(bank.settings, bank.engine, "2026-01-31", clients("I", holders=30) + clients("O", holders=35, rm_id="RM2"))

    one = grid(bank, ALICE)[1]["individual", "savings"]

    assert (one.holders, one.holders_before) == (30, 20)
    assert grid(bank, Scope(person_id=4, role=Role.RELATIONSHIP_MANAGER, rm_id="RM2"))[1]["", "savings"].holders_before == 0


def save(bank, expected=None, scope=MARK, where=WHERE, **document):
    return position_notes.save_note(bank.settings, bank.engine, scope, where, {"position": "build", "text": "Room here"} | document, expected)


def test_notes_follow_each_other_and_are_audited_without_their_text(bank):
    assert save(bank) == 1
    assert save(bank) == 1  # the same again
    assert save(bank, {"v1"}, position="hold", text="Enough") == 2

    with reading(bank.engine) as session:
        rows = versions_of(session, WHERE)
        entries = [(one.subject, one.details) for one in session.exec(select(AuditEntry).where(AuditEntry.action == "position_saved").order_by(AuditEntry.id))]
    assert [(row.version, row.position, row.text, row.saved_by) for row in rows] == [(2, "hold", "Enough", 1), (1, "build", "Room here", 1)]
    assert entries == [("kinds/individual/savings v1", {"position": "build"}), ("kinds/individual/savings v2", {"position": "hold"})]
    assert grid(bank)[1]["individual", "savings"].note.text == "Enough"
    assert grid(bank)[1]["company", "savings"].note is None


def test_who_read_an_older_version_loses_no_colleagues_note(bank):
    save(bank)

    with pytest.raises(ChangedMeanwhileError, match="since you read it"):
        save(bank, {"v0"}, position="leave")

    assert grid(bank)[1]["individual", "savings"].note.position == "build"


def test_of_two_at_the_same_moment_one_is_told(bank):
    start = Barrier(2)

    def one(text):
        start.wait()
        try:
            return save(bank, {"v0"}, text=text)
        except ChangedMeanwhileError:
            return "told"

    with ThreadPoolExecutor(2) as both:
        assert sorted(map(str, both.map(one, ("one", "other")))) == ["1", "told"]


@pytest.mark.parametrize("wrong", [{"position": "sell"}, {"text": "x" * 501}])
def test_a_note_outside_the_vocabulary_or_too_long_is_refused(bank, wrong):
    with pytest.raises(InputError):
        save(bank, **wrong)


def test_notes_are_written_by_designers_about_what_there_is(bank):
    with pytest.raises(NotFoundError):
        save(bank, scope=ALICE)
    with pytest.raises(NotFoundError):
        save(bank, where=NotePlace("kinds", "individual", "other"))
    with pytest.raises(NotFoundError):
        save(bank, where=NotePlace("payer", "a", "savings"))  # a marketer may not read what it reads
    with pytest.raises(InputError):
        save(bank, where=NotePlace("kinds", "nobody", "savings"))


def test_a_note_is_kept_without_what_a_store_cannot_hold(bank):
    save(bank, text=" one\x00\r\ntwo ")

    assert grid(bank)[1]["individual", "savings"].note.text == "one\ntwo"
