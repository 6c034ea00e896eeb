"""The job that erases a client: lake, files and store, each step of which can be done again from wherever a killed attempt left it.

What is found is written down before anything is removed, so that the receipt counts what there was and not what the last attempt met. The client is hidden since the
approval; nothing reads what lies half erased.
"""

import fcntl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from bankseg.domain.buckets import bucket_of
from bankseg.faults import crash_point
from bankseg.lake import erase
from bankseg.lake.extent import bucket_count
from bankseg.lake.files import verify
from bankseg.services.bank import Bank
from bankseg.services.erasure_files import HoldingFile, files_with, take_out
from bankseg.services.erasure_seals import seal_again, sealed
from bankseg.services.jobs import Claim
from bankseg.services.policy_in_force import policy_in_force
from bankseg.storage import audit, client_erasure, erased_rows, published_counts
from bankseg.storage.client_erasure import ERASED, ClientErasure
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.erased_rows import PSEUDONYMISED, RULES
from bankseg.storage.run import Run

REMAINS = ("backups", "models", "exported", "sources", "pseudonym")  # what an erasure leaves, in the order of the receipt
STEPS = 5


def erase_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Erase one client; done twice it changes nothing. `Any`: JSON of the job's result."""
    number = int(claim.payload["erasure_id"])
    with reading(bank.engine) as session:
        row, subject = session.get_one(ClientErasure, number), client_erasure.subject_of(session, number)
    if subject is not None:
        bucket = bucket_of(subject.subject, bucket_count(bank.lake))
        with _no_import(bank.settings.home):
            claim.progress(0, STEPS, "looking where the client is")
            found = row.found or _write_down(bank, claim, row, subject.subject, bucket)
            claim.progress(1, STEPS, "erasing from the lake")
            _from_lake(bank, claim, subject.subject, row.pseudonym, bucket)
            claim.progress(2, STEPS, "erasing from the files")
            _from_files(bank, claim, row, found, subject.subject)
            claim.progress(3, STEPS, "erasing from the store")
            _from_store(bank, claim, row, found, subject.subject)
    claim.progress(4, STEPS, "overwriting what was freed")
    _overwrite_freed(bank)
    claim.progress(STEPS, STEPS)
    return {"erasure_id": number}


def _write_down(bank: Bank, claim: Claim, row: ClientErasure, client_id: str, bucket: int) -> dict[str, Any]:
    lake = erase.files_with(bank.lake, client_id, bucket)
    files = list(files_with(bank.settings, client_id, bucket))
    with transaction(bank.engine) as session:
        claim.hold(session)
        kept = session.get_one(ClientErasure, row.id)
        by_table: Counter[str] = Counter()
        for held in lake:
            by_table[held.table] += held.rows
        kept.found = {
            "lake": dict(by_table),
            "lake_files": len(lake),
            "files": [asdict(held) for held in files],
            "sealed": sealed(bank, session, [held.path for held in files]),
            "store": erased_rows.counted(session, client_id),
        }
        found = kept.found
    crash_point("erasure.written_down")
    return dict(found)


def _from_lake(bank: Bank, claim: Claim, client_id: str, pseudonym: str, bucket: int) -> None:
    """Every file that holds the client gets a successor; the runs that recorded the file come to name the successor, with its hash."""
    held = erase.files_with(bank.lake, client_id, bucket)
    if not held:
        return
    with reading(bank.engine) as session:
        recorded = {path: digest for run in session.exec(select(Run)) for path, digest in run.file_hashes.items()}
    verify(tuple(one.path for one in held), recorded)
    successors: dict[str, dict[str, erase.Successor]] = {}
    for one in held:
        successors.setdefault(one.table, {})[one.path] = erase.write_without(one, client_id, pseudonym)
        claim.progress(1, STEPS, f"erasing from {one.table}")
    for table, of_table in successors.items():
        erase.follow_in_log(bank.lake, table, of_table)
    every = {path: successor for of_table in successors.values() for path, successor in of_table.items()}
    with transaction(bank.engine) as session:
        claim.hold(session)
        for run in session.exec(select(Run)):
            if every.keys() & run.file_hashes.keys():
                run.file_hashes = {
                    (every[path].path if path in every else path): (every[path].sha256 if path in every else known) for path, known in run.file_hashes.items()
                }
    erase.tell_erased(bank.lake, len(every))
    crash_point("erasure.lake_told")
    erase.drop_files(every)


