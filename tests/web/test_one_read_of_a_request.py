"""A request reads the store through one transaction: a second beside it can stand still with a writer who waits for the first."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlmodel import Session, select, text

from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine, reading, transaction, wal_is_safe
from bankseg.storage.person import Person
from bankseg.web import desk
from bankseg.web.app import create_app

PATIENCE_SECONDS = 20


@pytest.mark.skipif(wal_is_safe(), reason="with write-ahead logging no reader waits for a writer")
def test_the_policy_is_read_while_a_writer_waits_for_this_request(settings: Settings) -> None:
    settings.home.mkdir()
    engine = make_engine(settings.store)
    schema.upgrade(engine)
    app = create_app(settings)
    with app.test_request_context("/"):
        _begin(desk.read())
        writer = threading.Thread(target=_write, args=(settings,))
        writer.start()
        _wait_until_readers_are_turned_away(Path(settings.store.removeprefix("sqlite:///")))

        begun = time.monotonic()
        currency = desk.policy().section("value")["currency"]
        took = time.monotonic() - begun
        desk.close_read()
        writer.join()

    assert currency == "EUR"
    assert took < PATIENCE_SECONDS
    with reading(engine) as session:
        assert session.exec(select(Person.login)).all() == ["alice"]


def _begin(session: Session) -> None:
    session.exec(text("SELECT 1 FROM person"))


def _write(settings: Settings) -> None:
    with transaction(make_engine(settings.store)) as session:
        session.add(Person(login="alice", display_name="Alice", role="marketer", password_hash=""))


def _wait_until_readers_are_turned_away(path: Path) -> None:
    """Wait until a writer has begun to commit: who begins to read now waits for it."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with sqlite3.connect(path, timeout=0) as reader:
            try:
                reader.execute("SELECT count(*) FROM person").fetchone()
            except sqlite3.OperationalError:
                return
        time.sleep(0.01)
    pytest.fail("the writer never came to its commit")
