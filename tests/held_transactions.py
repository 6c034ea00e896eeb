"""Whether a thread begins a transaction while it holds another one of the same store.

With SQLite's rollback journal the second can wait for a writer, who waits for the first to end: all three stand still until the store gives up.
On PostgreSQL it takes a second connection of the pool, and threads that each hold one can wait for a second for ever.
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

PROJECT = f"{Path(__file__).parents[1]}/"
FRAMES = 6
Held = dict[int, str]  # by the identity of the driver's connection: where its transaction began


@contextmanager
def watched() -> Iterator[list[str]]:
    """What was begun beside a held transaction while this is open, each with where both began."""
    held: dict[tuple[int, str], Held] = defaultdict(dict)
    found: list[str] = []

    def begun(connection: Connection) -> None:
        mine, here = held[threading.get_ident(), str(connection.engine.url)], _where()
        found.extend(f"begun at {here} while held since {before}" for before in mine.values())
        mine[id(connection.connection.dbapi_connection)] = here

    def ended(connection: Connection) -> None:
        _forget(held, connection.connection.dbapi_connection)

    def given_back(driver: object, record: object) -> None:
        del record
        _forget(held, driver)

    listened = ((Engine, "begin", begun), (Engine, "commit", ended), (Engine, "rollback", ended), (Pool, "checkin", given_back))
    for target, name, heard in listened:
        event.listen(target, name, heard)
    try:
        yield found
    finally:
        for target, name, heard in listened:
            event.remove(target, name, heard)


def _forget(held: dict[tuple[int, str], Held], driver: object) -> None:
    for mine in list(held.values()):  # a connection may be given back by another thread than the one that began
        mine.pop(id(driver), None)


def _where() -> str:
    """The innermost lines of the project that led here, outermost first."""
    told: list[str] = []
    frame: FrameType | None = sys._getframe(1)  # the stack without reading any source
    while frame is not None and len(told) < FRAMES:
        name = frame.f_code.co_filename
        if name.startswith(PROJECT) and name != __file__ and ".venv" not in name:
            told.append(f"{name.removeprefix(PROJECT)}:{frame.f_lineno}")
        frame = frame.f_back
    return " > ".join(reversed(told))
