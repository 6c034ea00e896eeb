"""Erasing a client from the files under home: which of them hold the client, and each of them written anew without, or gone where it is a copy."""

import csv
import gzip
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bankseg.domain.extracts import BUCKET
from bankseg.durable import flush_folder, settle
from bankseg.faults import crash_point
from bankseg.lake.parquet import read_checked, write_whole
from bankseg.services.list_proofs import lists_folder
from bankseg.settings import Settings

BUCKET_FILE = re.compile(rf"{BUCKET}=(\d+)\.parquet")
DRAFT = ".part"
CLIENT = "client_id"


@dataclass(frozen=True, slots=True)
class HoldingFile:
    """A file that holds a client: the kind of place it lies in, its path relative to home, and how many rows name the client."""

    place: str
    path: str
    rows: int


def places(settings: Settings) -> dict[str, Path]:
    """The folders in which the service keeps files about clients, by the kind of place."""
    return {
        "snapshots": settings.home / "snapshots",
        "lists": lists_folder(settings),
        "exports": settings.exports,
        "quarantine": settings.quarantine,
        "uploads": settings.uploads,
        "scratch": settings.home / "scratch",
        "logs": settings.home / "logs",
    }


def files_with(settings: Settings, client_id: str, bucket: int) -> Iterator[HoldingFile]:
    """Every file under home that holds a client; files of other buckets are not opened."""
    for place, folder in places(settings).items():
        for path in sorted(folder.rglob("*")):
            named = BUCKET_FILE.fullmatch(path.name)
            if not path.is_file() or (named and int(named[1]) != bucket):
                continue
            rows = _rows_of(path, client_id)
            if rows:
                yield HoldingFile(place, str(path.relative_to(settings.home)), rows)


def take_out(settings: Settings, held: HoldingFile, client_id: str) -> None:
    """Write a file anew without the client. An upload or an exported copy goes as a whole: what a part of it would be worth nobody can say."""
    path = settings.home / held.path
    if not path.exists() or not _rows_of(path, client_id):
        return
    if held.place == "uploads":
        shutil.rmtree(settings.uploads / path.relative_to(settings.uploads).parts[0])
        flush_folder(settings.uploads)
    elif path.suffix == ".parquet" and CLIENT in pq.read_schema(path).names:
        rows = read_checked(path)
        write_whole(rows.filter(pc.invert(pc.is_in(rows.column(CLIENT), value_set=pa.array([client_id])))), path)
    elif path.suffix == ".csv":
        _without_rows(path, client_id)
    elif path.suffix == ".log":
        _masked(path, client_id)
    else:
        path.unlink()
        flush_folder(path.parent)
    crash_point("erasure.file_taken_out")


def _rows_of(path: Path, client_id: str) -> int:
    match path.suffix:
        case ".parquet":
            return _rows_of_parquet(path, client_id)
        case ".xlsx":
            with zipfile.ZipFile(path) as book:
                return sum(len(_pattern(client_id).findall(book.read(name))) for name in book.namelist())
        case ".gz":
            with gzip.open(path) as stream:
                return sum(1 for line in stream if _pattern(client_id).search(line))
        case _:
            with path.open("rb") as stream:
                return sum(1 for line in stream if _pattern(client_id).search(line))


def _rows_of_parquet(path: Path, client_id: str) -> int:
    """Rows that name the client in the column of clients, or in any text of a file that has none."""
    schema = pq.read_schema(path)
    names = [CLIENT] if CLIENT in schema.names else [field.name for field in schema if pa.types.is_string(field.type)]
    return sum(pq.read_table(path, columns=[name], filters=[(name, "==", client_id)], partitioning=None).num_rows for name in names)


def _without_rows(path: Path, client_id: str) -> None:
    """The same CSV without the rows that name the client; a quoted line break stays inside its row."""
    pattern = re.compile(_pattern(client_id).pattern.decode())
    draft = path.with_name(path.name + DRAFT)
    with path.open(encoding="utf-8", newline="") as source, draft.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerows(row for row in csv.reader(source) if not any(pattern.search(cell) for cell in row))
        target.flush()
        os.fsync(target.fileno())
    settle(draft, path)


def _masked(path: Path, client_id: str) -> None:
    """A log another process writes to: the identifier is written over where it stands."""
    with path.open("r+b") as stream:
        for found in _pattern(client_id).finditer(stream.read()):
            stream.seek(found.start())
            stream.write(b"*" * len(found[0]))
        stream.flush()
        os.fsync(stream.fileno())


def _pattern(client_id: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![\w-])" + re.escape(client_id.encode()) + rb"(?![\w-])")
