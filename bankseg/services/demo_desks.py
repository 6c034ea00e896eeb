"""What the people of the demonstration do at their desks, each through the service behind the page: agree on a rule, send a list, decide, call."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import cycle
from typing import NamedTuple

import pyarrow.parquet as pq
from sqlmodel import Session

from bankseg.demo.advisers import write_advisers
from bankseg.demo.answers import Mailing, write_answers
from bankseg.demo.bank import DemoBank
from bankseg.domain import adverse_reasons
from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.list_terms import ListAsked
from bankseg.domain.people import Scope
from bankseg.services import adviser_proposals, contact_log, list_states, policy_versions, risk_review, scheme_life
from bankseg.services.advisers import load_advisers
from bankseg.services.bank import Bank
from bankseg.services.contact_log import CALL_BACK, INTERESTED, NOT_REACHED, REACHED, REFUSED, SOLD, Contact, today_of
from bankseg.services.ingest import ingest_directory
from bankseg.services.list_builder import members_path
from bankseg.services.portfolio import Worklist, my_day
from bankseg.services.risk_queue import QueueAsked, risk_overview, risk_queue_page
from bankseg.services.risk_review import CONTACT, KEEP, REFER, RESTRICT, WATCH, Decision
from bankseg.storage import adviser_proposal, client_contact, client_list, policy_version, segment_override
from bankseg.storage import run as runs
from bankseg.storage.database import reading
from bankseg.storage.person import by_login
from bankseg.storage.risk_review import DECIDED, WAITING

LIST_MAKER, LIST_RELEASER, OFFICER, SECOND_OFFICER, MODEL_OWNER, HEAD = (
    "marketing.dupont",
    "marketing.robin",
    "risk.bernard",
    "risk.lopez",
    "models.leroy",
    "branch.renard",
)
SENT, WAITING_LIST = "Home insurance, autumn", "Savings, new year"
# A champion serves for a quarter, and a quarter has up to 92 days: the default of 90 would train everything again at its end.
QUARTER_DAYS = 92
# Nobody is sold a second current account: a target that can only be refused would be tried by every run, with the features of all its origins.
POLICY = f"""\
[governance]
retrain_after_days = {QUARTER_DAYS}

