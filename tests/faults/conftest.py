"""One demo bank, loaded once, and its undisturbed run in this process: what every disturbed run is compared with."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import col, select

from bankseg.demo.bank import generate
from bankseg.domain.jobs import JobState
from bankseg.lake.parquet import digest_of
from bankseg.services.bank import open_bank
from bankseg.services.ingest import ingest_directory
from bankseg.services.jobs import execute_job
from bankseg.services.runs import start_run
from bankseg.services.score import scores_path
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from bankseg.storage.published_rows import PARTS
from bankseg.storage.run import Run

AS_OF = date(2025, 12, 31)
BUCKETS = 2
# A short plan and few targets: enough for several models, refusals and offers in seconds.
POLICY = """
[horizon]
most_origins = 1
[churn]
minimum_positives = 12
headline = ["balance_attrition", "primary_loss"]
[cross_sell]
excluded_products = ["overdraft", "other", "term_deposit", "securities", "life_insurance", "home_insurance", "card", "credit_card",
    "mortgage", "business_loan", "merchant_services", "current_account", "savings"]
"""


@dataclass(frozen=True)
class Reference:
    """The undisturbed run: what it published, and the home its features can be copied from."""

    settings: Settings
    result_sha256: str
    models: dict[str, str]
    refusals: dict[str, str]
    clients: int
    scores: str
    rows: dict[str, list[dict]]


def settings_for(home: Path, lake: str, **more: object) -> Settings:
    """An installation over the shared lake; a lease long enough for a busy machine, short enough to wait for."""
    home.mkdir(parents=True, exist_ok=True)
    policy = home / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    return Settings(home=home, lake_url=lake, policy_file=policy, buckets=BUCKETS, lease_seconds=6, reconcile_seconds=1, **{"shards": 2, **more})


@pytest.fixture(scope="session")
def loaded_lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo bank's lake. Read only."""
    root = tmp_path_factory.mktemp("faults")
    demo = generate(root / "demo", clients=1500, months=30, seed=5, last_month_end=AS_OF)
    settings = Settings(home=root / "home", buckets=BUCKETS)
    bank = open_bank(settings)
    schema.upgrade(bank.engine)
    bank.engine.dispose()
    ingest_directory(settings, demo.directory, demo.mapping)
    return settings.lake


@pytest.fixture(scope="session")
def reference(loaded_lake: str, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The run done by one process in one shard, without a broker. Read only."""
    settings = settings_for(tmp_path_factory.mktemp("reference") / "home", loaded_lake, shards=1)
    bank = open_bank(settings)
    schema.upgrade(bank.engine)
    run_id = start_run(bank, AS_OF)
    while queued := queued_jobs(bank):
        for job_id in queued:
            execute_job(settings, job_id, "alone")
    run = run_row(bank, run_id)
    assert run.state == "published", run.error
    assert len(run.models) >= 3
    found = Reference(settings, run.result_sha256 or "", run.models, run.refusals, run.n_rows or 0, score_digest(bank, run_id), published_rows(bank, run_id))
    bank.engine.dispose()
    return found


def with_features_of(reference: Reference, home: Path) -> None:
    """Copy the features and labels, not the scores: runs of the same inputs share them."""
    for origin in reference.settings.home.joinpath("snapshots").iterdir():
        if origin.name != "runs":
            shutil.copytree(origin, home / "snapshots" / origin.name)


def queued_jobs(bank) -> list[int]:
    with reading(bank.engine) as session:
        return list(session.exec(select(Job.id).where(Job.state == JobState.QUEUED).order_by(col(Job.id))).all())


def run_row(bank, run_id: int) -> Run:
    with reading(bank.engine) as session:
        return session.get_one(Run, run_id)


def score_digest(bank, run_id: int) -> str:
    """One hash over the run's score files."""
    return digest_of(scores_path(bank, run_id, bucket) for bucket in range(BUCKETS))


def published_rows(bank, run_id: int) -> dict[str, list[dict]]:
    """Every published row of a run, in one order."""
    with reading(bank.engine) as session:
        return {
            part: sorted(
                (row.model_dump() for row in session.exec(select(table).where(table.run_id == run_id))), key=lambda row: (row["client_id"], row.get("product"))
            )
            for part, table in PARTS.items()
        }