def _from_files(bank: Bank, claim: Claim, row: ClientErasure, found: dict[str, Any], client_id: str) -> None:
    """Every file written down, then whatever somebody still wrote while the client was being hidden."""
    bucket, pseudonym = bucket_of(client_id, bucket_count(bank.lake)), row.pseudonym
    written_down = [HoldingFile(**held) for held in found["files"]]
    late = [held for held in files_with(bank.settings, client_id, bucket) if held.path not in {known.path for known in written_down}]
    for held in (*written_down, *late):
        take_out(bank.settings, held, client_id)
        with transaction(bank.engine) as session:
            claim.hold(session)
            seal_again(bank, session, held, found["sealed"], pseudonym)


def _from_store(bank: Bank, claim: Claim, row: ClientErasure, found: dict[str, Any], client_id: str) -> None:
    """One transaction: rows, texts and trail, the entry of the chain that vouches for it, and the receipt."""
    crash_point("erasure.before_store")
    with transaction(bank.engine) as session:
        claim.hold(session)
        if session.get_bind().dialect.name == "sqlite":
            session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
        kept = session.get_one(ClientErasure, row.id)
        erased_rows.remove(session, client_id, row.pseudonym)
        published_counts.count_again(session)
        redacted = audit.redact(session, row.id or 0, erased_rows.replacing(client_id, row.pseudonym), naming=client_id)
        session.delete(session.get_one(client_erasure.ErasureSubject, row.id))
        now = database_time(session)
        receipt = _receipt(bank, session, kept, found, entries=len(redacted), now=now)
        kept.state, kept.erased_at, kept.receipt, kept.found = ERASED, now, receipt, {}
        counts = {place["place"]: place["count"] for place in receipt["removed"]}
        audit.record(session, audit.ERASED, f"erasure:{row.id}", pseudonym=row.pseudonym, removed=counts, redacted=redacted)


def _receipt(bank: Bank, session: Session, row: ClientErasure, found: dict[str, Any], *, entries: int, now: float) -> dict[str, Any]:
    """What was removed and what remains, without a word about who the client was."""
    by_place: Counter[str] = Counter()
    for held in found["files"]:
        by_place[held["place"]] += held["rows"]
    removed = [
        *({"place": f"lake:{table}", "count": rows} for table, rows in sorted(found["lake"].items())),
        *({"place": f"files:{place}", "count": rows} for place, rows in sorted(by_place.items())),
        *({"place": f"store:{table}", "count": rows} for table, rows in sorted(found["store"].items()) if RULES[table] != PSEUDONYMISED),
    ]
    kept = [{"place": f"store:{table}", "count": rows} for table, rows in sorted(found["store"].items()) if RULES[table] == PSEUDONYMISED]
    days = int(policy_in_force(bank.settings, session).section("erasure")["backups_kept_days"])
    until = (datetime.fromtimestamp(now, UTC) + timedelta(days=days)).date().isoformat()
    return {
        "pseudonym": row.pseudonym,
        "ground": row.ground,
        "asked_at": row.asked_at,
        "approved_at": row.decided_at,
        "erased_at": now,
        "lake_files_replaced": found["lake_files"],
        "removed": removed,
        "pseudonymised": [*kept, {"place": "store:audit_entry", "count": entries}],
        "remains": [{"what": what, **({"until": until} if what == "backups" else {})} for what in REMAINS],
    }


def _overwrite_freed(bank: Bank) -> None:
    """SQLite leaves what was removed earlier in pages it no longer uses; PostgreSQL's own housekeeping overwrites its dead rows."""
    if bank.engine.dialect.name != "sqlite":
        return
    connection = bank.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM")
    finally:
        connection.close()


@contextmanager
def _no_import(home: Path) -> Iterator[None]:
    """While no import is under way: one commit between looking and writing would bring the client back."""
    with (home / "intake.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
