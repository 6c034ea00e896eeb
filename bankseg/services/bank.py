"""The bank as one process sees it: settings, store, policy and lake, opened once at an entry point and passed down."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.policy import Policy
from bankseg.lake.declarations import Declarations, read_declarations
from bankseg.services.policy_in_force import policy_under
from bankseg.settings import Settings
from bankseg.storage import policy_version
from bankseg.storage.database import make_engine
from bankseg.storage.walls import refuse_gaps


@dataclass(frozen=True)
class Bank:
    """Everything a service needs; nothing connects before it is used."""

    settings: Settings
    engine: Engine
    policy: Policy
    recorded: Declarations | None = None  # of an earlier run, in place of what the lake declares now

    @property
    def lake(self) -> str:
        """Root of the lake."""
        return self.settings.lake

    @property
    def snapshots(self) -> Path:
        """Folder of snapshots, labels and scores."""
        return self.settings.home / "snapshots"

    @cached_property
    def declarations(self) -> Declarations:
        """What the mappings loaded so far declared: products, attributes, labels, buckets."""
        return self.recorded or read_declarations(self.lake)

    @cached_property
    def natures(self) -> dict[str, str]:
        """Nature of every product known by name or declared by the bank."""
        return {**PRODUCTS, **self.declarations.products}

    def relations(self) -> dict[str, pa.Table]:
        """Reference tables every bucket sees: products with their economics, and the cost of each channel."""
        value = self.policy.section("value")
        own = value["products"]
        rows = [
            {
                "product": product,
                "nature": nature,
                "ftp_pct": float(value["ftp_pct"]),
                "overdraft_rate_pct": float(value["overdraft_rate_pct"]),
                "rate_pct": float(own.get(product, {}).get("rate_pct", 0.0)),
                "margin_pct": float(own.get(product, {}).get("margin_pct", 0.0)),
                "annual_margin_minor": int(own.get(product, {}).get("annual_margin_minor", 0)),
                "annual_cost_minor": int(own.get(product, {}).get("annual_cost_minor", 0)),
            }
            for product, nature in sorted(self.natures.items())
        ]
        costs = value["channel_cost_minor"]
        return {"products": pa.Table.from_pylist(rows), "channel_costs": pa.table({"channel": list(costs), "cost_minor": pa.array(costs.values(), pa.int64())})}


def open_bank(settings: Settings) -> Bank:
    """Open the bank these settings describe; on PostgreSQL as a role that row security holds for."""
    bank = open_unwalled(settings)
    if not settings.development:
        refuse_gaps(bank.engine)
    return bank


def open_unwalled(settings: Settings) -> Bank:
    """Open the bank as whoever the settings say: for making the schema, and for copying the whole store."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.store)
    return Bank(settings, engine, policy_under(settings, policy_version.in_force_of(engine)))
