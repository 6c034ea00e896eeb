"""A process that reads what the desks read, again and again, while faults happen: each look is one line of the history."""

import multiprocessing
import os
import time
from hashlib import sha256
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from bankseg.storage import published_rows
from bankseg.storage.database import reading
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import current
from tests.faults.facts import Facts, jobs_of
from tests.faults.history import History
from tests.faults.tiny_bank import TinyBank

READ_EVERY_SECONDS = 0.5


class Reader:
    """The process; it can be ended and begun again, as when its machine loses power."""

    def __init__(self, tiny: TinyBank, history: Path, bank_name: str) -> None:
        self._arguments = (tiny, history, bank_name, READ_EVERY_SECONDS)
        self.process: BaseProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Read from now on."""
        self.process = multiprocessing.get_context("forkserver").Process(target=read_for_ever, args=self._arguments, daemon=True)
        self.process.start()

    def stop(self) -> None:
        """End at once."""
        assert self.process is not None
        self.process.kill()
        self.process.join()


def read_for_ever(tiny: TinyBank, history: Path, bank_name: str, pause_seconds: float) -> None:
    """Look until the parent is gone or ends this process; a store that is away is noted, not an end."""
    notes, bank, parent = History(history), tiny.opened(), os.getppid()
    while os.getppid() == parent:
        try:
            with reading(bank.engine) as session:
                notes.note("read", bank=bank_name, **_seen(session))
                notes.note("looked", bank=bank_name, jobs=jobs_of(session))
        except OperationalError as error:
            notes.note("away", bank=bank_name, error=str(error.orig)[:80])
        time.sleep(pause_seconds)


def _seen(session: Session) -> Facts:
    run = current(session)
    if run is None:
        return {"run_id": None}
    rows = session.exec(
        select(PublishedClient.client_id, PublishedClient.tier, PublishedClient.churn)
        .where(PublishedClient.run_id == run.id)
        .order_by(col(PublishedClient.client_id))
    ).all()
    others = {part: published_rows.count(session, run.id or 0, part) for part in ("offers", "cases")}
    digest = sha256(repr(([tuple(row) for row in rows], others)).encode()).hexdigest()[:16]
    return {"run_id": run.id, "state": run.state, "n_rows": run.n_rows, "clients": len(rows), "digest": digest}
