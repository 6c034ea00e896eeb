"""What the pictured pages show and a fresh demo bank does not have yet, done in a copy of it: every step through the service behind the page."""

import csv
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlmodel import Session, col, select

from bankseg.domain.jobs import JobState
from bankseg.domain.list_terms import ListAsked
from bankseg.domain.position_notes import NotePlace
from bankseg.services import demo_desks, demo_speech, erasure, list_states, segment_studies
from bankseg.services.bank import Bank, open_bank
from bankseg.services.demo_desks import CALLERS, LIST_MAKER, OFFICER, scope_named
from bankseg.services.firm_profile import save_firm_profile
from bankseg.services.ingest import ingest_directory
from bankseg.services.jobs import execute_job
from bankseg.services.list_builder import members_path
from bankseg.services.position_notes import save_note
from bankseg.settings import Settings
from bankseg.storage import adviser_proposal, schema
from bankseg.storage.database import reading
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.published_client import PublishedClient

ADMINISTRATOR, ADVISER_UNSEEN = "admin.petit", "RM009"
CONTRACTS, ENCODING, ROWS, BROKEN_ROWS, NO_DAY = "contrats.csv", "utf-8", 60, 40, "00/00/2025"
LISTED = ListAsked(product="life_insurance", scheme=demo_speech.SCHEME, segment="mature", channel="email", size=400)
PROFILES: tuple[dict[str, str], ...] = (
    {"specialisation": "one_line", "technology": "follows", "distribution": "resellers", "business_model": "products"},
    {
        "specialisation": "few_lines", "brand_strength": "local", "value_chain": "downstream", "outsourcing": "some", "technology": "keeps_up", "distribution": "several",
        "business_model": "products", "note": "Opened a shop of its own in spring and sells online since; the carrier is outsourced.",
    },
)  # fmt: skip
POSITIONS = (
    ("individual", "life_insurance", "build", "Savers without it are many: every maturing term deposit is an occasion."),
    ("individual", "savings", "hold", "Everybody has it; keep the rate in the market's middle."),
    ("company", "business_loan", "build", "Equipment of firms that invest, with the branch's own decision up to the limit."),
)
STUDIES: tuple[tuple[str, dict[str, Any]], ...] = (("tree", {"goal": "churn"}), ("clusters", {}), ("lookalike", {}))  # Any: parameters of a study


def settings_of(home: Path) -> Settings:
    """Settings under which everything lies in a home, whatever the environment names beside it."""
    return Settings(home=home, store_url="", web_store_url="", owner_store_url="", lake_url="", broker_url="memory://")


def work(home: Path) -> dict[str, str]:
    """Do it all, once; the addresses that the screens name in braces."""
    bank = open_bank(settings_of(home))
    schema.upgrade(bank.engine)
    demo_speech.speak_to_segments(bank)
    objector = demo_speech.hear_objection(bank)
    with reading(bank.engine) as session:
        marketer, officer, administrator = (scope_named(session, login) for login in (LIST_MAKER, OFFICER, ADMINISTRATOR))
        first, second, third = _clients_elsewhere(session)
    number = list_states.keep_draft(bank.settings, bank.engine, marketer, bank.policy, "Life insurance, loyal clients", LISTED)
    list_states.freeze(bank.settings, bank.engine, marketer, bank.policy, number)
    with reading(bank.engine) as session:
        talked = _spoken_to(bank, session, number)
    studies = {kind: segment_studies.ask_for_study(bank.settings, bank.engine, marketer, kind, asked) for kind, asked in STUDIES}
    batch = _refused_import(bank)
    erasure.place_hold(bank.settings, bank.engine, officer, first, "Estate in dispute before the court, file 24/117")
    asked = erasure.ask(bank.settings, bank.engine, administrator, second, "legal_obligation", "Order of the authority of 3 December, file 88/2025")
    done = erasure.ask(bank.settings, bank.engine, administrator, third, "legal_obligation", "Order of the court of 12 November, file 51/2025")
    erasure.decide(bank.settings, bank.engine, officer, done, approve=True, reason="The order was read and is final")
    _finish_jobs(bank)
    _note_positions(bank)
    return {
        "{moves}": f"/advisers/proposals/{_moves(bank)}",
        "{firm}": f"/clients/{_profiled_firm(bank)}", "{objector}": f"/clients/{objector}", "{talked}": f"/clients/{talked}", "{written}": f"/lists/{number}", "{refused}": f"/imports/{batch}",
        "{asked}": f"/administration/erasures/{asked}", "{erased}": f"/administration/erasures/{done}",
        **{f"{{{kind}}}": f"/segments/studies/{study}" for kind, study in studies.items()},
    }  # fmt: skip


