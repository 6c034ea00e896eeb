"""A client's months of balance and flows, read from the lake for the client page."""

from collections.abc import Callable
from datetime import date
from importlib import import_module
from typing import Any, Protocol, cast

from bankseg.domain.errors import MissingDataError
from bankseg.settings import Settings

MONTHS = 24


class Month(Protocol):
    """One month of one client; null where the bank gave no such data."""

    month: str
    balance_minor: int | None
    credits_minor: int | None
    debits_minor: int | None


def balance_history(settings: Settings, client_id: str, as_of: date) -> list[Month]:
    """The months up to as_of, oldest first; empty when the lake has no balances and no transactions for this client."""
    try:
        return _reader()(settings.lake, client_id, as_of, MONTHS)
    except MissingDataError:
        return []


def _reader() -> Callable[[str, str, date, int], list[Month]]:
    try:
        module: Any = import_module("bankseg.lake.client_history")
    except ModuleNotFoundError as error:
        raise MissingDataError("the lake has no reader of client histories") from error
    return cast("Callable[[str, str, date, int], list[Month]]", module.client_history)
