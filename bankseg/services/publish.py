"""Publishing: rows go in beside the current ones, then one transaction checks them and flips the pointer."""

import logging
import math
from typing import Any

import pyarrow as pa
from sqlmodel import Session, col, select

from bankseg.domain.errors import ArtefactError, BanksegError, NotFoundError, ServiceUnavailableError
from bankseg.domain.jobs import RunState
from bankseg.faults import crash_point
from bankseg.lake.parquet import digest_of, read_checked
from bankseg.services.bank import Bank
from bankseg.services.jobs import Claim
from bankseg.services.risk_review import open_again
from bankseg.services.segment import PARTS, part_path
from bankseg.services.segment_memberships import keep_due, write_events
from bankseg.storage import audit, published_rows
from bankseg.storage.bulk import analyse, append
from bankseg.storage.database import database_time, transaction
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run

_log = logging.getLogger(__name__)
KEPT_RUNS = 6  # published runs whose rows stay for rollback and history


def publish_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Load the run's rows and make them the ones readers see."""
    claim.progress(0, 4, "checking the files")
    paths = [part_path(bank, claim.run_id, part) for part in PARTS]
    tables = {part: read_checked(path) for part, path in zip(PARTS, paths, strict=True)}
    _check_propensities(tables)
    with transaction(bank.engine) as session:
        claim.hold(session)
        run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one()
        if run.state == RunState.PUBLISHED:
            return {"clients": run.n_rows, "already": True}
        if digest_of(paths) != run.result_sha256:
            raise ArtefactError("the files of this run changed after they were written", "the recorded SHA-256", "run the segment stage again")
        published_rows.forget(session, claim.run_id)
    for done, (part, table) in enumerate(published_rows.PARTS.items(), start=1):
        claim.progress(done, 4, f"loading {part}")
        append(bank.engine, table.__tablename__, tables[part])
        crash_point("publish.part_loaded")
    analyse(bank.engine, published_rows.TABLES)
    with transaction(bank.engine) as session:
        claim.hold(session)
        rows = _check(session, claim.run_id, tables)
        _flip(session, claim.run_id, rows)
        crash_point("publish.flipped")
    claim.progress(4, 4)
    return {"clients": rows, "memberships": _keep_memberships(bank, claim.run_id)}


def _keep_memberships(bank: Bank, run_id: int) -> int:
    """Keep who is in which segment. The run is published whatever comes of it: what failed here is kept by the refresh that beat rings for."""
    try:
        kept = keep_due(bank.settings, bank.engine, run_id)
        write_events(bank.settings, bank.engine, run_id)
    except (BanksegError, OSError) as error:
        _log.warning("memberships of run %s wait for the next refresh: %s", run_id, error)
        return 0
    return kept


def roll_back(bank: Bank, run_id: int, *, person_id: int | None, reason: str) -> None:
    """Make an earlier published run the one readers see again, in one audited transaction.

    Raises
    ------
    NotFoundError
        When that run was never published, or its rows are no longer kept.
    """
    with transaction(bank.engine) as session:
        pointer = session.exec(select(CurrentRun).where(CurrentRun.kind == PORTFOLIO).with_for_update()).one_or_none()
        run = session.exec(select(Run).where(Run.id == run_id, Run.state == RunState.PUBLISHED)).one_or_none()
        if run is None or pointer is None:
            raise NotFoundError(f"run {run_id} was never published", "a published run", "bankseg status names the runs")
        if published_rows.count(session, run_id) != run.n_rows:
            raise NotFoundError(f"the rows of run {run_id} are no longer kept", f"one of the last {KEPT_RUNS} published runs", "choose a later run")
        audit.record(session, "run_rolled_back", f"run {run_id}", person_id=person_id, from_run=pointer.run_id, reason=reason)
        pointer.run_id, pointer.flipped_at = run.id or run_id, database_time(session)
        published_rows.show(session, run_id)


def _check(session: Session, run_id: int, tables: dict[str, pa.Table]) -> int:
    """Refuse to publish a run whose rows in the store are not the rows of its files."""
    for part in published_rows.PARTS:
        found = published_rows.count(session, run_id, part)
        if found != tables[part].num_rows:
            raise ServiceUnavailableError(f"{part}: {found} rows in the store", f"{tables[part].num_rows}", "nothing: the job loads them again")
    run = session.exec(select(Run).where(Run.id == run_id).with_for_update()).one()
    if run.n_expected != tables["clients"].num_rows:
        raise ArtefactError(f"{tables['clients'].num_rows} client rows", f"{run.n_expected}", "run the segment stage again")
    return int(tables["clients"].num_rows)


def _check_propensities(tables: dict[str, pa.Table]) -> None:
    """Refuse a number that is no probability, before the store makes a null of it."""
    for part, name in (("clients", "churn"), ("clients", "best_propensity"), ("offers", "propensity")):
        if any(p is not None and not (math.isfinite(p) and 0 <= p <= 1) for p in tables[part].column(name).to_pylist()):
            raise ArtefactError(f"{part}: {name} outside [0, 1]", "calibrated probabilities", "look at the model of this run")


def _flip(session: Session, run_id: int, rows: int) -> None:
    now = database_time(session)
    run = session.get_one(Run, run_id)
    run.state, run.n_rows, run.published_at = RunState.PUBLISHED, rows, now
    pointer = session.exec(select(CurrentRun).where(CurrentRun.kind == PORTFOLIO).with_for_update()).one_or_none()
    if pointer is None:
        session.add(CurrentRun(kind=PORTFOLIO, run_id=run_id, flipped_at=now))
        published_rows.show(session, run_id)
    elif _is_newer(session, run, pointer.run_id):
        pointer.run_id, pointer.flipped_at = run_id, now
        published_rows.show(session, run_id)
        open_again(session, run_id, run.as_of)
    audit.record(session, "run_published", f"run {run_id}", clients=rows, as_of=run.as_of)
    _forget_old(session)


def _is_newer(session: Session, run: Run, shown_id: int) -> bool:
    """A run for an earlier date never hides a later one: history may be filled in without moving the desks back."""
    shown = session.get(Run, shown_id)
    return shown is None or (run.as_of, run.id or 0) > (shown.as_of, shown.id or 0)


def _forget_old(session: Session) -> None:
    shown = session.get(CurrentRun, PORTFOLIO)
    published = session.exec(select(Run.id).where(Run.state == RunState.PUBLISHED).order_by(col(Run.id).desc())).all()
    for run_id in published[KEPT_RUNS:]:
        if shown is None or run_id != shown.run_id:
            published_rows.forget(session, run_id or 0)
