"""How old the data behind each attribute is on the date of a roll, against what the policy allows its extracts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from bankseg.domain.policy import Policy
from bankseg.segments.attributes import Attribute
from bankseg.services.rolls import OpenRoll
from bankseg.storage.import_batch import last_extract_by_table

RUN = "run"  # source of what the run itself derives: as fresh as the run
DERIVED_FROM = {"balances": "transactions"}  # of a bank that loads no balances


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of the oldest extract behind an attribute: the day it speaks of, its age on the roll's date in days, and the age allowed. None: not known."""

    extract_on: date | None
    age_days: int | None
    sla_days: int | None

    @property
    def is_stale(self) -> bool:
        """Whether it is known to be older than allowed."""
        return self.age_days is not None and self.sla_days is not None and self.age_days > self.sla_days


def freshness(session: Session, policy: Policy, roll: OpenRoll, attributes: Iterable[Attribute]) -> dict[str, Freshness]:
    """Freshness by attribute; of several sources the one that makes it oldest. An extract that speaks of a later day than the roll is no older than it."""
    loaded = {table: date.fromisoformat(day) for table, day in last_extract_by_table(session).items()}
    allowed = {str(table): int(days) for table, days in policy.section("freshness").items()}
    return {one.name: _of(one, roll.as_of, loaded, allowed) for one in attributes}


def _of(attribute: Attribute, as_of: date, loaded: dict[str, date], allowed: dict[str, int]) -> Freshness:
    sources = [name.strip() for name in attribute.source.split(",") if name.strip()]
    if sources == [RUN]:
        return Freshness(as_of, 0, allowed.get(RUN))
    days = [loaded.get(source) or loaded.get(DERIVED_FROM.get(source, "")) for source in sources if source != RUN]
    known = [day for day in days if day is not None]
    limits = [allowed[source] for source in sources if source in allowed]
    if not known or len(known) < len(days):
        return Freshness(None, None, min(limits, default=None))
    oldest = min(known)
    return Freshness(oldest, max((as_of - oldest).days, 0), min(limits, default=None))
