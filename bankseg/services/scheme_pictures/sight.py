"""Sight: the published roll as one person reads it, with the attributes and schemes open to that person."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.segments.attributes import Attribute
from bankseg.segments.reading import Reading
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import SchemeEntry, attributes_for, is_for, list_schemes
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings


@dataclass(frozen=True)
class Sight:
    """What one person may look at: opened once a page, so that a page never mixes two runs."""

    settings: Settings
    session: Session
    scope: Scope
    roll: OpenRoll

    @cached_property
    def attributes(self) -> Mapping[str, Attribute]:
        """Attributes this person may read, by name."""
        return attributes_for(self.settings, self.roll, self.scope)

    @cached_property
    def schemes(self) -> dict[str, SchemeEntry]:
        """Schemes this person may read, by code."""
        return {entry.scheme.code: entry for entry in list_schemes(self.session) if is_for(entry, self.scope, self.attributes)}

    @cached_property
    def policy(self) -> Policy:
        """The policy in force."""
        return policy_in_force(self.settings, self.session)

    @property
    def reading(self) -> Reading:
        """The roll within this person's scope."""
        return self.roll.reading

    @property
    def currency(self) -> str:
        """Currency of the roll's amounts."""
        return str(self.roll.run.summary.get("currency") or "EUR")

    @property
    def stamp(self) -> Stamp:
        """Which run the figures come from."""
        return Stamp(self.roll.run.id or 0, self.roll.as_of, self.roll.run.published_at)

    def scheme(self, code: str) -> SchemeEntry:
        """One scheme.

        Raises
        ------
        NotFoundError
            When there is none, or it reads what this person may not: the two look the same.
        """
        if code not in self.schemes:
            raise NotFoundError(f"no scheme {code!r}", "a scheme of the list", "bankseg segments list shows them")
        return self.schemes[code]

    def reading_of(self, entry: SchemeEntry) -> Reading:
        """The roll read with the frozen cut points of a scheme."""
        return open_for(self.settings, self.session, self.scope, frozen=entry.cuts).reading if entry.cuts else self.reading


def look(settings: Settings, session: Session, scope: Scope) -> Sight:
    """Open the published roll for a person.

    Raises
    ------
    NotFoundError
        When the person may not see segments.
    MissingDataError
        When nothing was published.
    """
    require(scope, Right.SEGMENTS)
    return Sight(settings, session, scope, open_for(settings, session, scope))
