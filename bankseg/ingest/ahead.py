"""Files of one extract read in a thread of its own, a few pieces ahead of the checks."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

from bankseg.domain.errors import InputError
from bankseg.ingest.rows import Reader, Rows, normalised
from bankseg.ingest.traits import traits_of

# Pieces parsed ahead of the checks: enough to keep both threads busy, few enough to bound memory.
PIECES_AHEAD = 2


class Readable(Protocol):
    """A file to read, and how many rows stand before its data."""

    path: Path
    header_rows: int


FileT = TypeVar("FileT", bound=Readable)
Piece: TypeAlias = Rows | InputError


class ReadAhead(Generic[FileT]):
    """Iterates over pieces of all files in order; a file that cannot be read ends with its InputError as a piece."""

    def __init__(self, files: Sequence[FileT], opened: Callable[[Path], Reader]) -> None:
        self._files = files
        self._opened = opened
        self._queue: queue.Queue[tuple[FileT, Piece] | BaseException | None] = queue.Queue(maxsize=PIECES_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake-reader", daemon=True)

    def __enter__(self) -> Iterator[tuple[FileT, Piece]]:
        self._thread.start()
        return iter(self._next, None)

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()

    def _next(self) -> tuple[FileT, Piece] | None:
        piece = self._queue.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def _run(self) -> None:
        try:
            for file in self._files:
                self._read(file)
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001  # carried to the consuming thread, which raises it
            self._queue.put(error)

    def _read(self, file: FileT) -> None:
        try:
            reader = self._opened(file.path)
            file.header_rows = reader.header_rows
            for rows in reader.read():
                if self._stopped.is_set():
                    return
                tidy = normalised(rows)
                self._queue.put((file, replace(tidy, traits=traits_of(tidy.table, may_be_padded=rows.may_be_padded))))
        except InputError as error:
            self._queue.put((file, error))
