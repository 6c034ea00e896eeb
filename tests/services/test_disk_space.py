"""A full disk ends in a sentence with a remedy, and nothing half is shown."""

import errno
from pathlib import Path

import duckdb
import pytest

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.services import ingest_extract
from bankseg.services.disk_space import needs_space
from tests.ingest.intake import CLIENT_ROWS, small_bank


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "over"), duckdb.IOException("could not write: No space left on device"), ValueError("database or disk is full")],
)  # fmt: skip
def test_a_full_disk_is_told_in_our_words(error: Exception) -> None:
    with pytest.raises(ServiceUnavailableError, match="no space was left on the disk while files were loaded"), needs_space("files were loaded", Path("home")):
        raise error


def test_any_other_error_passes() -> None:
    with pytest.raises(FileNotFoundError), needs_space("files were loaded", Path("home")):
        raise FileNotFoundError(errno.ENOENT, "gone")


def test_an_import_on_a_full_disk_says_so_and_goes_well_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = small_bank(tmp_path)
    bank.write({"clients.csv": CLIENT_ROWS})
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(ingest_extract, "write_staged", lambda *_: (_ for _ in ()).throw(full))
        with pytest.raises(ServiceUnavailableError, match="no space was left"):
            bank.load()

    assert sum(file.accepted for file in bank.load().files) == 2
    assert bank.rows("clients", "client_id") == [("C1",), ("C2",)]
