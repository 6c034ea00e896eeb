"""An import as the people who load extracts see it: what was refused and why, and the rows for those who mend them."""

import pytest
from sqlmodel import select

from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.import_batch import ImportBatch
from tests.web import builders
from tests.web.conftest import Browsers

ROWS = "row_number,column,value,reason,text\n" + "".join(f"{n},DT_OPE,'=31.02.2025,not a date,line {n}\n" for n in range(1, 31))


@pytest.fixture
def loaded(own: Browsers) -> int:
    """An import with thirty refused rows; returns its number."""
    folder = own.settings.quarantine
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kept.csv").write_text(ROWS, encoding="utf-8")
    with transaction(make_engine(own.settings.store)) as session:
        batch = builders.an_import(
            session, 2, read=100, accepted=70, quarantined=30, duplicates=0, reasons={"not a date: DT_OPE": 30}, quarantine_path=str(folder / "kept.csv")
        )
        session.flush()
        return batch.id or 0


def test_an_import_tells_its_counts_its_reasons_and_the_first_refused_rows(own: Browsers, loaded: int) -> None:
    page = own.of("adam").get(f"/imports/{loaded}").text

    assert "every row is accounted for" in page
    assert page.count("=31.02.2025") == 20
    assert "line 1" not in page  # the row as it came is in the file alone


def test_refused_rows_are_for_those_who_mend_them_and_the_copy_is_on_record(own: Browsers, loaded: int) -> None:
    assert "=31.02.2025" not in own.of("axel").get(f"/imports/{loaded}").text
    assert own.of("axel").get(f"/imports/{loaded}/quarantine").status_code == 404

    file = own.of("odile").get(f"/imports/{loaded}/quarantine", buffered=True)

    assert (file.text.replace("\r", ""), file.headers["X-Row-Count"]) == (ROWS, "30")
    with reading(make_engine(own.settings.store)) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "export", AuditEntry.subject == f"quarantine:{loaded}")).one()
    assert entry.details["rows"] == 30


def test_a_path_that_leaves_the_folder_of_quarantine_is_not_followed(own: Browsers, loaded: int) -> None:
    secret = own.settings.home / "secret.csv"
    secret.write_text("row_number,column,value,reason,text\n1,a,top secret,x,y\n", encoding="utf-8")
    with transaction(make_engine(own.settings.store)) as session:
        session.get_one(ImportBatch, loaded).quarantine_path = str(secret)

    assert own.of("adam").get(f"/imports/{loaded}/quarantine").status_code == 409
    assert "top secret" not in own.of("adam").get(f"/imports/{loaded}").text


def test_an_import_that_does_not_reconcile_says_so_and_none_is_not_found(own: Browsers, loaded: int) -> None:
    with transaction(make_engine(own.settings.store)) as session:
        session.get_one(ImportBatch, loaded).accepted = 69

    assert "does not reconcile" in own.of("adam").get(f"/imports/{loaded}").text
    assert own.of("adam").get("/imports/9999").status_code == 404
