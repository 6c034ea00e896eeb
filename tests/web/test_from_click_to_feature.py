"""What a relationship manager clicks becomes a feature: recorded, written as an extract, loaded, and read by the next snapshot, not by this one."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from bankseg.domain.horizon import Horizon
from bankseg.domain.people import Role, Scope
from bankseg.features.build import build_snapshot
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.services import contact_log
from bankseg.services.contact_log import Contact
from bankseg.services.ingest import ingest_directory
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.person import Person
from tests.small_lake import CHANNEL_COSTS, PRODUCTS

MAPPING = """
[bank]
extract_on = {day}
[defaults]
recorded = {{ lag_days = 1 }}
[[extract]]
table = "clients"
files = ["clients.csv"]
columns = {{ client_id = "client_id", joined_on = "joined_on", kind = "kind" }}
[[extract]]
table = "interactions"
files = ["contacts.csv"]
[extract.columns]
interaction_id = "interaction_id"
client_id = "client_id"
occurred_on = "occurred_on"
kind = "kind"
channel = "channel"
reason = "reason"
"""


@pytest.fixture
def alice(engine: Engine) -> Scope:
    with transaction(engine) as session:
        row = Person(login="alice", display_name="Alice Martin", role=Role.RELATIONSHIP_MANAGER, rm_id="RM1", password_hash="x")
        session.add(row)
        session.flush()
        return row.scope


def snapshot(settings: Settings, as_of: date) -> dict[str, dict[str, Any]]:
    """The features of every client as of a day."""
    lake = LakeAt(settings.lake, table_versions(settings.lake), {}, {"products": PRODUCTS, "channel_costs": CHANNEL_COSTS})
    with LocalBucket(lake, 0, as_of) as bucket:
        return {row["client_id"]: row for row in build_snapshot(bucket, Horizon(as_of), ["savings"]).to_pylist()}


def test_a_click_is_in_the_features_of_the_next_snapshot(engine: Engine, alice: Scope, tmp_path: Path) -> None:
    with reading(engine) as session:
        today = contact_log.today_of(session)
    contact_log.record(engine, alice, "C1", Contact("interested", channel="branch", product="savings"))
    contact_log.record(engine, alice, "C2", Contact("refused", product="savings"))
    loaded_on = today + timedelta(days=2)  # two days on: midnight may pass between the click and here
    extracts = tmp_path / "extracts"
    extracts.mkdir()
    contact_log.export_contacts(engine, extracts / "contacts.csv", today, loaded_on)
    (extracts / "clients.csv").write_text("client_id,joined_on,kind\nC1,2020-01-01,individual\nC2,2020-01-01,individual\n", encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING.format(day=loaded_on), encoding="utf-8")
    settings = Settings(home=tmp_path / "bank", buckets=1)
    settings.home.mkdir()
    SQLModel.metadata.create_all(make_engine(settings.store))

    report = ingest_directory(settings, extracts, tmp_path / "mapping.toml")

    assert [(file.read, file.accepted) for file in report.files] == [(2, 2), (2, 2)]
    names = ("interactions_90d", "visits_180d", "calls_180d", "asked_90d_savings")
    later = snapshot(settings, loaded_on)
    assert [later["C1"][name] for name in names] == [1, 1, 0, 1]
    assert [later["C2"][name] for name in names] == [1, 0, 1, 0]
    before = snapshot(settings, today - timedelta(days=1))
    assert [before[client].get(name) or 0 for client in ("C1", "C2") for name in names] == [0] * 8
