"""Monitoring: what published runs show, once and again when outcomes have matured; alerts with an owner, and proposals to train again."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sqlmodel import select

from bankseg.domain.buckets import bucket_of
from bankseg.economics.drift import histogram
from bankseg.lake.parquet import write_whole
from bankseg.queue import MONITOR
from bankseg.services.model_alerts import handle
from bankseg.services.monitor import monitor
from bankseg.services.promotion import decide_retraining
from bankseg.services.score import scores_path
from bankseg.services.shadow import shadow_column
from bankseg.settings import Settings
from bankseg.storage import model_alert, model_observation, model_proposal
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run
from tests.services.conftest import made_bank
from tests.services.model_builders import TARGET, a_version, interval, staff
from tests.small_lake import BUCKETS, SmallLake
from workers.schedule import schedule

FIRST, SECOND = date(2025, 6, 30), date(2025, 12, 31)
CLIENTS = 400
IDS = [f"C{number:03d}" for number in range(CLIENTS)]
LIKELY = np.linspace(0.35, 0.01, CLIENTS)
LEAVERS = [place for place in range(CLIENTS) if np.random.default_rng(place).random() < LIKELY[place]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """Clients of whom the likelier ones close their account in the window after the first date. Read only."""
    root = tmp_path_factory.mktemp("monitoring") / "lake"
    small = SmallLake(root)
    closed = FIRST + timedelta(days=40)
    small.add("clients", *({"client_id": client} for client in IDS))
    small.add(
        "accounts",
        *(
            {"account_id": f"A{client}", "client_id": client} | ({"closed_on": closed, "close_reason": "client_request"} if place in LEAVERS else {})
            for place, client in enumerate(IDS)
        ),
    )
    small.add("balances", *({"account_id": f"A{client}", "client_id": client, "balance_on": SECOND, "balance_minor": 1} for client in IDS))
    return root


@pytest.fixture
def bank(tmp_path, lake, bell):
    bank = made_bank(tmp_path / "home", lake)
    yield bank
    bank.engine.dispose()


def a_champion(bank, **changes):
    """A version whose reference is the book as it stands."""
    cuts = np.quantile(LIKELY, np.linspace(0, 1, 11)[1:-1])
    days = np.arange(CLIENTS, dtype=float)
    model = a_version(bank, score_cuts=cuts.tolist(), feature_cuts={"recency_days": np.quantile(days, np.linspace(0, 1, 11)[1:-1]).tolist()}, **changes)
    with transaction(bank.engine) as session:
        row = session.get_one(type(model), model.id)
        row.reference = {
            "rows": CLIENTS,
            "score": histogram(LIKELY, cuts).tolist(),
            "features": {"recency_days": histogram(days, np.quantile(days, np.linspace(0, 1, 11)[1:-1])).tolist()},
        }
    return model


def published(bank, run_id: int, as_of: date, model, values=LIKELY, *, days=None, shadow=None):
    """A published run whose files hold these propensities, and another version's beside them."""
    recency = np.arange(CLIENTS, dtype=float) if days is None else days
    table = pa.table({"client_id": IDS, f"p:{TARGET}": values, "recency_days": recency})
    if shadow is not None:
        table = table.append_column(shadow_column(TARGET, shadow[0].digest), pa.array(shadow[1]))
    buckets = np.array([bucket_of(client, BUCKETS) for client in IDS])
    run = Run(
        id=run_id, key=f"run {run_id}", as_of=as_of.isoformat(), state="published", n_rows=CLIENTS, models={TARGET: model.digest},
        shadows={TARGET: [shadow[0].digest]} if shadow else {}, plan={"buckets": BUCKETS, "shards": 2, "products": [], "targets": {}},
    )  # fmt: skip
    for bucket in range(BUCKETS):
        write_whole(table.filter(pa.array(buckets == bucket)), scores_path(bank, run_id, bucket))
    with transaction(bank.engine) as session:
        session.add(run)
        session.flush()
        session.merge(CurrentRun(kind=PORTFOLIO, run_id=run_id, flipped_at=1.0))


