"""An empty store of each kind, with the schema the migrations make."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bankseg.storage import schema
from bankseg.storage.database import make_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A store nothing was ever written to."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}" if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres_url"))
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_store: Engine) -> Engine:
    """A store at the newest revision."""
    schema.upgrade(empty_store)
    return empty_store
