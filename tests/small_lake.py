"""A lake of a few rows: tests state what matters, defaults fill the rest."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from bankseg.domain.buckets import bucket_of
from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt
from bankseg.lake.schemas import table_schema

BUCKETS = 2
DEFAULTS: dict[str, dict[str, Any]] = {
    "clients": {"joined_on": date(2020, 1, 1), "kind": "individual", "status": "active"},
    "accounts": {"product": "current_account", "opened_on": date(2020, 1, 1), "currency": "EUR"},
    "balances": {"currency": "EUR"},
    "transactions": {"type": "card_purchase", "currency": "EUR", "channel": "mobile"},
    "interactions": {"kind": "complaint"},
    "digital_events": {"type": "login", "count": 1},
    "campaign_contacts": {"campaign": "spring", "arm": "treated"},
    "credit_scores": {"source": "fico"},
}
PRODUCTS = pa.table(
    {
        "product": ["current_account", "savings", "personal_loan", "card"],
        "nature": ["deposit", "deposit", "credit", "card"],
        "ftp_pct": [2.4] * 4,
        "overdraft_rate_pct": [12.0] * 4,
        "rate_pct": [0.0, 1.4, 6.4, 0.0],
        "margin_pct": [0.0] * 4,
        "annual_margin_minor": pa.array([0, 0, 0, 3000], pa.int64()),
        "annual_cost_minor": pa.array([1200, 0, 0, 0], pa.int64()),
    }
)
CHANNEL_COSTS = pa.table({"channel": ["mobile", "branch"], "cost_minor": pa.array([3, 450], pa.int64())})


class SmallLake:
    """Rows by table, written as Delta tables like the intake's."""

    def __init__(self, root: Path, buckets: int = BUCKETS) -> None:
        self.root, self.buckets = str(root), buckets
        root.mkdir(parents=True, exist_ok=True)
        (root / "_lake.json").write_text(json.dumps({"buckets": buckets, "format": 1}), encoding="utf-8")

    def add(self, table: str, *rows: dict[str, Any]) -> "SmallLake":
        """Append rows; `recorded_on` and `recorded_until_on` are days, by default the day after the event and never."""
        extract = EXTRACT_BY_NAME[table]
        full = [self._complete({**DEFAULTS.get(table, {}), **row}, extract.event_on) for row in rows]
        write_deltalake(f"{self.root}/{table}", pa.Table.from_pylist(full, schema=table_schema(extract)), mode="append", partition_by=["bucket"])
        return self

    def at_now(self) -> LakeAt:
        """The lake at its current versions."""
        return LakeAt(self.root, table_versions(self.root), {}, {"products": PRODUCTS, "channel_costs": CHANNEL_COSTS})

    def _complete(self, row: dict[str, Any], event_on: str) -> dict[str, Any]:
        recorded = row.pop("recorded_on", row[event_on] + timedelta(days=1))
        until = row.pop("recorded_until_on", None)
        clocks = {"recorded_at": _instant(recorded), "recorded_until": _instant(until) if until else None, "recorded_is_assumed": True}
        return {**row, **clocks, "bucket": bucket_of(row["client_id"], self.buckets)}


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
