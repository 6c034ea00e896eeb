"""Strategic profiles of firms as attributes: what stood on the run's date, for rules, crossings and lists of clients."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from bankseg.domain.firm_profile import CRITERIA, PREFIX
from bankseg.domain.people import Role, Scope
from bankseg.services.bank import Bank
from bankseg.services.rolls import open_for, roll_path
from bankseg.services.runs import start_run
from bankseg.services.scheme_pictures.client_list import list_page
from bankseg.services.scheme_pictures.matrix import matrix_page
from bankseg.services.segment_designer import preview_rule
from bankseg.services.segment_schemes import attributes_for
from bankseg.storage.database import reading, transaction
from bankseg.storage.firm_profile import FirmProfileVersion
from bankseg.web.segments.names import value_name
from tests.services.conftest import AS_OF, CLIENTS, drive

MARKETER = Scope.of_role(Role.MARKETER, person_id=1, rm_id=None, branch_id=None)
LEADS = {"attribute": "profile_technology", "equals": "leads"}
ON_THE_DAY = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 23, 59, tzinfo=UTC)
THE_DAY_AFTER = ON_THE_DAY + timedelta(minutes=1)


def write(bank: Bank, client_id: str, version: int, at: datetime = ON_THE_DAY, note: str = "", **answers: str) -> None:
    with transaction(bank.engine) as session:
        session.add(FirmProfileVersion(client_id=client_id, version=version, saved_at=at.timestamp(), note=note, answers=answers))


def published(bank: Bank) -> Bank:
    start_run(bank, AS_OF)
    drive(bank)
    return bank


def test_a_run_lays_what_stood_on_its_date_beside_the_roll_and_nothing_later(any_bank: Bank) -> None:
    write(any_bank, "C00", 1, technology="leads")
    write(any_bank, "C00", 2, technology="follows", outsourcing="most")
    write(any_bank, "C01", 1, technology="leads", note="not for rules")
    write(any_bank, "C01", 2, THE_DAY_AFTER, technology="follows")
    write(any_bank, "C02", 1, THE_DAY_AFTER, technology="leads")
    published(any_bank)

    roll = pq.read_table(roll_path(any_bank.settings, 1)).to_pylist()
    assert [(row["client_id"], row["profile_technology"], row["profile_outsourcing"]) for row in roll[:3]] == [
        ("C00", "follows", "most"), ("C01", "leads", None), ("C02", None, None),
    ]  # fmt: skip
    assert len(roll) == CLIENTS
    assert "not for rules" not in str(roll)
    with reading(any_bank.engine) as session:
        found = preview_rule(any_bank.settings, session, MARKETER, LEADS)
    assert [row["client_id"] for row in found.sample] == ["C01"]


def test_they_are_attributes_with_names_coverage_and_words_that_cross_and_list(bank: Bank) -> None:
    write(bank, "C00", 1, technology="follows")
    write(bank, "C01", 1, technology="leads")
    published(bank)

    with reading(bank.engine) as session:
        known = attributes_for(bank.settings, open_for(bank.settings, session, MARKETER), MARKETER)
        crossed = matrix_page(bank.settings, session, MARKETER, "profile_technology", "kind").grid
        listed = list_page(bank.settings, session, MARKETER, ["profile_technology/leads"])
    technology = known["profile_technology"]
    assert (technology.family, technology.type, technology.label("fr")) == ("firmographic", "category", "Technologie de l'entreprise")
    assert technology.coverage == pytest.approx(2 / CLIENTS, abs=1e-4)
    assert {code: cell["clients"] for code, cell in crossed.row_totals.items()} == {"follows": 1, "leads": 1, None: CLIENTS - 2}
    assert [row["client_id"] for row in listed.rows] == ["C01"]
    assert value_name("profile_technology", "leads", "fr") == "En avance"


def test_before_anybody_wrote_one_the_attributes_are_known_and_without_data(bank: Bank) -> None:
    published(bank)

    with reading(bank.engine) as session:
        known = attributes_for(bank.settings, open_for(bank.settings, session, MARKETER), MARKETER)
    assert {known[PREFIX + name].state for name in CRITERIA} == {"no data"}
