"""The horizon: an as-of date, the windows behind it, the gap and the outcome window ahead of it."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

WINDOW_DAYS = (30, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Dates of one computation; every date a feature's SQL needs is computed here, none in SQL.

    Parameters
    ----------
    as_of
        Last day whose data may be known, inclusive.
    gap_days
        Days after `as_of` skipped, for the bank to act and data to land.
    outcome_days
        Length of the outcome window in days.

    Examples
    --------
    >>> h = Horizon(date(2025, 8, 31), gap_days=7, outcome_days=90)
    >>> h.outcome_first_on, h.outcome_last_on
    (datetime.date(2025, 9, 8), datetime.date(2025, 12, 6))
    """

    as_of: date
    gap_days: int = 7
    outcome_days: int = 90

    @property
    def outcome_first_on(self) -> date:
        """First day of the outcome window."""
        return self.as_of + timedelta(days=self.gap_days + 1)

    @property
    def outcome_last_on(self) -> date:
        """Last day of the outcome window, inclusive."""
        return self.as_of + timedelta(days=self.gap_days + self.outcome_days)

    def has_matured(self, known_on: date) -> bool:
        """Whether the outcome window has closed by the day `known_on`."""
        return self.outcome_last_on <= known_on

    def window_starts(self) -> dict[str, date]:
        """Day before the first day of each window: a row is inside when its date is later.

        Examples
        --------
        >>> Horizon(date(2025, 12, 31)).window_starts()["after_30d"]
        datetime.date(2025, 12, 1)
        """
        return {f"after_{days}d": self.as_of - timedelta(days=days) for days in WINDOW_DAYS}

    def month_index(self) -> int:
        """Months since year 0 of the as-of month."""
        return self.as_of.year * 12 + self.as_of.month - 1


def add_months(day: date, months: int) -> date:
    """The same day `months` later (earlier when negative), cut to the month's length.

    Examples
    --------
    >>> add_months(date(2025, 12, 31), -10)
    datetime.date(2025, 2, 28)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def month_end_on_or_before(day: date) -> date:
    """The latest month end that is not after `day`.

    Examples
    --------
    >>> month_end_on_or_before(date(2025, 5, 26))
    datetime.date(2025, 4, 30)
    """
    end = date(day.year, day.month, monthrange(day.year, day.month)[1])
    return end if end <= day else date(day.year, day.month, 1) - timedelta(days=1)