def _moves(bank: Bank) -> int:
    """The proposal about the pictured branch, asked for now where the bank was made before there were any."""
    demo_desks.propose_advisers(bank)
    with reading(bank.engine) as session:
        return adviser_proposal.proposals(session, scope_named(session, demo_desks.HEAD).branch_id)[0].id or 0


def _clients_elsewhere(session: Session) -> list[str]:
    """Three clients of an adviser whose pages are not pictured."""
    wanted = select(PublishedClient.client_id).where(PublishedClient.rm_id == ADVISER_UNSEEN).order_by(col(PublishedClient.client_id)).distinct()
    return list(islice(session.exec(wanted), 3))


def _spoken_to(bank: Bank, session: Session, number: int) -> str:
    """A client of the pictured adviser on the list, whom the demo's bank offers terms of their own."""
    listed = pq.read_table(members_path(bank.settings, number), columns=["client_id"]).column("client_id").to_pylist()
    advised = select(PublishedClient.client_id).where(PublishedClient.rm_id == scope_named(session, CALLERS[0]).rm_id).order_by(col(PublishedClient.client_id))
    return next(client_id for client_id in session.exec(advised) if client_id in set(listed))


def _profiled_firm(bank: Bank) -> str:
    """A firm of the pictured adviser, whose profile was written twice."""
    with reading(bank.engine) as session:
        adviser = scope_named(session, CALLERS[0])
        served = select(PublishedClient.client_id).where(PublishedClient.rm_id == adviser.rm_id, PublishedClient.kind == "company")
        firm = session.exec(served.order_by(col(PublishedClient.client_id)).distinct()).first() or ""
    for document in PROFILES:
        save_firm_profile(bank.engine, adviser, firm, document)
    return firm


def _note_positions(bank: Bank) -> None:
    with reading(bank.engine) as session:
        marketer = scope_named(session, LIST_MAKER)
    for segment, product, position, text in POSITIONS:
        save_note(bank.settings, bank.engine, marketer, NotePlace("kinds", segment, product), {"position": position, "text": text})


def _refused_import(bank: Bank) -> int:
    """An extract most of whose rows open an account on no day, refused as a whole; the number of its import."""
    home = bank.settings.home
    folder = home / "scratch" / "refused"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / "demo" / "extracts" / "mapping.toml", folder / "mapping.toml")
    with (
        (home / "demo" / "extracts" / CONTRACTS).open(encoding=ENCODING, newline="") as source,
        (folder / CONTRACTS).open("w", encoding=ENCODING, newline="") as target,
    ):
        rows = csv.DictReader(source, delimiter=";")
        broken = csv.DictWriter(target, rows.fieldnames or (), delimiter=";")
        broken.writeheader()
        broken.writerows({**row, "DT_OUV": NO_DAY} if place < BROKEN_ROWS else row for place, row in enumerate(islice(rows, ROWS)))
    ingest_directory(bank.settings, folder, folder / "mapping.toml")
    with reading(bank.engine) as session:
        return session.exec(select(ImportBatch.id).where(ImportBatch.state == "refused").order_by(col(ImportBatch.id).desc())).first() or 0


def _finish_jobs(bank: Bank) -> None:
    """Do what waits for a worker, in this process."""
    with reading(bank.engine) as session:
        waiting = session.exec(select(Job.id).where(Job.state == JobState.QUEUED).order_by(col(Job.id))).all()
    for number in waiting:
        execute_job(bank.settings, number or 0, "screenshots")
