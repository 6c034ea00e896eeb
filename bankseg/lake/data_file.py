"""A Parquet file of a table on its way into the lake: whole, and on disk or in the object store, before a commit names it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from bankseg.durable import flush_folder, make_folders
from bankseg.lake.copies import draft_in
from bankseg.lake.places import digest_of_file, filesystem, is_remote, reaching
from bankseg.settings import Settings

UPLOAD_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A written file: its name below the table, its size in bytes and when it was written, in milliseconds."""

    name: str
    size: int
    modified_ms: int


class DataFile:
    """A file being written below a table's root; in an object store it is named by its SHA-256, so that every reader can check what it fetched."""

    def __init__(self, table: str, partition: str) -> None:
        self._table, self._partition = table, partition
        if is_remote(table):
            self._path = draft_in(Settings().lake_copies_folder)
        else:
            self._path = Path(table).absolute() / partition / f"{uuid4()}.parquet"
            make_folders(self._path.parent)
        self.stream: BinaryIO = self._path.open("wb")

    def finish(self) -> Finished:
        """Have the bytes where they are to stay.

        Raises
        ------
        ConfigurationError, ServiceUnavailableError
            When an object store refuses them, or does not answer.
        """
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.stream.close()
        if not is_remote(self._table):
            flush_folder(self._path.parent)
        status = self._path.stat()
        name = self._uploaded() if is_remote(self._table) else f"{self._partition}/{self._path.name}"
        return Finished(name, status.st_size, status.st_mtime_ns // 1_000_000)

    def _uploaded(self) -> str:
        name = f"{self._partition}/{digest_of_file(str(self._path))}.parquet"
        with reaching(self._table):
            system, folder = filesystem(self._table)
            target = system.open_output_stream(f"{folder}/{name}")
        with self._path.open("rb") as source:
            while piece := source.read(UPLOAD_BYTES):
                with reaching(self._table):
                    target.write(piece)
        with reaching(self._table):
            target.close()
        self._path.unlink()
        return name