[cross_sell]
excluded_products = ["overdraft", "other", "current_account"]
"""
PROPOSED_POLICY = f"{POLICY}\n[worklist]\ncalls_a_day = 25\n"
WATCH_DAYS, AGAIN_DAYS = 45, (1, 2, 5)
CALLERS, CALLS = ("rm.martin", "rm.colleague"), 9
OUTCOMES = (INTERESTED, REACHED, NOT_REACHED, CALL_BACK, REFUSED, SOLD)
AGREED_SCHEME, WAITING_SCHEME = "value_tiers", "lifecycle"


class Case(NamedTuple):
    """What the officer decides of a case, and what a second officer answers; None: the decision waits for the signature."""

    decision: str
    reason: str
    is_signed: bool | None = None


EARLIER_CASES = (
    Case(RESTRICT, "Two debits returned within a month and no answer to our calls", is_signed=True),
    Case(CONTACT, "Ask about the late instalments before anything else is decided"),
    Case(WATCH, "Late once, paid since; look at it again in six weeks"),
    Case(KEEP, "The score fell after a change of address and has recovered"),
    Case(RESTRICT, "The overdraft has been above its limit for weeks", is_signed=False),
    Case(REFER, "Several debts elsewhere: the debt counsellor should speak with the client"),
    Case(WATCH, "Income moved to another bank, instalments are paid for now"),
    Case(KEEP, "One instalment late over a holiday, paid on the next working day"),
)
LATER_CASES = (
    Case(RESTRICT, "Three instalments late and the deposits are gone"),
    Case(CONTACT, "Agree on new dates for the instalments"),
    Case(WATCH, "First late instalment; the salary still arrives"),
)


def day_to_watch(as_of: date) -> date:
    """The day until which a client under watch is left alone."""
    return as_of + timedelta(days=WATCH_DAYS)


def scope_named(session: Session, login: str) -> Scope:
    """The scope of one of the demonstration's people.

    Raises
    ------
    InputError
        When nobody signs in under this login.
    """
    person = by_login(session, login)
    if person is None:
        raise InputError(f"nobody signs in as {login}", "the people of the demonstration", "run bankseg demo, which makes them")
    return person.scope


def agree_on_policy(bank: Bank) -> None:
    """Two persons agree that models serve for a whole quarter; once."""
    with reading(bank.engine) as session:
        if policy_version.history(session):
            return
        owner, officer = scope_named(session, MODEL_OWNER), scope_named(session, OFFICER)
    number = policy_versions.propose(
        bank.settings, bank.engine, owner, POLICY, "Models are reviewed by the quarter; those of its first day should serve to its last"
    )
    policy_versions.decide(bank.settings, bank.engine, officer, number, approve=True, reason="Agreed: one review a quarter, and the monitor watches in between")


def send_list(bank: Bank, contact_on: date) -> None:
    """A marketer draws a list with a control group and seals it, a second one releases it; once."""
    asked = ListAsked(product="home_insurance", channel="email", control_share=3_000)
    number = _drawn(bank, SENT, asked)
    if number is None:
        return
    with reading(bank.engine) as session:
        releaser = scope_named(session, LIST_RELEASER)
    list_states.release(bank.engine, releaser, number, "Agreed in the product committee, wording checked by compliance", contact_on)


def load_answers(bank: Bank, demo: DemoBank, seed: int) -> None:
    """The contacts of the released list and the contracts that they brought, loaded like any extract of the bank; a second time loads nothing."""
    folder = bank.settings.home / "demo" / "answers"
    with reading(bank.engine) as session:
        row = next((row for row in client_list.visible(session, scope_named(session, LIST_MAKER)) if row.name == SENT and row.contact_on), None)
    if row is None:
        return
    if not folder.exists():
        members = pq.read_table(members_path(bank.settings, row.id or 0), columns=["client_id", "arm"]).to_pylist()
        arms: dict[str, list[str]] = {arm: [member["client_id"] for member in members if member["arm"] == arm] for arm in ("treated", "control")}
        mailing = Mailing("LISTE-MRH-AUTOMNE", str(row.terms["product"]), date.fromisoformat(row.contact_on or ""), arms["treated"], arms["control"])
        write_answers(demo, folder, mailing, seed)
    ingest_directory(bank.settings, folder, folder / "mapping.toml")


def review_cases(bank: Bank, cases: Sequence[Case], watch_until: date) -> None:
    """One officer decides the gravest open cases, another answers where a second signature is asked for."""
    with reading(bank.engine) as session:
        officer, second = scope_named(session, OFFICER), scope_named(session, SECOND_OFFICER)
        done = WAITING if any(case.decision == RESTRICT and case.is_signed is None for case in cases) else DECIDED
        if risk_overview(session, officer).states.get(done):
            return
        waiting = list(risk_queue_page(session, officer, QueueAsked(), limit=5 * len(cases)).rows)
    for case in cases:
        row = next((row for row in waiting if case.decision != RESTRICT or _suggested(row)), None)
        if row is None:
            return
        waiting.remove(row)
        client, adverse = str(row["client_id"]), _suggested(row)[: adverse_reasons.MOST] if case.decision == RESTRICT else []
        made = Decision(case.decision, case.reason, watch_until if case.decision == WATCH else None, adverse)
        risk_review.decide(bank.engine, officer, client, made)
        if case.is_signed is not None:
            said = "Read and agreed" if case.is_signed else "The client called the branch; hear what they say first"
            risk_review.sign(bank.engine, second, client, said, approve=case.is_signed)
    for place, row in enumerate(waiting[:4]):
        risk_review.assign(bank.engine, officer, str(row["client_id"]), (officer, second)[place % 2].person_id)


def call_clients(bank: Bank, logins: Sequence[str]) -> None:
    """Advisers call the first clients of their day and record what became of it; once."""
    section = bank.policy.section("worklist")
    worklist = Worklist(int(section["calls_a_day"]), int(section["quiet_days"]))
    for login in logins:
        with reading(bank.engine) as session:
            caller, today = scope_named(session, login), today_of(session)
            if client_contact.made_by(session, caller):
                continue
            rows = my_day(session, caller, worklist).calls[:CALLS]
        days = cycle(AGAIN_DAYS)
        for row, outcome in zip(rows, cycle(OUTCOMES), strict=False):
            again = today + timedelta(days=next(days)) if outcome == CALL_BACK else None
            contact_log.record(bank.engine, caller, str(row["client_id"]), Contact(outcome, product=row["best_product"], again_on=again, note=_note(outcome)))


def leave_work(bank: Bank) -> None:
    """What waits for a second person when a stranger first looks: an override, a sealed list, and a change of the policy."""
    _ask_override(bank, WAITING_SCHEME)
    _drawn(bank, WAITING_LIST, ListAsked(product="savings", channel="email", size=1_500, control_share=1_000))
    with reading(bank.engine) as session:
        if len(policy_version.history(session)) != 1:
            return
        owner = scope_named(session, MODEL_OWNER)
    policy_versions.propose(bank.settings, bank.engine, owner, PROPOSED_POLICY, "Advisers finish their twenty calls before noon")


def propose_advisers(bank: Bank) -> None:
    """Skills and room of the advisers are known, and the head of a branch asked who should serve whom: it waits for the administrator; once."""
    with reading(bank.engine) as session:
        head = scope_named(session, HEAD)
        run = runs.current(session)
        if run is None or adviser_proposal.proposals(session, head.branch_id):
            return
    path = bank.settings.home / "demo" / "advisers.csv"
    write_advisers(path, run.n_rows or 0)
    load_advisers(bank.engine, path)
    with suppress(MissingDataError):  # in a small bank nobody may be worth a move
        adviser_proposals.ask(bank.settings, bank.engine, head, head.branch_id or "", "Wealthy clients and firms should be with who knows their matters")


def publish_scheme(bank: Bank) -> None:
    """A scheme is red on one small segment; a second person agrees to publish it all the same; once."""
    _ask_override(bank, AGREED_SCHEME)
    with reading(bank.engine) as session:
        if segment_override.waiting_for(session, AGREED_SCHEME) is None:
            return
        second = scope_named(session, LIST_RELEASER)
    scheme_life.decide_override(bank.settings, bank.engine, second, AGREED_SCHEME, "Agreed: a loss-making client is a client of a tier too", is_granted=True)


def _drawn(bank: Bank, name: str, asked: ListAsked) -> int | None:
    """The number of a list that was drawn and sealed just now; None where it was before, or the bank has nobody for it."""
    with reading(bank.engine) as session:
        maker = scope_named(session, LIST_MAKER)
        if any(row.name == name for row in client_list.visible(session, maker)):
            return None
    try:
        number = list_states.keep_draft(bank.settings, bank.engine, maker, bank.policy, name, asked)
        list_states.freeze(bank.settings, bank.engine, maker, bank.policy, number)
    except InputError:
        return None  # a small bank has no model of the product
    return number


def _ask_override(bank: Bank, code: str) -> None:
    with reading(bank.engine) as session:
        if segment_override.requests(session, code):
            return
        maker = scope_named(session, LIST_MAKER)
    with suppress(InputError):  # a small bank may have no red line, and nothing to override
        scheme_life.ask_override(bank.settings, bank.engine, maker, code, "Branches work with these groups already, and the small ones must be seen")


def _suggested(row: dict[str, object]) -> list[str]:
    triggers = row["triggers"]
    return adverse_reasons.suggested(str(one["code"]) for one in triggers) if isinstance(triggers, list) else []


def _note(outcome: str) -> str:
    return {INTERESTED: "Wants the conditions in writing", CALL_BACK: "Asked for another moment", REFUSED: "Has it elsewhere, content with it"}.get(outcome, "")
