"""When a membership is kept anew, and what changed since the one before."""

from datetime import date
from importlib.resources import files

import pyarrow as pa

from bankseg.domain.errors import ConfigurationError
from bankseg.lake.analysis import Analysis


def is_due(cadence: str, last_on: date | None, as_of: date) -> bool:
    """Whether a membership is kept for this date when the latest one is of `last_on`.

    Daily is every published date, weekly the first of a calendar week (Monday to Sunday), monthly the first of a calendar month.

    Examples
    --------
    >>> is_due("weekly", date(2025, 12, 29), date(2025, 12, 31)), is_due("monthly", date(2025, 12, 29), date(2026, 1, 1))
    (False, True)

    Raises
    ------
    ConfigurationError
        When the cadence is none of the three.
    """
    if last_on is None:
        return True
    match cadence:
        case "daily":
            return as_of != last_on
        case "weekly":
            return as_of.isocalendar()[:2] != last_on.isocalendar()[:2]
        case "monthly":
            return (as_of.year, as_of.month) != (last_on.year, last_on.month)
    raise ConfigurationError(f"cadence {cadence!r}", "daily, weekly or monthly")


def changes(opening: pa.Table, closing: pa.Table, *, is_exclusive: bool) -> pa.Table:
    """Entries and exits between two rosters of one version of a scheme.

    Returns
    -------
    pyarrow.Table
        `client_id`, `from_segment` and `to_segment` (empty: in none), `rm_id`, `branch_id`, and the amounts at the later date the client was there.
    """
    with Analysis() as analysis:
        analysis.register("opening", opening)
        analysis.register("closing", closing)
        return analysis.arrow(files("bankseg.segments").joinpath("events.sql").read_text(encoding="utf-8"), {"is_exclusive": is_exclusive})
