"""The months the demo bank lives through, in days since 1970-01-01."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

EPOCH = date(1970, 1, 1)
GAP_DAYS, HORIZON_DAYS = 7, 90


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month; `first` and `last` are day numbers."""

    year: int
    month: int

    @property
    def first(self) -> int:
        return day_number(date(self.year, self.month, 1))

    @property
    def last(self) -> int:
        return self.first + self.days - 1

    @property
    def days(self) -> int:
        return monthrange(self.year, self.month)[1]

    @property
    def end(self) -> date:
        return EPOCH + timedelta(days=self.last)

    @property
    def label(self) -> str:
        return f"{self.year}{self.month:02d}"

    def later(self, months: int) -> "Month":
        """The month this many months later (earlier when negative)."""
        count = self.year * 12 + self.month - 1 + months
        return Month(count // 12, count % 12 + 1)


def months_until(last_month_end: date, months: int) -> tuple[Month, ...]:
    """The given number of months, ending with the one of `last_month_end`."""
    last = Month(last_month_end.year, last_month_end.month)
    return tuple(last.later(back - months + 1) for back in range(months))


def window_weights(month: Month, horizon_days: int = HORIZON_DAYS) -> tuple[float, ...]:
    """Share of each following month that lies in the outcome window opened at this month's end, as far as the window reaches."""
    opens, closes = month.last + GAP_DAYS + 1, month.last + GAP_DAYS + horizon_days
    following = [month.later(ahead) for ahead in range(1, 3 + horizon_days // 28)]
    following = [each for each in following if each.first <= closes]
    return tuple(max(0, min(each.last, closes) - max(each.first, opens) + 1) / each.days for each in following)
