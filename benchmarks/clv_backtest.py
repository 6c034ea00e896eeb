"""Client lifetime value held against what a bank's clients earned in the twelve months after, beside both plain estimates.

python benchmarks/clv_backtest.py HOME AS_OF [MONTHS]

HOME is an installation whose lake is read and nothing of it written; AS_OF is a month's end at least twelve months before its last facts. The chain is learned
from the MONTHS before AS_OF (7), value bands cut once at their start; no churn model is used, so the figures are the chain's own.
"""

import sys
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.buckets import bucket_of
from bankseg.domain.horizon import add_months
from bankseg.economics.clv import Clients, Outlook, clv, monthly_contribution, persistence
from bankseg.economics.clv_check import average_times_months, back_test, beats, retention_annuity
from bankseg.economics.tier_chain import coded, draw_chains, joined, observe, states_of
from bankseg.economics.value_bands import BANDS, band_cuts, bands
from bankseg.features.build import build_snapshot
from bankseg.lake.extent import bucket_count, products_held
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.segments.arrays import client_ids, numbers, texts
from bankseg.segments.assign import Inputs, assign
from bankseg.services.bank import Bank, open_bank
from bankseg.services.score import IDENTITY
from bankseg.settings import Settings

TABLES = ("clients", "accounts", "balances", "transactions")
STATES = states_of(BANDS, ("active", "slowing", "lapsing", "dormant", "inactive"))
AGES = (30, 45, 60, 75)
GROUPS = (*(f"individual {band}" for band in range(len(AGES) + 1)), "firm")
MONTHS, BLOCKS, YEAR = 7, 64, 12
INCOME = ("interest_margin_12m_minor", "contract_margin_12m_minor", "fees_12m_minor")
COSTS = ("account_cost_12m_minor", "service_cost_12m_minor")
UNSCORED = {"churn": "double", "churn_target": "varchar", "churn_reasons": "varchar", "best_product": "varchar", "best_propensity": "double", "best_margin_minor": "bigint",
            "best_reasons": "varchar"}  # fmt: skip


class Book:
    """The clients at one month's end, as a run would publish them, by client."""

    def __init__(self, bank: Bank, as_of: date, cuts: dict[str, NDArray[np.float64]] | None) -> None:
        versions = {table: version for table, version in table_versions(bank.lake).items() if table in TABLES}
        lake = LakeAt(bank.lake, versions, {}, bank.relations())
        products = products_held(bank.lake, versions)
        parts = [_snapshot(lake, bucket, as_of, bank, products) for bucket in range(bucket_count(bank.lake))]
        snapshot = pa.concat_tables(parts).sort_by("client_id")
        with tempfile.TemporaryDirectory(prefix="bankseg-clv-") as folder:
            path = Path(folder) / "scores.parquet"
            write_whole(snapshot, path)
            nobody = pa.table({"client_id": pa.array([], pa.string()), "tier": pa.array([], pa.string())})
            found = assign(bank.policy, Inputs([path], 0, as_of, "EUR", bank.natures, has_transactions=True, cuts=None, tiers_before=nobody))
        self.ids = np.array(client_ids(snapshot))
        self.value, status = numbers(found.clients, "value_12m_minor"), texts(found.clients, "status")
        self.earned = np.where(np.isnan(self.value), _sum(snapshot, INCOME) - _sum(snapshot, COSTS), self.value)
        self.monthly = monthly_contribution(self.value, numbers(snapshot, "tenure_days"))
        kinds = texts(found.clients, "kind").tolist()
        self.cuts = cuts or band_cuts(self.monthly, kinds)
        places = bands(self.monthly, kinds, self.cuts)
        names = [f"{(*BANDS, 'none')[place]}/{activity}" for place, activity in zip(places, texts(found.clients, "activity"), strict=True)]
        self.state = coded(np.where(status == "former", "closed", names).tolist(), STATES)
        band = np.digitize(np.nan_to_num(numbers(snapshot, "age_years")), AGES)
        self.group = np.where(texts(snapshot, "client_kind") == "individual", band, len(GROUPS) - 1)

    def clients(self, rows: NDArray[np.intp]) -> Clients:
        """Some of them, without a propensity."""
        return Clients(self.state[rows], self.group[rows], np.full(len(rows), np.nan), self.monthly[rows])


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
    later = Book(bank, add_months(as_of, YEAR), books[0].cuts)
    seen = []
    for before, after in pairwise(books):
        ids, one, other = np.intersect1d(before.ids, after.ids, return_indices=True)
        block = np.array([bucket_of(client, BLOCKS) for client in ids])
        seen.append(observe(before.state[one], after.state[other], before.group[one], block, before.monthly[one], states=STATES, groups=GROUPS))
    observed = joined(seen)
    chain = draw_chains(observed, seed=1)
    _, first, last = np.intersect1d(books[0].ids, books[-1].ids, return_indices=True)
    ended = np.where(books[-1].state[last] == STATES.index("closed"), 0.0, books[-1].monthly[last])
    kept = persistence(chain, books[0].clients(first), ended, months)

    now = books[-1]
    _, here, there = np.intersect1d(now.ids, later.ids, return_indices=True)
    living = (now.state[here] >= 0) & (now.state[here] < len(STATES) - 2)
    here, there = here[living], there[living]
    realised, yearly = later.earned[there], now.value[here]
    moves = observed.moves.sum(axis=(0, 1))[:-2]
    retention = 1 - float(moves[:, -2:].sum() / moves.sum())
    outlook = Outlook(months=YEAR, persistence=kept)
    value = clv(chain, now.clients(here), outlook)
    estimates = {
        "annuity": retention_annuity(yearly / YEAR, np.full(len(here), retention), outlook.monthly_discount),
        "average x months": average_times_months(yearly / YEAR, YEAR, retention**YEAR),
        "average of months known": average_times_months(now.monthly[here], YEAR, retention**YEAR),
        "CLV of the state": clv(chain, now.clients(here), Outlook(months=YEAR)).median,
        "CLV": value.median,
    }
    print(f"{len(here):,} clients as of {as_of}, {len(moves):,} states, monthly retention {retention:.4f}, persistence {kept:.3f}")
    found = {name: back_test(predicted, realised) for name, predicted in estimates.items()}
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
