"""Seals of files that lose a client: hashes and counts that the store recorded, set anew for those files alone that were sound before."""

import re

from sqlmodel import Session, col, select

from bankseg.lake.parquet import digest_of, row_count
from bankseg.services.bank import Bank
from bankseg.services.erasure_files import HoldingFile
from bankseg.services.list_states import digest
from bankseg.services.segment import PARTS, part_path
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import database_time
from bankseg.storage.import_upload import ImportUpload
from bankseg.storage.run import Run
from bankseg.storage.segment_membership import SegmentMembership
from bankseg.storage.segment_study import SegmentStudy

RUN_FOLDER = r"snapshots/runs/(\d+)"
PART = re.compile(rf"{RUN_FOLDER}/({'|'.join(PARTS)})\.parquet")
MEMBERS = re.compile(rf"{RUN_FOLDER}/members/(.+)-v(\d+)\.parquet")
STUDY = re.compile(rf"{RUN_FOLDER}/studies/(\d+)\.parquet")
UPLOAD = re.compile(r"uploads/([0-9a-f]+)/")
LIST = re.compile(r"lists/(\d+)/(members|exclusions)\.parquet")


def sealed(bank: Bank, session: Session, paths: list[str]) -> list[str]:
    """Those of the files, relative to home, whose recorded hash is that of their bytes: a damaged file is not made to look sound."""
    return [path for path in paths if (known := _recorded(session, path)) and known == _found(bank, path)]


def seal_again(bank: Bank, session: Session, held: HoldingFile, sound: list[str], pseudonym: str) -> None:
    """Record what a file is now that the client is taken out; again changes nothing. A list keeps the pseudonym, for its counts at freezing were one more."""
    if found := UPLOAD.match(held.path):
        for upload in session.exec(select(ImportUpload).where(ImportUpload.folder == found[1], col(ImportUpload.ended_at).is_(None))):
            upload.state, upload.ended_at = "expired", database_time(session)
    if held.path not in sound:
        return
    now = _found(bank, held.path)
    if found := PART.fullmatch(held.path):
        run = session.get_one(Run, int(found[1]))
        run.result_sha256 = now
        if found[2] == "clients":
            run.n_expected = row_count(bank.settings.home / held.path)
    elif found := MEMBERS.fullmatch(held.path):
        member = _membership(session, found)
        rows = row_count(bank.settings.home / held.path)
        member.clients, member.rows, member.sha256 = member.clients - (member.rows > rows), rows, now
    elif found := STUDY.fullmatch(held.path):
        session.get_one(SegmentStudy, int(found[2])).rows_sha256 = now
    elif found := LIST.fullmatch(held.path):
        row = session.get_one(ClientList, int(found[1]))
        row.manifest = {**row.manifest, f"{found[2]}_sha256": now, "erased": sorted({*row.manifest.get("erased", ()), pseudonym})}
        row.manifest_sha256 = digest(row.manifest)


def _recorded(session: Session, path: str) -> str:
    """The hash the store has for a file; empty for one it keeps none of."""
    if found := PART.fullmatch(path):
        run = session.get(Run, int(found[1]))
        return (run.result_sha256 or "") if run else ""
    if found := MEMBERS.fullmatch(path):
        return _membership(session, found).sha256
    if found := STUDY.fullmatch(path):
        study = session.get(SegmentStudy, int(found[2]))
        return study.rows_sha256 if study else ""
    if found := LIST.fullmatch(path):
        row = session.get(ClientList, int(found[1]))
        return str(row.manifest.get(f"{found[2]}_sha256", "")) if row else ""
    return ""


def _found(bank: Bank, path: str) -> str:
    """The hash of what is there: of the three parts of a run together, of any other file by itself."""
    if found := PART.fullmatch(path):
        parts = (part_path(bank, int(found[1]), part) for part in PARTS)
        return digest_of(part for part in parts if part.exists())
    return digest_of([bank.settings.home / path])


def _membership(session: Session, found: re.Match[str]) -> SegmentMembership:
    query = select(SegmentMembership).where(
        SegmentMembership.run_id == int(found[1]), SegmentMembership.code == found[2], SegmentMembership.version == int(found[3])
    )
    return session.exec(query).one()
