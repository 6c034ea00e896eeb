import json

import pytest
from click.testing import CliRunner
from sqlmodel import select

from bankseg.cli.main import main
from bankseg.domain.errors import InputError
from bankseg.services.advisers import Rejected, known_advisers, load_advisers
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading

HEADER = "rm_id,skills,languages,capacity,branch_id\n"


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "advisers.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_good_rows_are_loaded_and_the_others_told_by_line(any_bank, tmp_path):
    rows = "anna,wealth;business, english ,120,paris\nbo,Wealth,,80,paris\ncy,,,many,lyon\nanna,,,1,lyon\n,,,5,lyon\ndee,,,0,lyon\n"

    done = load_advisers(any_bank.engine, written(tmp_path, HEADER + rows))

    assert (done.read, done.loaded) == (6, 2)
    assert [row.line for row in done.rejected] == [3, 4, 5, 6]
    assert done.rejected[1] == Rejected(4, "capacity 'many'", "a whole number from 0 to 100000", "write how many clients the adviser can carry")
    assert [(row.branch_id, row.rm_id, row.skills, row.languages, row.capacity) for row in known_advisers(any_bank.engine)] == [
        ("lyon", "dee", [], [], 0),
        ("paris", "anna", ["business", "wealth"], ["english"], 120),
    ]


def test_a_second_file_replaces_whom_it_names_and_leaves_the_others(any_bank, tmp_path):
    load_advisers(any_bank.engine, written(tmp_path, HEADER + "anna,wealth,,120,paris\nbo,,,80,paris\n"))
    load_advisers(any_bank.engine, written(tmp_path, HEADER + "anna,care,,60,lyon\n"))

    assert [(row.rm_id, row.branch_id, row.skills, row.capacity) for row in known_advisers(any_bank.engine)] == [
        ("anna", "lyon", ["care"], 60),
        ("bo", "paris", [], 80),
    ]


def test_loading_is_told_in_the_trail(any_bank, tmp_path):
    load_advisers(any_bank.engine, written(tmp_path, HEADER + "anna,wealth,,120,paris\nbo,,,-1,paris\n"))

    with reading(any_bank.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "advisers_loaded")).one()
        assert entry.details == {"loaded": 1, "rejected": 1}


@pytest.mark.parametrize(
    ("text", "encoding", "told"), [("rm_id,skills\n", "utf-8", "languages, capacity, branch_id"), (HEADER + "é,,,1,p\n", "latin-1", "UTF-8")]
)
def test_a_file_that_is_no_table_of_advisers_is_refused_whole(any_bank, tmp_path, text, encoding, told):
    with pytest.raises(InputError, match=told):
        load_advisers(any_bank.engine, written(tmp_path, text, encoding))

    assert known_advisers(any_bank.engine) == []


def test_the_command_line_loads_and_lists(bank, tmp_path, monkeypatch):
    monkeypatch.setenv("BANKSEG_HOME", str(bank.settings.home))
    path = written(tmp_path, HEADER + "anna,wealth,,120,paris\nbo,,,x,paris\n")

    loaded = CliRunner().invoke(main, ["advisers", "load", str(path)], catch_exceptions=False)
    listed = CliRunner().invoke(main, ["advisers", "list", "--json"], catch_exceptions=False)

    assert loaded.output.splitlines()[0] == "2 rows read, 1 loaded, 1 rejected"
    assert loaded.output.splitlines()[1].startswith("line 3: capacity 'x'")
    assert [row["rm_id"] for row in json.loads(listed.output)["advisers"]] == ["anna"]
