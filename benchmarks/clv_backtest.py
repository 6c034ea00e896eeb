"""Client lifetime value held against what a bank's clients earned in the twelve months after, beside both plain estimates.

python benchmarks/clv_backtest.py HOME AS_OF [MONTHS]

HOME is an installation whose lake is read and nothing of it written; AS_OF is a month's end at least twelve months before its last facts. The chain is learned
from the MONTHS before AS_OF (7), value bands cut once at their start; no churn model is used, so the figures are the chain's own.
"""

import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.horizon import add_months
from bankseg.economics.clv import Clients, Outlook, clv
from bankseg.economics.clv_check import average_times_months, back_test, beats, retention_annuity
from bankseg.economics.tier_chain import draw_chains
from bankseg.features.build import build_snapshot
from bankseg.lake.extent import bucket_count, products_held
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.segments.arrays import numbers
from bankseg.segments.assign import Inputs, assign
from bankseg.segments.lifetime import STATES, Cuts, cuts_of, measured_persistence, observed, standing
from bankseg.services.bank import Bank, open_bank
from bankseg.services.score import IDENTITY
from bankseg.settings import Settings

TABLES = ("clients", "accounts", "balances", "transactions")
MONTHS, YEAR = 7, 12
INCOME = ("interest_margin_12m_minor", "contract_margin_12m_minor", "fees_12m_minor")
COSTS = ("account_cost_12m_minor", "service_cost_12m_minor")
UNSCORED = {"churn": "double", "churn_target": "varchar", "churn_reasons": "varchar", "best_product": "varchar", "best_propensity": "double", "best_margin_minor": "bigint",
            "best_reasons": "varchar"}  # fmt: skip


class Book:
    """The clients at one month's end: where they stand, their yearly contribution, and what each earned in the year (former clients too), in the order of their ids."""

    def __init__(self, bank: Bank, as_of: date, cuts: Cuts | None) -> None:
        versions = {table: version for table, version in table_versions(bank.lake).items() if table in TABLES}
        lake = LakeAt(bank.lake, versions, {}, bank.relations())
        products = products_held(bank.lake, versions)
        parts = [_snapshot(lake, bucket, as_of, bank, products) for bucket in range(bucket_count(bank.lake))]
        snapshot = pa.concat_tables(parts).sort_by("client_id")
        with tempfile.TemporaryDirectory(prefix="bankseg-clv-") as folder:
            path = Path(folder) / "scores.parquet"
            write_whole(snapshot, path)
            nobody = pa.table({"client_id": pa.array([], pa.string()), "tier": pa.array([], pa.string())})
            found = assign(bank.policy, Inputs([path], 0, as_of, "EUR", bank.natures, has_transactions=True, cuts=None, tiers_before=nobody)).clients
        roll = found.append_column("tenure_days", snapshot.column("tenure_days")).append_column("age_years", snapshot.column("age_years"))
        self.cuts = cuts or cuts_of(roll)
        self.standing = standing(roll.drop_columns(["churn"]), self.cuts)
        self.value = numbers(found, "value_12m_minor")
        self.earned = np.where(np.isnan(self.value), _sum(snapshot, INCOME) - _sum(snapshot, COSTS), self.value)


def _snapshot(lake: LakeAt, bucket: int, as_of: date, bank: Bank, products: tuple[str, ...]) -> pa.Table:
    with LocalBucket(lake, bucket, as_of) as connection:
        connection.register("snapshot", build_snapshot(connection, bank.policy.horizon(as_of), products))
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in UNSCORED.items())
        return connection.arrow(f"SELECT s.*, i.* EXCLUDE (client_id), {empty} FROM snapshot AS s JOIN ({IDENTITY}) AS i ON i.client_id = s.client_id")


def _sum(table: pa.Table, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.sum([np.nan_to_num(numbers(table, name)) for name in names], axis=0)


def main() -> None:
    """Learn, predict, wait a year, compare."""
    bank, as_of = open_bank(Settings(home=Path(sys.argv[1]))), date.fromisoformat(sys.argv[2])
    months = int(sys.argv[3]) if len(sys.argv) > 3 else MONTHS
    books = [Book(bank, add_months(as_of, -months), None)]
    books += [Book(bank, add_months(as_of, month - months), books[0].cuts) for month in range(1, months + 1)]
    later, now = Book(bank, add_months(as_of, YEAR), books[0].cuts), books[-1]
    seen = observed([book.standing for book in books])
    chain = draw_chains(seen, seed=1)
    kept = measured_persistence(chain, books[0].standing, now.standing, months)

    _, here, there = np.intersect1d(now.standing.ids, later.standing.ids, return_indices=True)
    living = (now.standing.state[here] >= 0) & (now.standing.state[here] < len(STATES) - 2)
    here, there = here[living], there[living]
    yearly, known = now.value[here], now.standing.monthly[here]
    clients = Clients(now.standing.state[here], now.standing.group[here], np.full(len(here), np.nan), known)
    moves = seen.moves.sum(axis=(0, 1))[:-2]
    retention = 1 - float(moves[:, -2:].sum() / moves.sum())
    outlook = Outlook(months=YEAR, persistence=kept)
    value = clv(chain, clients, outlook)
    estimates = {
        "annuity": retention_annuity(yearly / YEAR, np.full(len(here), retention), outlook.monthly_discount),
        "average x months": average_times_months(yearly / YEAR, YEAR, retention**YEAR),
        "average of months known": average_times_months(known, YEAR, retention**YEAR),
        "CLV of the state": clv(chain, clients, Outlook(months=YEAR)).median,
        "CLV": value.median,
    }
    print(f"{len(here):,} clients as of {as_of}, {len(moves)} living states, monthly retention {retention:.4f}, persistence {kept:.3f}")
    found = {name: back_test(predicted, later.earned[there]) for name, predicted in estimates.items()}
    for name, check in found.items():
        print(
            f"{name:24s} rank {check.rank_correlation:.4f}  top tenth holds {check.top_decile_capture:.4f} ({check.top_decile_of_best:.3f} of the best)"
            f"  sum {check.sum_ratio:.3f}"
        )
    width = (value.high - value.low) / np.maximum(np.abs(value.median), 1.0)
    print(f"median width of the 10-90 % interval {np.median(width):.3f}; CLV beats the annuity: {beats(found['CLV'], found['annuity'])},", end=" ")
    print(f"the average: {beats(found['CLV'], found['average x months'])}, within 5 % of the book: {found['CLV'].sums_agree}")


if __name__ == "__main__":
    main()
