"""Origins in time: the month ends at which a model is trained, calibrated and tested, never at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bankseg.domain.errors import MissingDataError

OBSERVATION_DAYS = 365
STEP_MONTHS = 2
MOST_TRAINING_ORIGINS = 8
MOST_ROLLING_ORIGINS = 4
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class OriginPlan:
    """Dates at which features are taken.

    Parameters
    ----------
    train
        Training origins, ascending, one or more. The outcome window of every one of them closes before the test origin; at least the first closes
        before the calibration origin, and later ones join the fit only after calibration.
    calibration
        Origin on which probabilities are calibrated; its outcome window closes before the test origin.
    test
        Last matured origin, the locked fold; only the figures on the card come from it.
    """

    train: tuple[date, ...]
    calibration: date
    test: date

    @property
    def all(self) -> tuple[date, ...]:
        """Every origin, ascending."""
        return (*self.train, self.calibration, self.test)

    @property
    def learning(self) -> tuple[date, ...]:
        """Every origin that fitting, selection and tuning may see, ascending."""
        return (*self.train, self.calibration)


@dataclass(frozen=True, slots=True)
class Rolling:
    """One step of a back-test: an origin that judges, and the earlier ones whose outcome was known by then."""

    train: tuple[date, ...]
    origin: date


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
    """Month ends for training, calibration and test, with a whole outcome window between training and calibration and between either and the test.

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
        Months between two training origins, counted back from the calibration origin.
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
    >>> plan = plan_origins(date(2025, 12, 31), 7, 90, date(2023, 1, 1), most=3)
    >>> [day.isoformat() for day in plan.all]
    ['2024-10-31', '2024-12-31', '2025-02-28', '2025-04-30', '2025-08-31']
    """
    outcome = timedelta(days=gap_days + horizon_days)
    earliest = first_event_on + timedelta(days=observation_days)
    test = month_end_on_or_before(as_of - outcome)
    calibration = month_end_on_or_before(test - outcome)
    latest = month_end_on_or_before(calibration - outcome)
    if latest < earliest:
        _refuse(as_of, first_event_on, needed_days=(as_of - latest).days + observation_days)
    train: list[date] = []
    for step in range(1, most + 1):
        origin = _months_before(calibration, step * step_months)
        if origin < earliest:
            break
        train.append(origin)
    if not train or train[-1] > latest:  # a short history, or long steps: at least one origin closes before calibration
        train = [*train[: most - 1], latest]
    return OriginPlan(tuple(reversed(train)), calibration, test)


def closed_before(origins: Sequence[date], day: date, outcome_days: int) -> tuple[date, ...]:
    """The origins whose outcome window has closed by a day, so that nothing of them overlaps what is awaited from that day on.

    Examples
    --------
    >>> [origin.isoformat() for origin in closed_before([date(2024, 12, 31), date(2025, 2, 28)], date(2025, 4, 30), 97)]
    ['2024-12-31']
    """
    return tuple(origin for origin in origins if origin + timedelta(days=outcome_days) <= day)


def rolling_origins(plan: OriginPlan, outcome_days: int, most: int = MOST_ROLLING_ORIGINS) -> tuple[Rolling, ...]:
    """Steps of the back-test before the locked fold, ascending: the latest origins that have a closed training origin behind them.

    The last step is always the calibration origin. A short history gives fewer steps.

    Examples
    --------
    >>> plan = plan_origins(date(2025, 12, 31), 7, 90, date(2023, 1, 1))
    >>> [step.origin.isoformat() for step in rolling_origins(plan, 97)]
    ['2024-10-31', '2024-12-31', '2025-02-28', '2025-04-30']
    """
    steps = [Rolling(closed_before(plan.learning, origin, outcome_days), origin) for origin in plan.learning]
    return tuple(step for step in steps if step.train)[-most:]


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
