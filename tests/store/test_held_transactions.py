"""The watch over held transactions sees what it is there for, and nothing else."""

import pytest
from sqlmodel import Session, text

from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading
from tests.held_transactions import watched


@pytest.mark.two_transactions
def test_a_transaction_begun_beside_a_held_one_is_told(settings: Settings) -> None:
    settings.home.mkdir()
    with watched() as found, reading(make_engine(settings.store)) as session:
        _begin(session)
        with reading(make_engine(settings.store)) as other:  # another engine of the same store is no other store
            _begin(other)

    assert len(found) == 1
    assert found[0].count("test_held_transactions.py") >= 2


def test_one_after_the_other_is_not(settings: Settings) -> None:
    settings.home.mkdir()
    engine = make_engine(settings.store)
    with watched() as found:
        for _ in range(2):
            with reading(engine) as session:
                _begin(session)

    assert found == []


def _begin(session: Session) -> None:
    session.exec(text("SELECT 1"))
