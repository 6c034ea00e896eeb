"""Planning a run: the store stays free while the lake is hashed, and a run continues from the dates before it."""

from datetime import date

import pytest
from click.testing import CliRunner

from bankseg.cli.main import main
from bankseg.lake.files import hash_files
from bankseg.services import runs, segment
from bankseg.services.runs import start_run
from bankseg.storage import recorded_document
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import Run, published_before
from tests.services.conftest import AS_OF, drive, run_row
from tests.services.model_builders import staff

EARLIER = date(2025, 11, 30)


def test_the_store_is_free_while_the_lake_is_hashed(bank, monkeypatch):
    def hash_and_write(*given):
        with transaction(bank.engine) as session:  # waits for ever if the run held the write lock
            recorded_document.keep(session, "policy", {"somebody": "else"})
        return hash_files(*given)

    monkeypatch.setattr(runs, "hash_files", hash_and_write)

    assert run_row(bank, start_run(bank, AS_OF)).file_hashes


@pytest.mark.parametrize(("as_of", "found"), [("2025-12-31", 2), ("2025-12-01", 1), ("2025-10-31", None), ("2026-06-30", 4)])
def test_what_a_run_continues_from_is_the_latest_published_date_before_it(bank, as_of, found):
    rows = (
        (1, "2025-10-31", "published"),
        (2, "2025-12-15", "published"),
        (3, "2025-12-20", "failed"),
        (4, "2026-01-31", "published"),
        (5, "2026-02-28", "running"),
    )
    with transaction(bank.engine) as session:
        session.add_all(Run(id=number, key=str(number), as_of=day, state=state) for number, day, state in rows)

    with reading(bank.engine) as session:
        before = published_before(session, as_of)

    assert (before.id if before else None) == found


def test_history_that_is_filled_in_does_not_start_from_the_tiers_of_a_later_date(bank, monkeypatch):
    seen = []
    monkeypatch.setattr(segment, "_tiers_before", _noting(seen, segment._tiers_before))
    start_run(bank, AS_OF)
    drive(bank)

    start_run(bank, EARLIER)
    drive(bank)
    start_run(bank, date(2026, 1, 31))
    drive(bank)

    assert [before.as_of if before else None for before in seen] == [None, None, "2025-12-31"]


def _noting(seen, inner):
    def noted(session, before):
        seen.append(before)
        return inner(session, before)

    return noted


def test_a_run_keeps_its_policy_its_declarations_and_who_started_it(bank):
    people = staff(bank)
    run = run_row(bank, start_run(bank, AS_OF, person_id=people["odile"].person_id))

    assert run.started_by == people["odile"].person_id
    with reading(bank.engine) as session:
        assert recorded_document.read(session, run.policy_sha256) == bank.policy.values
        assert recorded_document.read(session, run.declarations_sha256)["products"] == {}
        assert recorded_document.read(session, "0" * 64) is None


def test_a_run_cannot_be_started_in_the_name_of_nobody(bank, monkeypatch):
    monkeypatch.setenv("BANKSEG_HOME", str(bank.settings.home))
    monkeypatch.setenv("BANKSEG_LAKE_URL", bank.lake)

    told = CliRunner().invoke(main, ["snapshot", "--as", "nobody", "--json"])

    assert (told.exit_code, "nobody signs in" in told.stdout) == (9, True)
