"""Segmenting a run: tiers, bands, segments, offers and cases of the whole book, written for publication."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlmodel import select

from bankseg.lake.parquet import digest_of, read_checked, write_whole
from bankseg.propensity.artefacts import read_card
from bankseg.segments.assign import Assignment, assign
from bankseg.services.bank import Bank
from bankseg.services.declared_outcomes import sales
from bankseg.services.description import describe, described_with
from bankseg.services.firm_profile import profiles_known
from bankseg.services.jobs import Claim
from bankseg.services.lifetime_value import lifetimes, published_with
from bankseg.services.placing import forget_placed, placed_on_cluster, run_inputs
from bankseg.services.product_ranking import PREFIX, ranking_of
from bankseg.services.rolls import roll_path
from bankseg.services.score import scores_path
from bankseg.services.shadow import shadow_summary
from bankseg.storage import published_rows
from bankseg.storage import run as runs
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import Run

PARTS = ("clients", "offers", "cases")


def segment_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Assign every client of the run once all shards are scored."""
    claim.progress(0, 3, "assigning tiers, bands and segments")
    with reading(bank.engine) as session:
        run = session.get_one(Run, claim.run_id)
        before = runs.published_before(session, run.as_of)
        tiers = _tiers_before(session, before)
        profiles = profiles_known(session, date.fromisoformat(run.as_of))
    scores = [scores_path(bank, claim.run_id, bucket) for bucket in range(int(run.plan["buckets"]))]
    for path in scores:
        read_checked(path)  # what follows reads with DuckDB, which checks no page checksums
    claim.progress(0, 3, "valuing what clients will bring")
    values = lifetimes(bank, run, scores)
    buckets = len(scores)
    described = describe(bank, run, lambda done: claim.progress(0, 3, f"describing clients: {done} of {buckets} buckets"))
    inputs = replace(
        run_inputs(bank, run, list(range(buckets)), tiers),
        cuts=before.summary.get("cuts") if before is not None and before.policy_sha256 == run.policy_sha256 else None,
        judged=_judged(bank, run),
        described=described_with(described_with(described, values.table), profiles),
        roll=roll_path(bank.settings, claim.run_id),
    )
    placed = placed_on_cluster(bank, run, inputs, lambda done: claim.progress(0, 3, f"placing clients: {done} of {buckets} buckets"))
    claim.progress(1, 3, "assigning tiers, bands and segments")
    found = assign(bank.policy, replace(inputs, placed=placed))
    assignment = replace(found, clients=published_with(found.clients, values.table))
    claim.progress(2, 3, "writing")
    beside = {
        "shadows": shadow_summary([read_checked(path) for path in inputs.scores], run.shadows),
        "product_ranking": ranking_of(bank, run, before),
        "currency": inputs.currency,
        "lifetime": values.summary,
        "outcomes": [dict(entry) for entry in bank.declarations.outcomes],
    }
    done = _write(bank, claim, assignment, beside)
    forget_placed(bank, run)
    return done


def part_path(bank: Bank, run_id: int, part: str) -> Path:
    """File of one part of a run's publication."""
    return bank.snapshots / "runs" / str(run_id) / f"{part}.parquet"


def _write(bank: Bank, claim: Claim, assignment: Assignment, beside: dict[str, Any]) -> dict[str, Any]:
    for part, table in zip(PARTS, (assignment.clients, assignment.offers, assignment.cases), strict=True):
        write_whole(table, part_path(bank, claim.run_id, part))
    digest = digest_of(part_path(bank, claim.run_id, part) for part in PARTS)
    with transaction(bank.engine) as session:
        claim.hold(session)
        run = session.exec(select(Run).where(Run.id == claim.run_id).with_for_update()).one()
        run.summary = {**assignment.summary, "cuts": assignment.cuts, **beside}
        run.n_expected = assignment.clients.num_rows
        run.result_sha256 = digest
    claim.progress(3, 3)
    return {"clients": assignment.clients.num_rows, "offers": assignment.offers.num_rows, "cases": assignment.cases.num_rows}


def _judged(bank: Bank, run: Run) -> dict[str, tuple[float, int]]:
    """Base rate and clients of the fold that judged each product's model, the bank's own sales among them."""
    digests = {**run.models, **{product: run.models[label] for product, label in sales(bank.declarations, run.models).items()}}
    cards = {target: read_card(bank.settings.artefacts, digest, bank.settings.key()) for target, digest in digests.items() if target.startswith(PREFIX)}
    return {target.removeprefix(PREFIX): (float(card["base_rate"]), int(card["n"])) for target, card in cards.items()}


def _tiers_before(session: Any, before: Run | None) -> pa.Table:  # a SQLModel session
    schema = pa.schema({"client_id": pa.string(), "tier": pa.string()})
    if before is None:
        return schema.empty_table()
    rows = published_rows.tiers(session, before.id or 0)
    return pa.table([pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.string())], schema=schema)
