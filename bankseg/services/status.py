"""The state of the bank in a few numbers, for people and for scripts."""

from typing import Any

from sqlmodel import col, select

from bankseg.domain.errors import NotFoundError
from bankseg.lake.files import table_versions
from bankseg.services.bank import Bank
from bankseg.storage import propensity_model, published_rows, schema
from bankseg.storage.database import reading
from bankseg.storage.run import Run, current


def bank_status(bank: Bank) -> dict[str, Any]:
    """Counts of what is published: clients, run, segments, targets, lists.

    Raises
    ------
    NotFoundError
        When the store was never initialised.
    """
    if schema.revision(bank.engine) is None:
        raise NotFoundError("the store is empty", "a store that was initialised", "run bankseg init, or bankseg demo to see it with data")
    with reading(bank.engine) as session:
        run = current(session)
        models = {model.target: {"version": model.version, "metrics": model.metrics, "as_of": model.as_of} for model in propensity_model.champions(session)}
        newest = session.exec(select(Run).order_by(col(Run.id).desc()).limit(1)).first()
        status: dict[str, Any] = {
            "clients": run.n_rows if run else 0,
            "published_run": run.id if run else None,
            "as_of": run.as_of if run else None,
            "segments": {code: entry["clients"] for code, entry in run.summary["segments"].items()} if run else {},
            "tiers": {code: entry["clients"] for code, entry in run.summary["tiers"].items()} if run else {},
            "targets": models,
            "refusals": run.refusals if run else {},
            "lists": published_rows.sizes(session, run.id or 0) if run else {},
            "tables": table_versions(bank.lake),
            "latest_run": {"id": newest.id, "as_of": newest.as_of, "state": newest.state, "error": newest.error} if newest else None,
        }
    return status
