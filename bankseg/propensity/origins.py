"""Origins in time: the month ends at which a model is trained, calibrated and tested, never at random."""

from dataclasses import dataclass
from datetime import date, timedelta

from bankseg.domain.errors import MissingDataError

OBSERVATION_DAYS = 365
STEP_MONTHS = 2
MOST_TRAINING_ORIGINS = 6
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class OriginPlan:
    """Dates at which features are taken; each later slice starts after the outcome window of the one before has closed.

    Parameters
    ----------
    train
        Training origins, ascending, one or more.
    calibration
        Origin on which boosting is stopped and probabilities are calibrated.
    test
        Last matured origin; only the figures on the card come from it.
    """

    train: tuple[date, ...]
    calibration: date
    test: date

    @property
    def all(self) -> tuple[date, ...]:
        """Every origin, ascending."""
        return (*self.train, self.calibration, self.test)


def plan_origins(
    as_of: date,
    gap_days: int,
    horizon_days: int,
    first_event_on: date,
    *,
    observation_days: int = OBSERVATION_DAYS,
    step_months: int = STEP_MONTHS,
    most: int = MOST_TRAINING_ORIGINS,
) -> OriginPlan:
    """Month ends for training, calibration and test, with the whole outcome window between any two slices.

    Parameters
    ----------
    as_of
        Last day whose data may be known.
    gap_days, horizon_days
        Of the target, in days.
    first_event_on
        First day of the history.
    observation_days
        History every origin must have behind it.
    step_months
        Months between two training origins.
    most
        Largest number of training origins.

    Returns
    -------
    OriginPlan

    Raises
    ------
    MissingDataError
        When not even one training origin fits; says how many days there are and how many are needed.

    Examples
    --------
    >>> plan = plan_origins(date(2025, 12, 31), 7, 90, date(2023, 1, 1), most=2)
    >>> [day.isoformat() for day in plan.all]
    ['2024-10-31', '2024-12-31', '2025-04-30', '2025-08-31']
    """
    outcome = timedelta(days=gap_days + horizon_days)
    earliest = first_event_on + timedelta(days=observation_days)
    test = month_end_on_or_before(as_of - outcome)
    calibration = month_end_on_or_before(test - outcome)
    latest = month_end_on_or_before(calibration - outcome)
    if latest < earliest:
        _refuse(as_of, first_event_on, needed_days=(as_of - latest).days + observation_days)
    train: list[date] = []
    for step in range(most):
        origin = _months_before(latest, step * step_months)
        if origin < earliest:
            break
        train.append(origin)
    return OriginPlan(tuple(reversed(train)), calibration, test)


def _refuse(as_of: date, first_event_on: date, *, needed_days: int) -> None:
    found = (as_of - first_event_on).days
    raise MissingDataError(
        f"the history has {found} days, from {first_event_on} to {as_of}",
        f"{needed_days} days or more (observation, then one outcome window each to train, to calibrate and to test)",
        "load a longer history, or shorten observation_days or the outcome window in the policy",
    )


def month_end_on_or_before(day: date) -> date:
    """Latest last-of-month that is not after `day`.

    Examples
    --------
    >>> month_end_on_or_before(date(2024, 2, 29)), month_end_on_or_before(date(2024, 2, 28))
    (datetime.date(2024, 2, 29), datetime.date(2024, 1, 31))
    """
    tomorrow = day + timedelta(days=1)
    return day if tomorrow.day == 1 else day.replace(day=1) - timedelta(days=1)


def _months_before(month_end: date, months: int) -> date:
    year, month = divmod(month_end.year * MONTHS_A_YEAR + month_end.month - months, MONTHS_A_YEAR)
    return date(year, month + 1, 1) - timedelta(days=1)
