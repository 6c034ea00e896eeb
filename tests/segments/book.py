"""A scored book of a few clients: tests state what matters, defaults fill the rest."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from bankseg.domain.policy import Policy, load_policy
from bankseg.lake.parquet import write_whole
from bankseg.segments.assign import Assignment, Inputs, assign

AS_OF = date(2025, 12, 31)
NATURES = {"current_account": "deposit", "savings": "deposit", "card": "card", "personal_loan": "credit"}
DEFAULT = {"status": "active", "kind": "individual", "open_accounts": 1, "is_vulnerable": False}
TYPES = {
    "client_id": pa.string(), "status": pa.string(), "kind": pa.string(), "open_accounts": pa.int64(), "is_vulnerable": pa.bool_(),
    "deceased_on": pa.date32(), "interest_margin_12m_minor": pa.int64(), "contract_margin_12m_minor": pa.int64(), "fees_12m_minor": pa.int64(),
    "account_cost_12m_minor": pa.int64(), "service_cost_12m_minor": pa.int64(), "exposure_minor": pa.int64(), "arrears_minor": pa.int64(),
    "days_past_due": pa.int64(), "recency_days": pa.int64(), "counted_pace_90d": pa.float64(), "active_days_365d": pa.int64(), "credit_minor_365d": pa.int64(),
    "credit_source": pa.string(), "credit_score": pa.float64(), "credit_score_change_90d": pa.float64(), "is_forborne": pa.int64(),
    "rejected_debits_30d": pa.int64(), "overdraft_beyond_limit_months_6m": pa.int64(), "income_months_12m": pa.int64(), "income_ratio_35d_6m": pa.float64(),
    "instalments_minor_90d": pa.int64(), "income_90d_minor": pa.int64(), "high_utilisation_months_3m": pa.int64(), "credit_balance_ratio_6m": pa.float64(),
    "churn": pa.float64(), "churn_target": pa.string(), "churn_reasons": pa.string(), "best_product": pa.string(), "best_propensity": pa.float64(),
    "best_blocked_by": pa.string(), "best_margin_minor": pa.int64(), "best_reasons": pa.string(), "p:cross_sell:savings": pa.float64(), "p:cross_sell:personal_loan": pa.float64(),
    "consents_email": pa.int64(), "consents_phone": pa.int64(), "days_since_campaign": pa.int64(), "balance_minor": pa.int64(), "debt_minor": pa.int64(),
}  # fmt: skip
ALWAYS = ("client_id", "status", "kind", "churn", "churn_target", "churn_reasons", "best_product", "best_propensity", "best_margin_minor", "best_reasons")


class Book:
    """Scores in a folder; `assigned` runs the assignment over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy: Policy = load_policy()

    def assigned(self, clients: Sequence[Mapping[str, Any]], *, files: int = 1, **inputs: Any) -> Assignment:
        return assign(self.policy, self.inputs(clients, files=files, **inputs))

    def inputs(self, clients: Sequence[Mapping[str, Any]], *, files: int = 1, **inputs: Any) -> Inputs:
        rows = [{**DEFAULT, "client_id": f"C{number:05d}", **client} for number, client in enumerate(clients)]
        names = {name for row in rows for name in row} | set(ALWAYS)
        schema = pa.schema([(name, kind) for name, kind in TYPES.items() if name in names])
        paths = [self.folder / f"bucket={number:04d}.parquet" for number in range(files)]
        for number, path in enumerate(paths):
            write_whole(pa.Table.from_pylist(rows[number::files], schema=schema), path)
        before = inputs.pop("tiers_before", {})
        given = {
            "run_id": 7, "as_of": AS_OF, "currency": "EUR", "natures": NATURES, "has_transactions": True, "cuts": None,
            "tiers_before": pa.table({"client_id": pa.array(list(before), pa.string()), "tier": pa.array(list(before.values()), pa.string())}),
            "memory": "500MB",
        }  # fmt: skip
        return Inputs(paths, **{**given, **inputs})

    def clients(self, clients: Sequence[Mapping[str, Any]], **inputs: Any) -> list[dict[str, Any]]:
        return self.assigned(clients, **inputs).clients.to_pylist()


def value_cuts(platinum: int, gold: int, silver: int, kind: str = "individual") -> list[dict[str, Any]]:
    return [{"kind": kind, "measure": "value", "class": name, "least": least} for name, least in (("platinum", platinum), ("gold", gold), ("silver", silver))]
