"""A client's months of balance and flows, read from the lake for the client page, as known to the published run."""

from dataclasses import dataclass

from sqlmodel import Session

from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.horizon import Horizon
from bankseg.lake.declarations import read_declarations
from bankseg.services.client_facts import open_facts
from bankseg.services.stamp import stamp
from bankseg.settings import Settings

MONTHS = 24
SAVINGS = ("deposit", "investment")
TABLES = ("accounts", "balances", "transactions")


@dataclass(frozen=True, slots=True)
class Month:
    """One month; `balance_minor` is null where no balance is known."""

    month: str  # YYYY-MM
    balance_minor: int | None
    credits_minor: int
    debits_minor: int


def balance_history(settings: Settings, session: Session, client_id: str) -> list[Month]:
    """Month-end deposits and investments, money in and money out, oldest month first; empty when accounts or transactions were never loaded."""
    natures = {**PRODUCTS, **read_declarations(settings.lake).products}
    with open_facts(settings, session, client_id, TABLES) as record:
        if record.lacks & {"accounts", "transactions"}:
            return []
        as_of_month = Horizon(stamp(session).as_of).month_index()
        savings = [product for product, nature in natures.items() if nature in SAVINGS]
        rows = record.rows("history", as_of_month=as_of_month, months=MONTHS, savings=savings)
    return [Month(f"{row['year']:04d}-{row['month']:02d}", row["balance_minor"], row["credits_minor"], row["debits_minor"]) for row in rows]
