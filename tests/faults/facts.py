"""What a bank's store, lake and folders hold at the end, as one line for the history."""

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import BanksegError
from bankseg.lake import erase
from bankseg.lake.parquet import digest_of
from bankseg.lake.tables import current_files, delta, open_lake
from bankseg.services import backup_manifest, erasure_files
from bankseg.services.list_members import exclusions_path, members_path
from bankseg.services.segment import PARTS
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_erasure import ClientErasure, ErasureSubject
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import db_now, reading
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.job import Job
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import Run, current
from tests.faults.history import read_history
from tests.faults.tiny_bank import TinyBank

KEYS = {"clients": "client_id", "accounts": "account_id", "transactions": "transaction_id", "consents": "client_id || purpose || decided_on"}
Facts = dict[str, Any]  # Any: JSON values


def final_facts_of(tiny: TinyBank, history: Path) -> Facts:
    """Everything the checker asks about; the history says which clients were erased."""
    bank = tiny.opened()
    try:
        with reading(bank.engine) as session:
            pointer = current(session)
            stored = {
                "runs": [_run(session, bank.snapshots, row) for row in session.exec(select(Run).order_by(col(Run.id)))],
                "jobs": jobs_of(session),
                "batches": [_batch(row) for row in session.exec(select(ImportBatch))],
                "lists": [_list(tiny, row) for row in session.exec(select(ClientList))],
                "audit": [list(row) for row in session.exec(select(AuditEntry.action, AuditEntry.subject).order_by(col(AuditEntry.id)))],
                "broken_audit": audit.first_broken(session),
                "current": pointer.id if pointer else None,
                "erasures": [_erasure(session, row) for row in session.exec(select(ClientErasure).order_by(col(ClientErasure.id)))],
            }
    finally:
        bank.engine.dispose()
    exports = {str(path): digest_of([path]) for path in (tiny.home / "exports").glob("*.csv")}
    backups = {str(path): _sound(tiny, path) for path in (tiny.home / "backups").glob("[!.]*")}
    return {**stored, "traces": _traces(tiny, history), "lake": _lake(tiny), "exports": exports, "backups": backups, "unfinished": unfinished(tiny)}


def jobs_of(session: Session) -> list[Facts]:
    """State, attempts and lease of every job."""
    now = session.scalar(select(db_now())) or 0.0
    return [
        {"key": row.key, "state": row.state, "attempt": row.attempt, "max_attempts": row.max_attempts, "error": row.error, "lease_left": row.lease_until - now}
        for row in session.exec(select(Job).order_by(col(Job.id)))
    ]


def unfinished(tiny: TinyBank) -> dict[str, float]:
    """Age in seconds of every draft, and of every lake file that no version names."""
    drafts = [*tiny.home.rglob("*.part"), *tiny.home.rglob(".draft-*"), *_uncommitted(tiny)]
    return {str(path.relative_to(tiny.home)): time.time() - path.lstat().st_mtime for path in drafts}


def _uncommitted(tiny: TinyBank) -> set[Path]:
    root = Path(tiny.settings.lake)
    found = set(root.glob("*/bucket=*/*.parquet"))
    for log in root.glob("*/_delta_log/*.json"):
        text = log.read_text(encoding="utf-8")
        found = {path for path in found if path.name not in text}
    return found


def _run(session: Session, snapshots: Path, row: Run) -> Facts:
    kept = session.exec(select(func.count()).select_from(PublishedClient).where(PublishedClient.run_id == row.id)).one()
    paths = [snapshots / "runs" / str(row.id) / f"{part}.parquet" for part in PARTS]
    return {
        "id": row.id, "state": row.state, "error": row.error, "n_rows": row.n_rows, "n_expected": row.n_expected, "kept_rows": kept,
        "result_sha256": row.result_sha256, "files_sha256": digest_of(paths) if row.state == "published" else None,
    }  # fmt: skip


def _batch(row: ImportBatch) -> Facts:
    names = ("file_name", "sha256", "state", "read", "accepted", "quarantined", "duplicates", "filtered")
    return {"table": row.table_name, **{name: getattr(row, name) for name in names}}


def _erasure(session: Session, row: ClientErasure) -> Facts:
    return {"id": row.id, "state": row.state, "is_named": session.get(ErasureSubject, row.id) is not None}


def _traces(tiny: TinyBank, history: Path) -> dict[str, list[str]]:
    """Where there is anything of each client that was said to be erased."""
    gone = [line["client_id"] for line in read_history(history) if line.get("what") == "erased" and Path(line["home"]) == tiny.home]
    found = {}
    for client_id in gone:
        bucket = bucket_of(client_id, tiny.settings.buckets)
        in_lake = [held.path for held in erase.files_with(tiny.settings.lake, client_id, bucket)]
        found[client_id] = [*in_lake, *(held.path for held in erasure_files.files_with(tiny.settings, client_id, bucket)), *_in_store(tiny, client_id)]
    return found


def _in_store(tiny: TinyBank, client_id: str) -> list[str]:
    """Tables whose column of clients still has this one."""
    bank = tiny.opened()
    try:
        with reading(bank.engine) as session:
            tables = [table for table in SQLModel.metadata.sorted_tables if "client_id" in table.columns]
            return [table.name for table in tables if session.exec(select(func.count()).select_from(table).where(table.c.client_id == client_id)).one()]
    finally:
        bank.engine.dispose()


def _list(tiny: TinyBank, row: ClientList) -> Facts:
    paths = members_path(tiny.settings, row.id or 0), exclusions_path(tiny.settings, row.id or 0)
    recorded = [row.manifest.get(name) for name in ("members_sha256", "exclusions_sha256")]
    found = [digest_of([path]) if path.exists() else None for path in paths]
    return {"id": row.id, "state": row.state, "manifest_sha256": row.manifest_sha256, "recorded_sha256": recorded, "files_sha256": found}


def _lake(tiny: TinyBank) -> dict[str, dict[str, int]]:
    """Rows and distinct keys of each table with a key of its own."""
    lake, found = open_lake(tiny.settings.lake, tiny.settings.buckets), {}
    for table, key in KEYS.items():
        if delta(lake, table) is None:
            continue
        files = [path for paths in current_files(lake, table).values() for path in paths]
        with duckdb.connect() as connection:
            query = f"SELECT count(*), count(DISTINCT {key}) FROM read_parquet($files, hive_partitioning = false)"  # noqa: S608  # words of this module
            [(rows, keys)] = connection.execute(query, {"files": files}).fetchall()
        found[table] = {"rows": rows, "keys": keys}
    return found


def _sound(tiny: TinyBank, folder: Path) -> str:
    try:
        manifest = backup_manifest.read(folder, tiny.settings.key())
    except BanksegError as error:
        return str(error)
    damaged = [name for name, entry in manifest.files.items() if sha256((folder / name).read_bytes()).hexdigest() != entry["sha256"]]
    return f"{len(damaged)} files are damaged" if damaged else "whole"
