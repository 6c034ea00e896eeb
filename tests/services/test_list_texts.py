"""The text of a list: chosen when it is frozen, filled in for each client in its file."""

from dataclasses import replace
from pathlib import Path

import pytest

from bankseg.services import list_exports, message_texts
from bankseg.storage.database import transaction
from bankseg.storage.person import Person
from tests.services.test_client_lists import POLICY, SAVINGS, Desk

IN_SEGMENT = replace(SAVINGS, scheme="value_tiers", segment="gold", channel="email")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three gold clients of RM1, who is called Camille; the second one's name is a formula."""
    desk = Desk(tmp_path)
    with transaction(desk.engine) as session:
        session.add(Person(login="camille", display_name="Camille Martin", role="relationship_manager", rm_id="RM1", password_hash="x"))
    desk.run({"C1": {"name": "Ada"}, "C2": {"name": "=1+1"}, "C3": {}})
    return desk


def save(desk: Desk, **changes: str) -> None:
    text = {"segment": "", "product": "", "channel": "email", "language": "fr", "subject": "{product}", "body": "{name}, {adviser} vous parle : {product}."}
    message_texts.save_text(desk.settings, desk.engine, desk.mark, POLICY, "value_tiers", {**text, **changes})


def test_the_file_carries_the_text_filled_in_for_each_client(desk: Desk) -> None:
    save(desk)
    save(desk, segment="gold", body="{name} : {product}, de {adviser}.")
    save(desk, channel="sms", body="not this one")

    rows = {row["client_id"]: row for row in desk.written(desk.released(IN_SEGMENT), list_exports.export_members)}

    assert rows["C1"]["text_fr"] == "Ada : épargne, de Camille Martin."
    assert rows["C1"]["subject_fr"] == "épargne"
    assert rows["C1"]["text_en"] == ""
    assert not rows["C2"]["text_fr"].startswith("=")


def test_a_text_written_after_the_freeze_changes_nothing(desk: Desk) -> None:
    save(desk, body="Before {name}")
    number = desk.released(IN_SEGMENT)
    save(desk, body="After {name}")

    assert {row["text_fr"].split()[0] for row in desk.written(number, list_exports.export_members)} == {"Before"}


def test_a_list_without_a_segment_has_no_text(desk: Desk) -> None:
    save(desk)

    assert {row["text_fr"] for row in desk.written(desk.released(SAVINGS), list_exports.export_members)} == {""}
