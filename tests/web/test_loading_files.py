"""Imports by the browser: files taken or refused, mapped, tried, loaded by a worker, and gone afterwards."""

import gzip
import io
import re
import stat
import zipfile

import pytest
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.test import TestResponse

from bankseg.ingest.mapping import load_mapping_text
from bankseg.lake.owners import know_owners
from bankseg.lake.scratch import scratch_connection
from bankseg.lake.tables import open_lake
from bankseg.services.jobs import execute_job
from bankseg.services.upload_intake import EXPIRES_SECONDS, forget_old
from bankseg.settings import Settings
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.import_upload import ImportUpload
from bankseg.storage.job import Job
from bankseg.web import desk
from tests.web.conftest import Browsers, token_of

CLIENTS = "NUM_TIERS;DT_ENTREE;TYPE_TIERS;REVENU_AN\nA1;31/12/2020;PP;1 200,50\nA2;01/02/2021;PM;\nA3;30/02/2021;PP;10\n"


def send(http: FlaskClient, *files: tuple[str, bytes]) -> TestResponse:
    """Send files as the form does."""
    token = token_of(http.get("/imports/files").text)
    data = {"form_token": token, "file": [(io.BytesIO(content), name) for name, content in files]}
    return http.post("/imports/files", data=data, content_type="multipart/form-data")


def post(http: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send one of the small forms of a file's page."""
    return http.post(path, data={"form_token": token_of(http.get(path.rpartition("/")[0]).text), **fields})


def limit(own: Browsers, name: str, most: float) -> None:
    """Give the application another limit."""
    object.__setattr__(desk.of(own.app).settings, name, most)


def newest(settings: Settings) -> ImportUpload:
    """The file sent last."""
    with reading(make_engine(settings.store)) as session:
        return session.exec(select(ImportUpload).order_by(ImportUpload.id.desc())).first()


def waiting_folders(settings: Settings) -> set[str]:
    """What lies in the folder of uploads beside the file of the small bank."""
    return {path.name for path in settings.uploads.iterdir()} - {"kept"}


def a_workbook_bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", b"<x/>")
        parts.writestr("xl/worksheets/sheet1.xml", bytes(40 << 20))
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "empty file"),
        ("a.csv", b"MZ\x90\x00 program", "not a file of rows"),
        ("a.csv", b"a,b\n1,\x002\n", "not a file of rows"),
        ("a.parquet", b"a,b\n1,2\n", "its name says otherwise"),
        ("a.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "its name says otherwise"),
        ("a.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9_000_000), "unpacks to more than"),
        ("a.csv.gz", gzip.compress(b"a,b\n" + bytes(range(1, 250)) * 400)[:300], "damaged or truncated"),
        ("a.xlsx", a_workbook_bomb(), "unpacks to far more"),
        ("a.csv", b"a,a\n1,2\n", "more than once"),
    ],
)
def test_a_hostile_file_is_refused_in_words_and_nothing_of_it_stays(own: Browsers, name: str, content: bytes, told: str) -> None:
    response = send(own.of("adam"), (name, content))

    assert response.status_code == 400
    assert told in re.sub(r"(?s).*<main", "", response.text)
    assert waiting_folders(own.settings) == set()


def test_a_form_that_is_not_ours_leaves_no_file_behind(own: Browsers) -> None:
    response = own.of("adam").post("/imports/files", data={"file": (io.BytesIO(CLIENTS.encode()), "a.csv")}, content_type="multipart/form-data")

    assert response.status_code == 403
    assert waiting_folders(own.settings) == set()


def test_a_file_larger_than_the_limit_is_refused_and_what_was_beyond_it_never_kept(own: Browsers) -> None:
    limit(own, "upload_mb", 0.1)

    response = send(own.of("adam"), ("a.csv", b"a;b\n" + b"x" * 200_000))

    assert "a.csv is larger than 0.1 MiB" in response.text
    assert waiting_folders(own.settings) == set()


def test_a_person_keeps_no_more_waiting_than_the_quota(own: Browsers) -> None:
    limit(own, "upload_quota_mb", 0.1)

    first = send(own.of("adam"), ("one.csv", b"a,b\n" + b"1,2\n" * 20_000))
    second = send(own.of("adam"), ("two.csv", b"a,b\n" + b"3,4\n" * 20_000))

    assert (first.status_code, second.status_code) == (303, 400)
    assert "0.1 MiB of yours would wait" in second.text


