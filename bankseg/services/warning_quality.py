"""The early-warning rules of the policy measured on the bank's own history, once a run and policy, and shown to those who review risks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import pyarrow as pa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import read_all
from bankseg.segments.assign import Inputs, warning_levels
from bankseg.segments.warning_quality import Watched, qualities, watched
from bankseg.services.bank import Bank, open_bank
from bankseg.services.snapshot import lake_at, snapshot_path
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import run as runs
from bankseg.storage import warning_quality
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.run import Run

INSTALMENTS = "instalments"
NO_TIERS = pa.schema([("client_id", pa.string()), ("tier", pa.string())])


@dataclass(frozen=True, slots=True)
class WarningsPage:
    """The latest measurement, None before the first one."""

    stamp: Stamp
    measured: dict[str, Any] | None
    as_of: str
    made_at: float


def warnings_page(session: Session, scope: Scope) -> WarningsPage:
    """How well the early-warning rules foretold arrears: counts of the whole book, no client is named."""
    require(scope, Right.RISK_QUEUE)
    row = warning_quality.latest(session)
    return WarningsPage(stamp(session), row.document if row else None, row.as_of if row else "", row.made_at if row else 0.0)


def measure_bank(settings: Settings) -> dict[str, Any] | None:
    """Measure the published run of the bank of these settings; its connections are closed at the end."""
    bank = open_bank(settings)
    try:
        return measure(bank)
    except MissingDataError:  # before the first run, or without a history of instalments: there is nothing to measure yet
        return None
    finally:
        bank.engine.dispose()


def measure(bank: Bank) -> dict[str, Any]:
    """Measure the rules of the policy in force on the published run's history; what was measured already is read back.

    A run that trains no model has features of its own date alone: then the latest run before it that trained is measured.

    Raises
    ------
    MissingDataError
        When nothing was published, no instalments were loaded, or no snapshot is old enough for its horizon to have passed.
    """
    with reading(bank.engine) as session:
        run = runs.current(session)
        if run is None or run.id is None:
            raise MissingDataError("no run has been published", "a published run", "bankseg run --as-of DATE")
        run = _with_history(bank, session, run)
        known = warning_quality.of_run(session, run.id or 0, bank.policy.sha256)
    if known is not None:
        return known.document
    document = _measured(bank, run)
    try:
        with transaction(bank.engine) as session:
            now = database_time(session)
            session.add(warning_quality.WarningQuality(run_id=run.id or 0, as_of=run.as_of, policy_sha256=bank.policy.sha256, document=document, made_at=now))
    except IntegrityError:  # somebody measured the same at the same moment
        return document
    return document


def _measured(bank: Bank, run: Run) -> dict[str, Any]:
    if INSTALMENTS not in run.table_versions:
        raise MissingDataError("no instalments were loaded", "the extract of instalments", "bankseg ingest it")
    risk = bank.policy.section("risk")
    horizon, as_of = int(risk["warning_horizon_days"]), date.fromisoformat(run.as_of)
    origins = _origins(bank, run)[-int(risk["warning_dates"]) :]
    if not origins:
        raise MissingDataError(f"no snapshot is {horizon} days older than {as_of}", "a run that trains on earlier dates", "bankseg run --retrain")
    arrears = _arrears(bank, run, origins[0])
    dates = [_watched(bank, run, day, arrears, horizon) for day in origins]
    return {"horizon_days": horizon, "dates": [day.isoformat() for day in origins], "rules": [asdict(one) for one in qualities(dates)]}


def _with_history(bank: Bank, session: Session, run: Run) -> Run:
    """The run itself, or the latest published before it whose earlier dates can be looked at; itself too where there is none."""
    found: Run | None = run
    while found is not None and not _origins(bank, found):
        found = runs.published_before(session, found.as_of)
    return found or run


def _origins(bank: Bank, run: Run) -> Sequence[date]:
    """Dates with a whole snapshot of the run's data whose horizon has passed, earliest first."""
    last_on = date.fromisoformat(run.as_of) - timedelta(days=int(bank.policy.section("risk")["warning_horizon_days"]))
    found = []
    for folder in sorted(bank.snapshots.iterdir()) if bank.snapshots.exists() else []:
        try:
            day = date.fromisoformat(folder.name)
        except ValueError:
            continue
        if day <= last_on and all(snapshot_path(bank, run, folder.name, bucket).exists() for bucket in range(int(run.plan["buckets"]))):
            found.append(day)
    return found


def _watched(bank: Bank, run: Run, day: date, arrears: pa.Table, horizon: int) -> Watched:
    snapshot = read_all(snapshot_path(bank, run, day.isoformat(), bucket) for bucket in range(int(run.plan["buckets"])))
    inputs = Inputs(
        scores=(), run_id=run.id or 0, as_of=day, currency="", natures=bank.natures, has_transactions="transactions" in run.table_versions, cuts=None,
        tiers_before=NO_TIERS.empty_table(), memory=bank.settings.duckdb_memory,
    )  # fmt: skip
    return watched(day, warning_levels(bank.policy, snapshot, inputs), arrears, horizon)


def _arrears(bank: Bank, run: Run, first_on: date) -> pa.Table:
    sql = files("bankseg.segments").joinpath("arrears.sql").read_text(encoding="utf-8")
    as_of, parts = date.fromisoformat(run.as_of), []
    for bucket in range(int(run.plan["buckets"])):
        with LocalBucket(lake_at(bank, run), bucket, as_of) as connection:
            parts.append(connection.arrow(sql, {"as_of": as_of, "first_on": first_on}))
    return pa.concat_tables(parts)