def observation(bank, model, run_id):
    with reading(bank.engine) as session:
        return model_observation.find(session, model.id, run_id)


def test_a_fresh_run_is_steady_and_says_that_its_outcomes_are_not_known_yet(bank):
    model = a_champion(bank)
    published(bank, 1, SECOND, model)

    found = monitor(bank)

    assert (found.observed, found.matured, found.alerts, found.proposals) == (1, 0, [], [])
    told = found.champions[0]
    assert (told["score_psi"], told["score_level"], told["outcome"]) == (0.0, "steady", {})
    assert told["matures_on"] == "2026-04-07"


def test_outcomes_by_decile_come_in_once_the_window_has_closed(bank):
    model = a_champion(bank)
    published(bank, 1, FIRST, model)

    found = monitor(bank)

    assert found.matured == 1
    seen = observation(bank, model, 1)
    assert (seen.matures_on, seen.known_on) == ("2025-10-05", "2025-12-31")
    assert (seen.outcome["clients"], seen.outcome["positives"]) == (CLIENTS, len(LEAVERS))
    deciles = seen.outcome["deciles"]
    assert [one["clients"] for one in deciles] == [40] * 10
    assert deciles[0]["outcomes"] == sum(place < 40 for place in LEAVERS)
    assert sum(one["outcomes"] for one in deciles) == len(LEAVERS)
    assert deciles[0]["expected"] == pytest.approx(LIKELY[:40].mean())
    assert seen.outcome["ratio"] == pytest.approx(len(LEAVERS) / LIKELY.sum())
    assert seen.outcome["ratio_low"] < 1 < seen.outcome["ratio_high"]
    assert seen.outcome["roc_auc"] > 0.6


def test_a_second_round_changes_nothing(bank):
    model = a_champion(bank)
    published(bank, 1, FIRST, model)
    published(bank, 2, SECOND, model, np.minimum(LIKELY * 2.5, 0.99))
    monitor(bank)
    with reading(bank.engine) as session:
        before = [row.model_dump() for row in (*model_observation.of_model(session, model.id), *model_alert.of_model(session, model.id))]

    again = monitor(bank)

    assert (again.observed, again.matured, again.proposals) == (0, 0, [])
    with reading(bank.engine) as session:
        assert [row.model_dump() for row in (*model_observation.of_model(session, model.id), *model_alert.of_model(session, model.id))] == before


def test_a_score_that_drifted_alerts_its_owner_and_asks_for_training(bank):
    people, model = staff(bank), a_champion(bank)
    published(bank, 1, SECOND, model, np.minimum(LIKELY * 2.5, 0.99), days=np.full(CLIENTS, 5.0))

    found = monitor(bank)

    drift, attribute = found.alerts
    assert (drift["kind"], drift["level"], drift["owner"], drift["as_of"], drift["state"]) == (
        "score_drift",
        "act",
        "marketing analytics",
        "2025-12-31",
        "open",
    )
    assert (attribute["kind"], attribute["subject"]) == ("attribute_drift", "recency_days")
    assert found.proposals == [TARGET]
    with reading(bank.engine) as session:
        proposal = model_proposal.open_proposal(session, TARGET, "retraining")
    assert (proposal.proposed_by, "PSI" in proposal.reason) == (None, True)

    assert handle(bank, people["odile"], drift["id"], "acknowledge", "") == "acknowledged"
    decide_retraining(bank, people["rita"], TARGET, "a campaign explains it, wait", accept=False)
    assert monitor(bank).proposals == []  # refused: nothing new has happened since
    handle(bank, people["odile"], drift["id"], "close", "the spring campaign explains it")
    assert [alert["kind"] for alert in monitor(bank).alerts] == ["attribute_drift"]

    published(bank, 2, SECOND + timedelta(days=31), model, np.minimum(LIKELY * 2.5, 0.99))
    again = monitor(bank)
    assert [alert["kind"] for alert in again.alerts] == ["score_drift", "attribute_drift"]
    assert again.proposals == [TARGET]