def test_a_file_is_kept_under_a_name_of_ours_readable_by_us_alone(own: Browsers) -> None:
    send(own.of("adam"), ("../../evil\u202egpj.csv", CLIENTS.encode()))

    upload = newest(own.settings)
    folder = own.settings.uploads / upload.folder
    assert upload.file_name == "evilgpj.csv"
    assert re.fullmatch(r"[0-9a-f]{32}", upload.folder)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (own.settings.uploads, folder, folder / "data.csv")] == [0o700, 0o700, 0o600]


def test_the_same_file_twice_is_told_so_and_nothing_is_done(own: Browsers) -> None:
    first, second = (send(own.of(login), ("a.csv", CLIENTS.encode())) for login in ("adam", "odile"))

    assert first.status_code == 303
    assert "waits here already" in second.text
    assert len(waiting_folders(own.settings)) == 1


def test_several_files_are_taken_at_once(own: Browsers) -> None:
    response = send(own.of("adam"), ("a.csv", CLIENTS.encode()), ("b.csv", b"MZ"), ("c.csv", b"NUM_CTR;DT_SOLDE;SOLDE\nK1;31/12/2025;1,50\n"))

    assert response.status_code == 400
    assert response.text.count("taken.") == 2
    assert {load_mapping_text(upload.mapping).extract[0].table for upload in _all(own.settings)} == {"clients", "balances"}


def test_a_file_that_would_be_refused_as_a_whole_says_so_and_cannot_be_loaded(own: Browsers) -> None:
    page = send(own.of("adam"), ("tiers.csv", CLIENTS.encode())).location
    tried = {"read": 100, "accepted": 60, "quarantined": 40, "duplicates": 0, "filtered": 0, "reasons": [], "rejects": None}
    with transaction(make_engine(own.settings.store)) as session:
        session.get_one(ImportUpload, newest(own.settings).id).trial = {**tried, "refusal": "40 of 100 rows refused"}

    shown = own.of("adam").get(page).text

    assert "40 of 100 rows refused" in shown
    assert f'action="{page}/load"' not in shown
    with transaction(make_engine(own.settings.store)) as session:
        session.get_one(ImportUpload, newest(own.settings).id).trial = tried
    assert f'action="{page}/load"' in own.of("adam").get(page).text


def test_a_file_is_mapped_tried_loaded_and_gone(own: Browsers) -> None:
    http, settings = own.of("adam"), own.settings
    page = send(http, ("tiers.csv", CLIENTS.encode())).location

    shown = http.get(page).text
    assert "1 200,50" in shown
    assert re.search(r'name="code\.kind\.\d" value="PP"', shown)
    fields = dict(re.findall(r'type="hidden" name="([\w.]+)" value="([^"]*)"', shown.split('class="mapping"')[1].split("</form>")[0])) | {
        "table": "clients", "extract_on": "2025-12-31", "delimiter": ";", "encoding": "utf-8", "decimal": ",", "thousands": " ", "date_format": "%d/%m/%Y",
        "column.client_id": "NUM_TIERS", "column.joined_on": "DT_ENTREE", "column.kind": "TYPE_TIERS", "means.kind.1": "company", "means.kind.2": "individual",
    }  # fmt: skip
    assert http.post(f"{page}/mapping", data=fields).status_code == 303
    assert 'kind = { column = "TYPE_TIERS", codes = "kind" }' in http.get(f"{page}/mapping.toml").text

    assert "was not tried" in post(http, f"{page}/load").text
    assert post(http, f"{page}/trial").status_code == 303
    tried = newest(settings).trial
    assert [tried[name] for name in ("read", "accepted", "quarantined", "duplicates", "filtered")] == [3, 2, 1, 0, 0]
    assert "30/02/2021" in http.get(page).text
    assert "30/02/2021" in http.get(f"{page}/rejects", buffered=True).text

    assert post(http, f"{page}/load").status_code == 303
    work(settings)
    assert newest(settings).state == "loaded"
    assert waiting_folders(settings) == set()
    done = http.get(page).text
    assert "3 read = 2 accepted + 1 quarantined + 0 duplicates + 0 filtered" in done
    assert "tiers.csv" in http.get("/imports").text
    assert known_clients(settings) == ["A1", "A2"]
    assert {"upload_taken", "upload_tried", "import_asked_for", "import_loaded"} <= actions(settings)

    again = send(http, ("renamed.csv", CLIENTS.encode()))
    assert "was loaded before" in again.text
    send(http, ("next.csv", (CLIENTS + "A4;01/01/2022;PP;\n").encode()))
    assert newest(settings).mapping == _mapping_of(settings, "tiers.csv")


