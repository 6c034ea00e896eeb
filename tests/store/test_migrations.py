"""The migrations make the tables the code has, on both stores, from nothing and again."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from bankseg.storage import schema, tables
from bankseg.storage.database import transaction
from bankseg.storage.job import Job
from bankseg.storage.revisions import newest_revision
from bankseg.storage.run import Run

CHECKOUT = Path(__file__).parents[2]


def test_an_empty_store_has_no_revision_and_is_brought_to_the_newest(empty_store):
    assert schema.revision(empty_store) is None

    schema.upgrade(empty_store)

    assert schema.revision(empty_store) == newest_revision() is not None
    assert set(tables.METADATA.tables) <= set(inspect(empty_store).get_table_names())


def test_the_migrated_store_differs_in_nothing_from_the_tables_in_code(engine):
    assert schema.differences(engine) == []


def test_upgrading_again_changes_nothing_and_keeps_the_rows(engine):
    with transaction(engine) as session:
        session.add(Run(key="k", as_of="2025-12-31"))

    schema.upgrade(engine)

    with engine.connect() as connection:
        assert connection.execute(text("select key from run")).scalars().all() == ["k"]


def test_an_upgrade_that_fails_half_way_leaves_the_store_as_it_was(empty_store):
    with empty_store.begin() as connection:
        connection.execute(text("create table websession (x integer)"))  # the last table the first migration makes

    with pytest.raises(Exception, match="websession"):
        schema.upgrade(empty_store)

    assert schema.revision(empty_store) is None
    assert inspect(empty_store).get_table_names() == ["websession"]


@pytest.mark.slow
def test_several_processes_may_upgrade_at_once(empty_store):
    script = "import sys; from bankseg.storage import database, schema; schema.upgrade(database.make_engine(sys.argv[1]))"
    command = [sys.executable, "-c", script, empty_store.url.render_as_string(hide_password=False)]

    started = [subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in started]

    assert [process.returncode for process in started] == [0, 0], said
    assert schema.differences(empty_store) == []


@pytest.mark.parametrize("row", [Run(key="r", as_of="2025-12-31", state="finished"), Job(key="j", stage="train", state="lost")])
def test_a_state_that_is_none_of_the_known_is_refused_by_the_store(engine, row):
    with pytest.raises(IntegrityError), transaction(engine) as session:
        session.add(type(row)(**row.model_dump()))
