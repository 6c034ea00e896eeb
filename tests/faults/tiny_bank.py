"""A bank of some dozens of clients, made of CSV files: a label to train on, movements to correct, a whole run in seconds."""

import random
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from bankseg.domain.jobs import JobState
from bankseg.domain.people import Role, Scope
from bankseg.services.bank import Bank, open_bank
from bankseg.services.ingest import ingest_directory
from bankseg.services.jobs import execute_job
from bankseg.services.runs import start_run
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.person import Person

AS_OF = date(2025, 12, 31)
CLIENTS = 160
BUCKETS = 2
LEASE_SECONDS = 3
STORE_SECONDS = 60  # a PostgreSQL that was killed is back within seconds
MAPPING = """
[bank]
name = "Laboratory"
currency = "EUR"
extract_on = 2025-12-31
[defaults]
recorded = { lag_days = 0 }
[[extract]]
table = "clients"
files = ["clients.csv"]
[extract.columns]
client_id = "id"
name = "name"
joined_on = "joined"
kind = { constant = "individual" }
status = { constant = "active" }
rm_id = "rm"
home_branch_id = "branch"
[extract.attributes]
age = { type = "number", family = "demographic", label_en = "Age", purposes = ["describe", "propensity"] }
logins = { type = "number", family = "activity", label_en = "Logins", purposes = ["describe", "propensity"] }
[extract.label]
name = "left"
column = "left"
positive = ["1"]
meaning = "loss"
label_en = "Left the bank"
[[extract]]
table = "accounts"
files = ["accounts.csv"]
[extract.columns]
account_id = "id"
client_id = "client"
product = { constant = "current_account" }
opened_on = "opened"
[[extract]]
table = "consents"
files = ["consents.csv"]
[extract.columns]
client_id = "client"
purpose = { constant = "marketing_email" }
decided_on = "day"
is_granted = { constant = "true" }
[[extract]]
table = "transactions"
files = ["tx_*.csv"]
[extract.columns]
transaction_id = "id"
account_id = "account"
booked_on = "day"
amount = "amount"
type = { constant = "other" }
"""
POLICY = "[horizon]\nmost_origins = 1\n[lists]\nglobal_control_share = 0.0\n"
STAFF = {"mark": Role.MARKETER, "mia": Role.MARKETER, "rita": Role.RISK_OFFICER, "ada": Role.ADMINISTRATOR}


@dataclass(frozen=True)
class TinyBank:
    """Where one bank of the laboratory lives."""

    home: Path
    store_url: str = ""
    broker_url: str = "memory://"
    port: int = 8127

    @property
    def settings(self) -> Settings:
        """Settings with a lease short enough to wait for."""
        return Settings(
            home=self.home, store_url=self.store_url, broker_url=self.broker_url, policy_file=self.home / "policy.toml", buckets=BUCKETS, shards=2,
            lease_seconds=LEASE_SECONDS, reconcile_seconds=1, canary_seconds=1, port=self.port, development=True, duckdb_memory="512MB",
        )  # fmt: skip

    @property
    def extracts(self) -> Path:
        """Folder of the extract files."""
        return self.home / "extracts"

    @property
    def mapping(self) -> Path:
        """The mapping file."""
        return self.home / "mapping.toml"

    def opened(self) -> Bank:
        """The bank, to be closed by whoever opened it; a store that recovers from a blow is waited for."""
        end = time.monotonic() + STORE_SECONDS
        while True:
            try:
                return open_bank(self.settings)
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def scope(self, login: str) -> Scope:
        """One of its people."""
        bank = self.opened()
        try:
            with reading(bank.engine) as session:
                return session.exec(select(Person).where(Person.login == login)).one().scope
        finally:
            bank.engine.dispose()


def found(tiny: TinyBank, seed: int) -> TinyBank:
    """Found the bank: its files loaded, two people, nothing published."""
    rng = random.Random(seed)  # a made-up bank
    tiny.extracts.mkdir(parents=True)
    tiny.mapping.write_text(MAPPING, encoding="utf-8")
    (tiny.home / "policy.toml").write_text(POLICY, encoding="utf-8")
    clients, accounts = ["id,name,joined,rm,branch,age,logins,left"], ["id,client,opened"]
    for number in range(CLIENTS):
        age, logins = rng.randint(18, 90), rng.randint(0, 40)
        has_left = int(rng.random() < (0.75 if logins < 12 else 0.1))
        clients.append(f"C{number:03d},Client {number},2020-01-01,RM{number % 3},B{number % 2},{age},{logins},{has_left}")
        accounts.append(f"A{number:03d},C{number:03d},2020-01-01")
    (tiny.extracts / "clients.csv").write_text("\n".join(clients) + "\n", encoding="utf-8")
    consents = ["client,day", *(f"C{number:03d},2024-02-03" for number in range(CLIENTS))]
    (tiny.extracts / "consents.csv").write_text("\n".join(consents) + "\n", encoding="utf-8")
    (tiny.extracts / "accounts.csv").write_text("\n".join(accounts) + "\n", encoding="utf-8")
    write_movements(tiny, "first", rng, 300)
    bank = tiny.opened()
    schema.upgrade(bank.engine)
    with transaction(bank.engine) as session:
        session.add_all(Person(login=login, display_name=login.title(), role=role, password_hash="x") for login, role in STAFF.items())
    bank.engine.dispose()
    ingest_directory(tiny.settings, tiny.extracts, tiny.mapping)
    return tiny


def write_movements(tiny: TinyBank, name: str, rng: random.Random, rows: int) -> Path:
    """One more file of movements with ids of its own."""
    lines = ["id,account,day,amount"]
    for number in range(rows):
        day = f"2025-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        lines.append(f"{name}-{number},A{rng.randrange(CLIENTS):03d},{day},{rng.randint(-90_000, 90_000) / 100:.2f}")
    lines.append(f"{name}-broken,A000,31/31/2025,1")  # for the quarantine
    path = tiny.extracts / f"tx_{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def publish_first(tiny: TinyBank) -> int:
    """The first run, undisturbed, in this process."""
    bank = tiny.opened()
    run_id = start_run(bank, AS_OF)
    while queued := open_jobs(bank, JobState.QUEUED):
        for job_id, _ in queued:
            execute_job(tiny.settings, job_id, "first")
    bank.engine.dispose()
    return run_id


def open_jobs(bank: Bank, *states: JobState) -> list[tuple[int, str]]:
    """Id and stage of the jobs in these states, in order."""
    with reading(bank.engine) as session:
        rows = session.exec(select(Job.id, Job.stage).where(col(Job.state).in_([state.value for state in states])).order_by(col(Job.id))).all()
        return [(int(job_id or 0), stage) for job_id, stage in rows]
