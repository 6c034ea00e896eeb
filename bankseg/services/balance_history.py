"""A client's months of balance and flows, read from the lake for the client page."""

from datetime import date

from bankseg.domain.errors import MissingDataError
from bankseg.lake.client_history import MonthOfClient, client_history
from bankseg.settings import Settings

MONTHS = 24
Month = MonthOfClient


def balance_history(settings: Settings, client_id: str, as_of: date) -> list[Month]:
    """The months up to as_of, oldest first; empty when the lake holds neither accounts nor transactions."""
    try:
        return client_history(settings.lake, client_id, as_of, MONTHS)
    except MissingDataError:
        return []
