"""Lifetime value of a run: published for every active client where history allows, said to be no data where it does not, and back-tested."""

from datetime import date

import numpy as np
import pytest

from bankseg.domain.errors import MissingDataError, NotFoundError
from bankseg.domain.horizon import add_months
from bankseg.domain.people import Role, Scope
from bankseg.domain.policy import load_policy
from bankseg.economics.tier_chain import observe, states_of
from bankseg.features.build import build_snapshot
from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import read_checked
from bankseg.services.client_page import client_page
from bankseg.services.jobs import execute_job
from bankseg.services.lifetime_months import COLUMNS, write_month
from bankseg.services.lifetime_page import lifetime_page, write_values
from bankseg.services.lifetime_plan import learned_buckets, planned_months
from bankseg.services.lifetime_value import retention_of
from bankseg.services.runs import start_run
from bankseg.services.segment import part_path
from bankseg.services.segment_schemes import counted, find_scheme
from bankseg.services.segment_studies import ask_for_study, study_for
from bankseg.services.snapshot import lake_at
from bankseg.storage.database import reading
from bankseg.storage.run import Run
from tests.services.conftest import AS_OF, drive, made_bank, published_bank
from tests.small_lake import SmallLake

CLIENTS, LEFT = 60, 6
FIRST = date(2023, 1, 31)
RISK = Scope.of_role(Role.RISK_OFFICER, person_id=3, rm_id=None, branch_id=None)
RM1 = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=1, rm_id="RM1", branch_id=None)


@pytest.fixture(scope="module")
def long_lake(tmp_path_factory):
    """Sixty clients whose balance stays at its own level for three years; six of them close their account in the last of it."""
    root = tmp_path_factory.mktemp("long") / "lake"
    lake = SmallLake(root)
    ids = [f"C{number:02d}" for number in range(CLIENTS)]
    lake.add("clients", *({"client_id": client, "name": f"Client {client}", "rm_id": "RM1"} for client in ids))
    closed = {client: add_months(AS_OF, -2 - place) for place, client in enumerate(ids[:LEFT])}
    lake.add("accounts", *({"account_id": f"A{client}", "client_id": client, "closed_on": closed.get(client)} for client in ids))
    days = [add_months(date(2023, 1, 31), month) for month in range(36)]
    lake.add(
        "balances",
        *(
            {"account_id": f"A{client}", "client_id": client, "balance_on": day, "balance_minor": 1_000_000 * (1 + place)}
            for place, client in enumerate(ids)
            for day in days
            if day <= closed.get(client, AS_OF)
        ),
    )
    lake.add(
        "transactions",
        *(
            {"transaction_id": f"T{client}{day}", "account_id": f"A{client}", "client_id": client, "booked_on": day, "amount_minor": -5_000}
            for client in ids
            for day in days
            if day <= closed.get(client, AS_OF)
        ),
    )
    return root


@pytest.fixture(scope="module")
def bank(long_lake, tmp_path_factory):
    with published_bank(tmp_path_factory.mktemp("lifetime"), long_lake, AS_OF, rooms=("jobs", "runs", "segment_studies")) as made:
        yield made


@pytest.fixture
def session(bank):
    with reading(bank.engine) as session:
        yield session


def test_a_long_history_values_every_active_client_with_both_plain_estimates(bank, session):
    rows = read_checked(part_path(bank, 1, "clients")).to_pylist()

    active = [row for row in rows if row["status"] == "active"]
    assert len(active) == CLIENTS - LEFT
    assert all(row["clv_low_minor"] <= row["clv_minor"] <= row["clv_high_minor"] for row in active)
    assert all(row["clv_annuity_minor"] is not None and row["clv_average_minor"] is not None for row in active)
    assert all(row["clv_minor"] is None for row in rows if row["status"] != "active")
    by_value = sorted(active, key=lambda row: row["value_12m_minor"])
    assert by_value[-1]["clv_minor"] > by_value[0]["clv_minor"]
    summary = session.get_one(Run, 1).summary["lifetime"]
    assert (summary["why"], summary["moves"], summary["clients"], summary["learned_from"]) == ("", 12, CLIENTS - LEFT, "2024-12-31")


