"""A reference table joined by code: a climate zone by commune, from the files to a rule, a crossing and its clients."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from sqlmodel import Session

from bankseg.domain.list_terms import ListAsked
from bankseg.domain.people import Role, Scope
from bankseg.domain.policy import load_policy
from bankseg.ingest.report import IngestReport
from bankseg.services import list_builder
from bankseg.services.bank import Bank
from bankseg.services.rolls import open_for
from bankseg.services.scheme_pictures.client_list import list_page
from bankseg.services.scheme_pictures.matrix import matrix_page
from bankseg.services.segment_designer import preview_rule
from bankseg.services.segment_schemes import attributes_for, counted, find_scheme, save_scheme
from bankseg.storage.database import reading, transaction
from tests.ingest.intake import SmallBank, report_of, small_bank
from tests.services.conftest import published_bank

AS_OF = date(2024, 12, 31)
MARKETER = Scope.of_role(Role.MARKETER, person_id=1, rm_id=None, branch_id=None)
MAPPING = """
[bank]
extract_on = 2024-12-31
[[extract]]
table = "clients"
files = ["clients.csv"]
[[extract.join]]
file = "communes.csv"
on = { commune = "code" }
prefix = "place_"
[extract.columns]
client_id = "id"
joined_on = "joined"
kind = { constant = "individual" }
commune_code = "commune"
[extract.attributes]
climate_zone = { type = "category", column = "place_zone", family = "geographic", label_en = "Climate zone", label_fr = "Zone climatique" }
[[extract]]
table = "accounts"
files = ["accounts.csv"]
[extract.columns]
account_id = "id"
client_id = "client"
product = "product"
opened_on = "opened"
[[extract]]
table = "balances"
files = ["balances.csv"]
[extract.columns]
account_id = "id"
balance_on = "day"
balance = "balance"
"""
# Two live in the mountains, one by the ocean, one in a commune the table lacks, one in none; the sixth row has no readable date.
PLACES = {"C1": "05023", "C2": "05023", "C3": "29019", "C4": "99999", "C5": ""}
SCHEME = {
    "code": "climate", "label_en": "Climate", "label_fr": "Climat", "purpose": "marketing",
    "segment": [
        {"code": "mountain", "label_en": "Mountain", "label_fr": "Montagne", "when": {"attribute": "attr_climate_zone", "equals": "H1c"}},
        {"code": "unknown", "label_en": "Not known", "label_fr": "Inconnue", "when": {"attribute": "attr_climate_zone", "is_missing": True}},
        {"code": "rest", "label_en": "Others", "label_fr": "Autres"},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """The files loaded, what was said of them, and the run published on them."""

    files: SmallBank
    report: IngestReport
    bank: Bank


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    files = small_bank(tmp_path_factory.mktemp("communes"))
    lines = [f"{client},2020-01-01,{commune}" for client, commune in PLACES.items()]
    files.write(
        {
            "clients.csv": "\n".join(["id,joined,commune", *lines, "C6,someday,05023", ""]),
            "communes.csv": "code,zone\n05023,H1c\n29019,H2a\n75056,H1a\n",
            "accounts.csv": "\n".join(["id,client,product,opened", *(f"A{client},{client},current_account,2020-01-01" for client in PLACES), ""]),
            "balances.csv": "\n".join(["id,day,balance", *(f"A{client},2024-12-30,100" for client in PLACES), ""]),
        }
    )
    report = files.load(MAPPING)
    with published_bank(tmp_path_factory.mktemp("run") / "home", files.settings.lake, AS_OF) as bank:
        yield Loaded(files, report, bank)


@pytest.fixture
def session(loaded: Loaded) -> Iterator[Session]:
    with reading(loaded.bank.engine) as session:
        yield session


def test_every_row_is_counted_once_and_a_commune_the_table_lacks_is_no_data(loaded: Loaded) -> None:
    clients, zones = report_of(loaded.report, "clients.csv", "clients"), report_of(loaded.report, "clients.csv", "client_attributes")

    assert (clients.read, clients.accepted, clients.quarantined) == (6, 5, 1)
    assert [line[1:4] for line in loaded.files.quarantined(clients)] == [["joined_on", "someday", "unparsable_date"]]
    assert (zones.read, zones.accepted) == (3, 3)
    assert loaded.files.rows("client_attributes", "client_id, name, category") == [
        ("C1", "climate_zone", "H1c"), ("C2", "climate_zone", "H1c"), ("C3", "climate_zone", "H2a"),
    ]  # fmt: skip


def test_the_zone_is_an_attribute_of_geography_with_its_coverage(loaded: Loaded, session: Session) -> None:
    zone = attributes_for(loaded.bank.settings, open_for(loaded.bank.settings, session, MARKETER), MARKETER)["attr_climate_zone"]

    assert (zone.family, zone.type, zone.label("fr"), zone.coverage) == ("geographic", "category", "Zone climatique", pytest.approx(3 / 5))
    assert "marketing" in zone.purposes


def test_a_rule_counts_the_clients_of_a_zone_and_a_scheme_places_everybody(loaded: Loaded) -> None:
    with transaction(loaded.bank.engine) as session:
        found = preview_rule(loaded.bank.settings, session, MARKETER, {"attribute": "attr_climate_zone", "equals": "H1c"})
        save_scheme(loaded.bank.settings, session, None, SCHEME)
        told = counted(loaded.bank.settings, session, MARKETER, find_scheme(session, "climate"))

    assert found.profile["clients"] == 2
    assert [row["client_id"] for row in found.sample] == ["C1", "C2"]
    assert {row["code"]: row["clients"] for row in told.segments} == {"mountain": 2, "unknown": 2, "rest": 1}


def test_a_crossing_tells_the_zones_apart_and_leads_to_their_clients(loaded: Loaded, session: Session) -> None:
    page = matrix_page(loaded.bank.settings, session, MARKETER, "attr_climate_zone", "kind")

    assert {row: cell["clients"] for row, cell in page.grid.row_totals.items()} == {"H1c": 2, "H2a": 1, None: 2}
    assert page.grid.total["clients"] == len(PLACES)
    for zone, clients in (("H1c", ["C1", "C2"]), ("", ["C4", "C5"])):
        listed = list_page(loaded.bank.settings, session, MARKETER, [f"attr_climate_zone/{zone}"])
        assert [client["client_id"] for client in listed.rows] == clients


def test_the_funnel_of_a_list_begins_with_the_clients_of_a_zone(loaded: Loaded) -> None:
    asked = ListAsked(action="retain", scheme="climate", segment="mountain", control_share=0)
    with transaction(loaded.bank.engine) as session:
        save_scheme(loaded.bank.settings, session, None, SCHEME)
        funnel = list_builder.preview(loaded.bank.settings, session, MARKETER, load_policy(None, ""), asked).funnel

    assert funnel.candidates == 2
