"""A working day of each role, end to end, in both languages, with scripts and without."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook
from sqlmodel import select

from bankseg.services import risk_review
from bankseg.settings import Settings
from bankseg.storage.client_contact import ClientContact
from bankseg.storage.database import make_engine, reading, transaction
from tests.e2e.seat import Seat
from tests.web import builders

pytestmark = pytest.mark.browser

Sit = Callable[[str], Seat]
REASON = "Seen on the statement: a late refund explains it"
PAGES_OF_A_CLIENT = ("Activity", "Relationship", "Groups and scores")


def test_a_relationship_manager(sit: Sit, home: Path) -> None:
    alice = sit("alice")
    alice.heading("Whom to call today")
    before = alice.page.get_by_role("row").count()

    call = alice.row("Client C1")
    call.get_by_text(alice.say("Record"), exact=True).click()
    call.get_by_role("button", name=alice.label("contact_outcome", "reached"), exact=True).click()
    alice.sees("Recorded.")
    expect(alice.page.get_by_role("link", name="Client C1", exact=True)).to_have_count(0)
    alice.press("Undo")
    expect(alice.page.get_by_role("row")).to_have_count(before)

    call = alice.row("Client C1")
    call.get_by_text(alice.say("Record"), exact=True).click()
    alice.fill("Day", (datetime.now(UTC).date() + timedelta(days=3)).isoformat(), call)
    alice.fill("Note, for you alone", "after the holidays", call)
    call.get_by_role("button", name=alice.label("contact_outcome", "call_back"), exact=True).click()
    alice.sees("Recorded.")
    with reading(make_engine(Settings(home=home).store)) as session:
        kept = session.exec(select(ClientContact).where(ClientContact.outcome == "call_back")).one()
    assert (kept.client_id, kept.note) == ("C1", "after the holidays")

    alice.menu("Clients")
    alice.follow("Overview")
    expect(alice.page.get_by_role("row").filter(has_text=alice.label("tier", "bronze"))).to_contain_text("60")
    alice.follow("List")
    alice.page.get_by_role("link", name="Client C1", exact=True).click()
    for page in PAGES_OF_A_CLIENT:
        alice.follow(page, alice.page.get_by_role("navigation", name=alice.say("Pages of this client")))
        expect(alice.page.get_by_role("link", name=alice.say(page), exact=True)).to_have_attribute("aria-current", "page")
        expect(alice.page.get_by_role("heading", level=1)).to_contain_text("Client C1")
    alice.sign_out()
    assert alice.get("/clients/C1").url.startswith(f"{alice.address}/sign-in")


def test_a_portfolio_is_narrowed_sorted_kept_and_taken_along(sit: Sit) -> None:
    alice = sit("alice")
    alice.menu("Clients")
    alice.choose("Tier", "bronze")
    alice.press("Filter")
    expect(alice.page.get_by_text(alice.say("of {n} clients", n=62))).to_contain_text("60")
    alice.page.get_by_role("columnheader", name=alice.say("Churn")).get_by_role("link").click()
    expect(alice.page.get_by_role("columnheader", name=alice.say("Churn"))).to_have_attribute("aria-sort", "ascending")
    expect(alice.page.get_by_role("row").nth(1)).to_contain_text("Client D00")
    alice.page.get_by_text(alice.say("Save this view"), exact=True).click()
    alice.fill("Name", "Bronze, calmest first")
    alice.press("Save")
    assert len(rows_of(alice.download("CSV"))) == 60

    alice.menu("Clients")
    alice.follow("Bronze, calmest first")
    expect(alice.page.get_by_role("row").nth(1)).to_contain_text("Client D00")
    alice.press("Delete this view")
    expect(alice.page.get_by_role("link", name="Bronze, calmest first")).to_have_count(0)


def test_a_list_from_its_first_count_to_its_files(sit: Sit) -> None:
    mark = sit("mark")
    mark.menu("Lists")
    mark.follow("New list")
    mark.choose("Product or action", "action:retain")
    mark.choose("Channel", "email")
    mark.page.get_by_label(mark.label("tier", "bronze"), exact=True).check()
    mark.press("Count them")
    expect(mark.page.get_by_role("row", name=mark.label("list_stage", "candidates"))).to_contain_text("60")
    assert mark.number("To contact") + mark.number("Control group") <= 60
    mark.heading("What the control group can show")
    mark.fill("Name of the list", "Stay with us")
    mark.press("Keep as a draft")
    mark.heading("Stay with us")
    mark.press("Freeze the list")
    mark.sees("Waits for a second person: whoever made a list cannot release it.")
    path = mark.page.url.removeprefix(mark.address)
    assert mark.get(f"{path}/export").status == 409

    mia = sit("mia")
    mia.menu("Lists")
    mia.follow("Stay with us")
    mia.fill("Why this list may go out", "Agreed by the committee")
    mia.press("Release the list")
    treated, candidates = mia.number("To contact"), mia.number("Candidates")
    assert treated > 10
    members = mia.page.get_by_role("paragraph").filter(has_text=mia.say("Clients to contact, with the legal basis"))
    left_out = mia.page.get_by_role("paragraph").filter(has_text=mia.say("Clients left out, with the step"))
    told = rows_of(mia.download("CSV", members))
    sheet = CalamineWorkbook.from_path(str(mia.download("XLSX", members))).get_sheet_by_index(0).to_python()
    exclusions = pq.read_table(mia.download("Parquet", left_out)).to_pylist()
    exported = {row["client_id"] for row in told}
    assert len(exported) == len(sheet) - 1 == pq.read_metadata(mia.download("Parquet", members)).num_rows == treated
    assert len(exported | {row["client_id"] for row in exclusions}) == treated + len(exclusions) == candidates
    mia.heading("Results")


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("mode", [("en", True)], indirect=True, ids=["English with scripts"])
def test_the_count_of_a_list_follows_what_is_ticked(sit: Sit, need_htmx: None) -> None:
    mark = sit("mark")
    mark.open("/lists/new?about=action:retain&channel=email")
    mark.page.get_by_label(mark.label("tier", "bronze"), exact=True).check()

    expect(mark.page.get_by_role("row", name=mark.label("list_stage", "candidates"))).to_contain_text("60")


def test_a_risk_case_is_decided_signed_by_a_second_person_and_opened_again(sit: Sit, home: Path) -> None:
    rita = sit("rita")
    rita.row("Client C2").get_by_role("link", name=rita.label("review", "open")).click()
    rita.page.get_by_label(rita.label("decision", "restrict"), exact=True).check()
    rita.fill("Reason", REASON)
    rita.page.get_by_text(rita.say("Specific reasons, needed to restrict: one to four principal ones")).click()
    reasons = rita.page.get_by_role("checkbox")
    if not reasons.first.is_checked():
        reasons.first.check()
    rita.press("Record the decision")
    rita.heading("Waits for a second signature")

    ralf = sit("ralf")
    ralf.follow(ralf.label("risk_view", "waiting"), ralf.page.get_by_role("navigation", name=ralf.say("View"), exact=True))
    ralf.row("Client C2").get_by_role("link", name=ralf.label("review", "waiting")).click()
    ralf.heading("Waits for your signature")
    ralf.fill("Your reason", "Agreed after reading the file")
    ralf.press("Sign")
    expect(ralf.page.get_by_text(f"{ralf.say('signed by')} Ralf Blanc")).to_be_visible()

    graver(home)
    rita.menu("Risk queue")
    case = rita.row("Client C2")
    expect(case).to_contain_text(rita.label("opened_because", "graver"))
    case.get_by_role("link", name=rita.label("review", "open")).click()
    expect(rita.page.get_by_text(REASON)).to_be_visible()


def graver(home: Path) -> None:
    """Publish a later run in which C2 is in default."""
    engine = make_engine(Settings(home=home).store)
    with transaction(engine) as session:
        run = builders.a_run(session, key="run:later", as_of="2026-01-31")
        client = builders.a_client(session, run, "C2", is_high_risk=True)
        builders.a_case(session, client, 3, stage=3, days_past_due=120)
        session.flush()
        risk_review.open_again(session, run.id or 0, run.as_of)
    engine.dispose()


def test_a_challenger_becomes_champion_by_two_persons(sit: Sit) -> None:
    odile = sit("odile")
    odile.heading("Models")
    odile.page.get_by_role("link", name=odile.say("version {n}", n=2)).first.click()
    odile.heading("Gates")
    odile.fill("Reason", "better calibrated on the August origin")
    odile.press("Propose")

    rita = sit("rita")
    rita.menu("Models")
    rita.page.get_by_role("link", name=rita.say("version {n}", n=2)).first.click()
    rita.fill("Reason of the decision", "agreed in the model committee")
    rita.press("Approve")
    expect(rita.page.get_by_role("heading", level=1)).to_contain_text(rita.say("version {n}", n=2))
    expect(rita.page.get_by_label(rita.say("Reason of the decision"), exact=True)).to_have_count(0)


def test_imports_and_runs_are_read_by_those_who_run_them(sit: Sit) -> None:
    odile = sit("odile")
    odile.menu("Imports")
    odile.page.get_by_role("link", name="mvts_1.parquet").click()
    expect(odile.page.get_by_role("heading", level=1)).to_contain_text("mvts_1.parquet")
    expect(odile.page.get_by_text("985").first).to_be_visible()
    odile.menu("Runs")
    odile.page.get_by_role("link", name="1", exact=False).filter(has_text="1").first.click()
    for stage in ("snapshot", "train", "score", "publish"):
        expect(odile.page.get_by_text(odile.label("stage", stage)).first).to_be_visible()


def test_an_administrator_lets_somebody_in_and_the_trail_tells(sit: Sit) -> None:
    adam = sit("adam")
    adam.menu("People")
    adam.fill("Login", "newcomer")
    adam.fill("Name", "Nour Newcomer")
    adam.choose("Role", "marketer")
    adam.choose("Language", adam.language)
    adam.press("Add")
    first = adam.page.get_by_role("status").get_by_role("code").inner_text()

    nour = Seat(adam.page.context.browser.new_context(base_url=adam.address).new_page(), adam.language, adam.address)  # a browser of their own
    nour.sign_in("newcomer", first)
    nour.sees("Your first password was made by somebody else. Choose your own to go on.")
    nour.fill("Present password", first)
    nour.fill("New password", "a password of my own")
    nour.fill("New password again", "a password of my own")
    nour.press("Change")
    nour.sign_in("newcomer", "a password of my own")
    nour.menu("Lists")
    nour.page.context.close()

    adam.menu("Audit")
    adam.fill("Subject", "newcomer")
    adam.press("Show")
    assert adam.page.get_by_role("row").count() > 1
    adam.follow("Check the whole chain")
    adam.sees("the chain holds from the first entry to the last")


def test_a_token_opens_the_api_until_it_is_revoked(sit: Sit) -> None:
    alice = sit("alice")
    alice.follow("Alice Martin")
    alice.fill("What it is for", "nightly export")
    alice.page.get_by_label("clients", exact=True).check()
    alice.press("Make a token")
    secret = alice.page.get_by_role("status").get_by_role("code").inner_text()
    bearer = {"Authorization": f"Bearer {secret}"}
    nobody = alice.page.context.browser.new_context(base_url=alice.address)

    assert nobody.request.get("/api/v1/clients", headers=bearer).json()["clients"]
    assert nobody.request.get("/api/v1/segments", headers=bearer).status == 404
    alice.press("Revoke", alice.row("nightly export"))
    assert nobody.request.get("/api/v1/clients", headers=bearer).status == 401
    nobody.close()


def test_an_auditor_reads_everything_and_changes_nothing(sit: Sit) -> None:
    axel = sit("axel")
    axel.heading("Latest entries of the trail")
    axel.menu("Models")
    axel.page.get_by_role("link", name=axel.say("version {n}", n=2)).first.click()
    axel.heading("Gates")
    expect(axel.page.get_by_role("button", name=axel.say("Propose"))).to_have_count(0)
    axel.menu("Policy")
    axel.heading("Policies that runs used")
    axel.menu("Audit")
    assert axel.download("CSV").read_text(encoding="utf-8-sig").count("\n") > 1


def test_the_head_of_a_branch_sees_the_branch_and_no_other(sit: Sit) -> None:
    bea = sit("bea")
    bea.heading("Whom to call today")
    bea.menu("Clients")
    bea.choose("Relationship manager", "RM1")
    bea.press("Filter")
    expect(bea.page.get_by_text(bea.say("of {n} clients", n=62))).to_contain_text("62")
    assert bea.get("/clients/C3").status == 404
    bea.menu("Lists")
    bea.follow("Winter calls")
    bea.heading("Winter calls")
    bea.menu("Risk queue")
    expect(bea.page.get_by_role("link", name="Client C2", exact=True)).to_be_visible()
    expect(bea.page.get_by_text("Zoé Secret")).to_have_count(0)