def test_the_value_is_on_the_clients_page_in_rules_and_in_every_segment_table(bank, session):
    page = client_page(bank.settings, session, RM1, "C30")
    found = counted(bank.settings, session, RISK, find_scheme(session, "kinds"))

    assert page.client["clv_minor"] is not None
    assert page.lifetime["months"] == 36
    whole = lifetime_page(bank.settings, session, RISK)
    assert (
        sum(row["clv_minor"] for row in found.segments if row["clv_minor"]) == whole.total["clv_minor"] == sum(row["clv_minor"] or 0 for row in whole.by_tier)
    )
    assert whole.total["known"] == CLIENTS - LEFT
    with pytest.raises(NotFoundError):
        lifetime_page(bank.settings, session, RM1)


def test_values_leave_as_a_file(bank, session, tmp_path):
    assert write_values(bank.settings, session, RISK, tmp_path / "values.csv") == CLIENTS - LEFT
    assert len((tmp_path / "values.csv").read_text(encoding="utf-8").splitlines()) == CLIENTS - LEFT + 1


def test_a_month_end_holds_what_a_snapshot_of_that_day_holds(bank):
    with reading(bank.engine) as session:
        run = session.get_one(Run, 1)
    lake = lake_at(bank, run)
    month = read_checked(write_month(bank, run, lake, AS_OF, 0))
    with LocalBucket(lake, 0, AS_OF) as connection:
        snapshot = build_snapshot(connection, bank.policy.horizon(AS_OF), run.plan["products"])

    shared = [name for name in COLUMNS if name in snapshot.column_names]
    assert {"interest_margin_12m_minor", "open_accounts", "tenure_days"} <= set(shared)
    assert month.select(["client_id", *shared]).equals(snapshot.select(["client_id", *shared]))


def test_the_back_test_is_a_study_seen_from_a_year_ago(bank):
    number = ask_for_study(bank.settings, bank.engine, RISK, "lifetime", {})
    with reading(bank.engine) as session:
        job_id = study_for(bank.settings, session, RISK, number).study.job_id
    execute_job(bank.settings, job_id, "w")
    with reading(bank.engine) as session:
        found = study_for(bank.settings, session, RISK, number)

    assert found.state == "done", found.study.refusal
    result = found.study.result
    assert (result["seen_from"], result["clients"]) == ("2024-12-31", CLIENTS)
    assert set(result["estimates"]) == {"annuity", "average", "state", "clv"}
    assert result["estimates"]["clv"]["rank_correlation"] > 0.9
    assert 0.8 < result["estimates"]["clv"]["sum_ratio"] < 1.2


def test_a_short_history_has_no_value_and_says_why():
    section = load_policy().section("clv")
    everything = frozenset({"clients", "accounts", "transactions"})

    short = planned_months(section, 365, AS_OF, everything, date(2024, 11, 30))
    enough = planned_months(section, 365, AS_OF, everything, date(2024, 9, 2))
    nothing = planned_months(section, 365, AS_OF, frozenset({"clients"}), None)

    assert (short["months"], "1 month ends have a year behind them" in short["why"]) == ([], True)
    assert enough["months"] == ["2025-09-30", "2025-10-31", "2025-11-30"]
    assert (nothing["months"], bool(nothing["why"])) == ([], True)
    assert learned_buckets(section, 64) == list(range(16))


def test_a_run_of_a_short_history_is_published_without_values(lake, tmp_path, monkeypatch):
    for room in ("jobs", "runs"):
        monkeypatch.setattr(f"bankseg.services.{room}.ring", lambda _settings, _ids: True)
    short = made_bank(tmp_path / "home", lake)
    start_run(short, AS_OF)
    drive(short)

    with reading(short.engine) as session:
        page = lifetime_page(short.settings, session, None)
        shown = client_page(short.settings, session, RISK, "C01")
        assert "transactions" in page.summary["why"]
        assert (page.total["clv_minor"], page.total["known"], shown.client["clv_minor"]) == (None, 0, None)
        assert shown.lifetime["why"] == page.summary["why"]
        with pytest.raises(MissingDataError, match="no lifetime value"):
            write_values(short.settings, session, None, tmp_path / "values.csv")
        rows = counted(short.settings, session, None, find_scheme(session, "kinds")).segments
    assert all(row["clv_minor"] is None for row in rows)
    short.engine.dispose()


def test_retention_counts_those_who_neither_close_nor_default():
    states = states_of(["gold"], ["active"])
    seen = observe(
        np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]), np.zeros(4, dtype=int), np.zeros(4, dtype=int), np.full(4, 10.0), states=states, groups=("all",)
    )
    assert retention_of(seen) == 0.75