def test_a_mapping_written_as_text_is_kept_when_it_holds_and_told_when_not(own: Browsers) -> None:
    http = own.of("odile")
    page = send(http, ("tiers.csv", CLIENTS.encode())).location
    good = newest(own.settings).mapping.replace('kind = "TYPE_TIERS"', "kind = { expr = \"CASE TYPE_TIERS WHEN 'PP' THEN 'individual' ELSE 'company' END\" }")

    assert post(http, f"{page}/text", text=good.replace("TYPE_TIERS", "NOWHERE")).status_code == 400
    assert post(http, f"{page}/text", text="[bank").status_code == 400
    assert post(http, f"{page}/text", text=good).status_code == 303
    assert "as written in the text below" in http.get(page).text
    post(http, f"{page}/trial")
    assert newest(own.settings).trial["accepted"] == 2


def test_a_load_nobody_has_begun_is_called_off_and_one_that_failed_is_tried_again(own: Browsers) -> None:
    http, settings = own.of("adam"), own.settings
    page = "/imports/files/1"
    post(http, f"{page}/trial")
    post(http, f"{page}/load")
    assert post(http, f"{page}/call-off").status_code == 303
    assert newest(settings).state == "waiting"
    work(settings)
    assert newest(settings).state == "waiting"  # the job that was called off does nothing

    data = settings.uploads / "kept" / "data.csv"
    content = data.read_bytes()
    data.write_bytes(b"nothing\n1\n")
    post(http, f"{page}/load")
    work(settings)
    assert "Try again" in http.get(page).text
    data.write_bytes(content)
    assert post(http, f"{page}/retry").status_code == 303
    work(settings)
    assert newest(settings).state == "loaded"
    assert post(http, f"{page}/retry").status_code == 409


def test_files_nobody_loads_are_deleted_after_a_day_and_on_demand(own: Browsers) -> None:
    http, settings = own.of("adam"), own.settings
    engine = make_engine(settings.store)
    send(http, ("old.csv", CLIENTS.encode()))
    send(http, ("new.csv", (CLIENTS + "A9;01/01/2022;PP;\n").encode()))
    with transaction(engine) as session:
        session.exec(select(ImportUpload).where(ImportUpload.file_name == "old.csv")).one().created_at -= EXPIRES_SECONDS

    assert forget_old(settings, engine) == 1
    assert len(waiting_folders(settings)) == 1
    assert post(http, f"/imports/files/{newest(settings).id}/withdraw").status_code == 303
    assert waiting_folders(settings) == set()
    assert {"upload_expired", "upload_withdrawn"} <= actions(settings)


def work(settings: Settings) -> None:
    """Do the newest job, as a worker does when it is rung for."""
    with reading(make_engine(settings.store)) as session:
        job = session.exec(select(Job).order_by(Job.id.desc())).first()
    execute_job(settings, job.id, "worker")


def known_clients(settings: Settings) -> list[str]:
    """Clients the lake knows."""
    with scratch_connection(settings.home / "scratch" / "look", settings.duckdb_memory) as connection:
        know_owners(connection, open_lake(settings.lake, settings.buckets))
        return [row[0] for row in connection.execute("SELECT client_id FROM known_client ORDER BY client_id").fetchall()]


def actions(settings: Settings) -> set[str]:
    """What the audit trail says was done."""
    with reading(make_engine(settings.store)) as session:
        return set(session.exec(select(AuditEntry.action)))


def _all(settings: Settings) -> list[ImportUpload]:
    with reading(make_engine(settings.store)) as session:
        return list(session.exec(select(ImportUpload).where(ImportUpload.folder != "kept")))


def _mapping_of(settings: Settings, name: str) -> str:
    with reading(make_engine(settings.store)) as session:
        return session.exec(select(ImportUpload.mapping).where(ImportUpload.file_name == name)).one()