@pytest.mark.parametrize(("gain_share", "kinds"), [(0.09, []), (0.3, ["attribute_drift"])])
def test_an_attribute_that_moved_alone_alerts_only_when_it_carries_the_model(bank, gain_share, kinds):
    model = a_champion(bank, importance=[{"feature": "recency_days", "gain_share": gain_share}])
    published(bank, 1, SECOND, model, days=np.full(CLIENTS, 5.0))

    found = monitor(bank)

    assert observation(bank, model, 1).attributes["recency_days"]["level"] == "act"
    assert [alert["kind"] for alert in found.alerts] == kinds
    assert found.proposals == []


def test_outcomes_off_their_expectation_alert_beyond_the_band_and_beyond_chance(bank):
    model = a_champion(bank)
    published(bank, 1, FIRST, model, LIKELY / 3)

    found = monitor(bank)

    calibration = next(alert for alert in found.alerts if alert["kind"] == "calibration")
    assert calibration["value"] == pytest.approx(len(LEAVERS) / (LIKELY / 3).sum())
    assert (calibration["level"], calibration["bound"]) == ("act", 1.25)
    assert found.proposals == [TARGET]


def test_age_and_an_overdue_review_are_told(bank):
    model = a_champion(bank)
    published(bank, 1, date(2026, 7, 31), model)

    found = monitor(bank)

    assert [(alert["kind"], alert["value"]) for alert in found.alerts] == [("age", 212.0), ("review", None)]
    assert found.proposals == [TARGET]


def test_a_challenger_is_measured_against_the_champion_on_live_clients(bank):
    model = a_champion(bank)
    better = a_version(bank, 2)
    knows = np.where(np.isin(np.arange(CLIENTS), LEAVERS), 0.6, 0.05)
    published(bank, 1, FIRST, model, LIKELY, shadow=(better, knows))

    found = monitor(bank)

    seen = observation(bank, better, 1)
    assert seen.score_psi is None  # it was entered without a reference
    assert seen.agreement["clients"] == CLIENTS
    assert seen.outcome["roc_auc"] == 1.0
    assert seen.outcome["auc_gain"]["low"] > 0
    alert = next(alert for alert in found.alerts if alert["kind"] == "challenger")
    assert alert["subject"] == "2"


def test_a_run_whose_files_are_gone_and_a_version_that_is_damaged_stop_nobody(bank):
    model = a_champion(bank)
    for run_id in (1, 3):
        published(bank, run_id, FIRST, model)
    scores_path(bank, 1, 0).unlink()
    scores_path(bank, 3, 1).write_bytes(b"not what was written")
    published(bank, 2, SECOND, a_version(bank, 2, metrics={**a_version(bank, 3).metrics, "roc_auc": interval(0.7)}))

    assert monitor(bank).observed == 1
    assert observation(bank, model, 1) is None


def test_beat_rings_for_monitoring_by_its_own_setting(tmp_path):
    entry = schedule(Settings(home=tmp_path, monitor_seconds=7200))["monitor"]

    assert (entry["task"], entry["schedule"], entry["options"]["expires"]) == (MONITOR, 7200.0, 7200.0)


def test_only_who_decides_on_models_handles_an_alert(bank):
    people = staff(bank)
    published(bank, 1, date(2026, 7, 31), a_champion(bank))
    monitor(bank)

    with pytest.raises(Exception, match="nothing here"):
        handle(bank, people["mark"], 1, "acknowledge", "")
    with pytest.raises(Exception, match="a reason of"):
        handle(bank, people["odile"], 1, "close", "no")
    with pytest.raises(Exception, match="decision"):
        handle(bank, people["odile"], 1, "delete", "it is not mine to see")
    with reading(bank.engine) as session:
        assert {alert.state for alert in session.exec(select(model_alert.ModelAlert))} == {"open"}
