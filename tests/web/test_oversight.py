"""The first page of those who watch over the service."""

from bankseg.storage import audit
from bankseg.storage.database import make_engine, transaction
from tests.web import builders
from tests.web.conftest import Browsers


def test_auditors_and_administrators_start_at_the_oversight_page(browsers: Browsers) -> None:
    for login in ("axel", "adam"):
        assert browsers.of(login).get("/").location == "/oversight"
    assert browsers.of("odile").get("/").location == "/models/"


def test_it_tells_what_does_not_add_up_and_what_was_done(own: Browsers) -> None:
    engine = make_engine(own.settings.store)
    with transaction(engine) as session:
        builders.an_import(session, 7, accepted=980)
        audit.record(session, "run_published", "run 1", clients=4)
    engine.dispose()

    page = own.of("axel").get("/oversight").text

    assert "mvts_7.parquet" in page
    assert "mvts_1.parquet" not in page
    assert "run_published" in page
    assert "People who may sign in" not in page


def test_only_who_manages_people_sees_how_many_there_are(browsers: Browsers) -> None:
    page = browsers.of("adam").get("/oversight").text

    assert f">{len(builders.PEOPLE)}</a>" in page.split("People who may sign in")[1].split("</div>")[0]
    assert browsers.of("alice").get("/oversight").status_code == 404
