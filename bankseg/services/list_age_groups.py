"""One list compared across age groups: both arms of each group, their difference with its interval, and p-values adjusted for so many comparisons."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.economics.comparisons import CONFIDENCE, Difference, Interval, compare_rates, holm, wilson
from bankseg.economics.realised import Z_95
from bankseg.lake.parquet import write_whole
from bankseg.segments.compiler import DIALECT
from bankseg.segments.places import of_age
from bankseg.services.list_builder import members_path
from bankseg.services.list_proofs import lists_folder
from bankseg.services.list_results import MATURED, Arm, ListResults, arms_on, results_of
from bankseg.services.list_states import list_of
from bankseg.services.rolls import open_of_run
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage.client_list import ClientList
from bankseg.storage.run import Run

NO_AGE = ""
LEAST_ARM = 30  # clients an arm must have before a rate of it is compared
SURE = 0.05


@dataclass(frozen=True, slots=True)
class AgeGroup:
    """One age group, `NO_AGE` for firms and people without a birth date; `difference` None: an arm has fewer than 30 clients."""

    band: str
    treated: Arm
    control: Arm
    difference: Interval | None
    p_value: float | None
    adjusted_p: float | None = None

    @property
    def is_sure(self) -> bool:
        """Whether the difference is told from chance, over all groups compared."""
        return self.adjusted_p is not None and self.adjusted_p < SURE


@dataclass(frozen=True, slots=True)
class AgeGroupsPage:
    """A list's age groups, youngest first; none before the results have matured (`results`)."""

    stamp: Stamp
    row: ClientList
    results: ListResults
    groups: list[AgeGroup]


def age_groups_page(settings: Settings, session: Session, scope: Scope, list_id: int) -> AgeGroupsPage:
    """The outcome of a list in each age group.

    Raises
    ------
    NotFoundError
        When there is no such list this person may see.
    MissingDataError
        When the run of the draw knows no age.
    """
    row = list_of(session, scope, list_id)
    found = results_of(settings, session, row)
    if found.state != MATURED or found.first_on is None or found.last_on is None:
        return AgeGroupsPage(stamp(session), row, found, [])
    later = session.get_one(Run, found.run_id)
    with TemporaryDirectory(dir=lists_folder(settings)) as folder:
        path = Path(folder) / "members.parquet"
        _write_drawn_by_age(settings, session, row, path)
        arms = arms_on(settings, row, later, found.first_on, found.last_on, path)
    return AgeGroupsPage(stamp(session), row, found, adjusted(groups_of(arms)))


def groups_of(arms: Mapping[str, Arm]) -> list[AgeGroup]:
    """The groups of arms named `arm/band`, without adjustment."""
    bands = {name.partition("/")[2] for name in arms}
    return [_group(band, arms) for band in (*of_age().order, NO_AGE) if band in bands]


def adjusted(groups: list[AgeGroup]) -> list[AgeGroup]:
    """The groups with their p-values adjusted by Holm's step-down for all that are compared."""
    raw = [group.p_value for group in groups if group.p_value is not None]
    steps = iter(holm(raw))
    return [group if group.p_value is None else replace(group, adjusted_p=next(steps)) for group in groups]


def _group(band: str, arms: Mapping[str, Arm]) -> AgeGroup:
    treated, control = (arms.get(f"{arm}/{band}") or Arm(arm, 0, 0, 0, 0, wilson(0, 0, CONFIDENCE)) for arm in ("treated", "control"))
    if min(treated.clients, control.clients) < LEAST_ARM:
        return AgeGroup(band, treated, control, None, None)
    told = compare_rates(treated.outcomes, treated.clients, control.outcomes, control.clients)
    return AgeGroup(band, treated, control, _interval(told), told.p_value)


def _interval(told: Difference) -> Interval:
    margin = 0.0 if math.isnan(told.error) else Z_95 * told.error
    return Interval(told.effect, told.effect - margin, told.effect + margin)


def _write_drawn_by_age(settings: Settings, session: Session, row: ClientList, path: Path) -> None:
    """Write the members with the age band of the day of the draw in their arm."""
    reading = open_of_run(settings, session.get_one(Run, row.run_id), None).reading
    if "age_years" not in reading.roll.columns:
        raise MissingDataError("the run of the draw knows no age", "birth_on in the extract of clients", "map it and load clients again")
    aged = exp.select("client_id", exp.alias_(of_age().expression, "band")).from_("roll").subquery("a")
    arm = exp.alias_(exp.func("concat", exp.column("arm", table="m"), exp.Literal.string("/"), exp.column("band", table="a"), dialect=DIALECT), "arm")
    drawn = exp.select("m.client_id", arm).from_("read_parquet($members) AS m", dialect=DIALECT).join(aged, on="a.client_id = m.client_id", join_type="left")
    write_whole(reading.roll.arrow(drawn.sql(dialect=DIALECT), {"members": str(members_path(settings, row.id or 0))}), path)
