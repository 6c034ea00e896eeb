"""One client's months: balances and flows for the chart of the client page, read from one bucket."""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files

import pyarrow as pa

from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import MissingDataError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.horizon import Horizon
from bankseg.lake.declarations import read_declarations
from bankseg.lake.extent import bucket_count
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt, LocalBucket

READ = ("clients", "accounts", "balances", "transactions")


@dataclass(frozen=True, slots=True)
class MonthOfClient:
    """One month; `balance_minor` is null where no balance is known."""

    month: str  # YYYY-MM
    balance_minor: int | None
    credits_minor: int
    debits_minor: int


def client_history(lake_root: str, client_id: str, as_of: date, months: int = 24) -> list[MonthOfClient]:
    """Month-end deposits and investments, money in and money out, oldest month first, as known on `as_of`.

    Raises
    ------
    MissingDataError
        When balances and transactions were never loaded.
    """
    versions = {table: version for table, version in table_versions(lake_root).items() if table in READ}
    if "accounts" not in versions or "transactions" not in versions:
        raise MissingDataError("no accounts or no transactions in the lake", "both extracts", "load them with bankseg ingest")
    natures = {**PRODUCTS, **read_declarations(lake_root).products}
    products = pa.table({"product": list(natures), "nature": list(natures.values())})
    lake = LakeAt(lake_root, versions, {}, {"products": products})
    with LocalBucket(lake, bucket_of(client_id, bucket_count(lake_root)), as_of) as bucket:
        rows = bucket.arrow(
            files("bankseg.lake").joinpath("client_history.sql").read_text(encoding="utf-8"),
            {"client_id": client_id, "as_of_month": Horizon(as_of).month_index(), "months": months},
        )
    return [MonthOfClient(f"{row['year']:04d}-{row['month']:02d}", row["balance_minor"], row["credits_minor"], row["debits_minor"]) for row in rows.to_pylist()]
