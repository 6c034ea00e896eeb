"""The validity scorecard of a scheme on the published run, with what policy and data say about costs, freshness and consents."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.schemes import SegmentRule
from bankseg.segments.membership import masks
from bankseg.segments.reading import listing
from bankseg.segments.scorecard import Base, Scorecard, Subject
from bankseg.segments.validity import measured, scorecards
from bankseg.services.attribute_freshness import freshness
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_memberships import roster_as_of
from bankseg.services.segment_schemes import SchemeEntry, attributes_for, scheme_for
from bankseg.settings import Settings
from bankseg.storage.run import published_by

MONTH_DAYS = 28  # the shortest month: what is compared as "the month before" is at least this old
# What clients did, by outcome: the column of the roll, and the column that says who could have done it (empty: everybody).
OUTCOMES = {
    "answered an offer": ("campaign_responses", "campaign_contacts_365d"),
    "complained": ("complaints_90d", ""),
    "contribution": ("value_12m_minor", ""),
}
FRENCH = {"answered an offer": "a répondu à une offre", "complained": "a réclamé", "contribution": "contribution"}
CONSENTS = ("consents_email", "consents_phone", "consents_sms", "consents_post")


@dataclass(frozen=True, slots=True)
class Trial:
    """The scorecards of a scheme's segments on the published run; `earlier_on` is the date whose membership they are compared with."""

    entry: SchemeEntry
    roll: OpenRoll
    cards: list[Scorecard]
    earlier_on: date | None

    @property
    def blocking(self) -> list[tuple[str, str]]:
        """Segment and criterion of every red line of a segment that has a rule: an exclusive scheme's default takes who is left, nobody chose it."""
        ruled = {segment.code for segment in self.entry.scheme.segments if segment.when is not None}
        return [(card.segment, one.code) for card in self.cards if card.segment in ruled for one in card.criteria if one.verdict == "red"]

    def document(self) -> list[dict[str, Any]]:
        """The scorecards as JSON."""
        return [{"segment": card.segment, "verdict": card.verdict, "criteria": [asdict(one) for one in card.criteria]} for card in self.cards]


def validity(settings: Settings, session: Session, scope: Scope | None, code: str, version: int | None = None) -> Trial:
    """The scorecard of every segment of a scheme: does it respond otherwise, is it large, measurable, reachable, stable, and does it have an owner and an action?"""
    if scope is not None:
        require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code, version)
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    inside = masks(entry.scheme, roll.reading)
    table = listing(roll.reading, exp.true(), [*{column for pair in OUTCOMES.values() for column in pair if column}, *CONSENTS])
    earlier_on = _month_before(session, roll)
    jaccards = _jaccards(settings, session, scope, entry, table, inside, earlier_on) if earlier_on else {}
    subjects = [_subject(entry, segment, inside[segment.code], jaccards.get(segment.code)) for segment in entry.scheme.segments]
    return Trial(entry, roll, scorecards(subjects, _base(settings, session, table, roll)), earlier_on)


def _subject(entry: SchemeEntry, segment: SegmentRule, inside: NDArray[np.bool_], jaccard: float | None) -> Subject:
    return Subject(segment.code, inside, measured(segment.when), jaccard, segment.owner or entry.scheme.owner, segment.action)


def _month_before(session: Session, roll: OpenRoll) -> date | None:
    """The latest published date that is a month or more before the roll's."""
    run = published_by(session, (roll.as_of - timedelta(days=MONTH_DAYS)).isoformat())
    return date.fromisoformat(run.as_of) if run else None


def _jaccards(
    settings: Settings, session: Session, scope: Scope | None, entry: SchemeEntry, table: pa.Table, inside: Mapping[str, NDArray[np.bool_]], before_on: date
) -> dict[str, float | None]:
    """Clients in each segment at both dates over clients in it at either; None where nobody is in it."""
    before = roster_as_of(settings, session, scope, entry, before_on).rows
    ids = table.column("client_id").to_numpy(zero_copy_only=False)
    held, codes = (before.column(name).to_numpy(zero_copy_only=False) for name in ("client_id", "segment"))
    found: dict[str, float | None] = {}
    for code, now in inside.items():
        earlier = held[codes == code]
        both = int(np.isin(ids[now], earlier).sum())
        either = int(now.sum()) + len(earlier) - both
        found[code] = both / either if either else None
    return found


def _base(settings: Settings, session: Session, table: pa.Table, roll: OpenRoll) -> Base:
    def numbers(name: str) -> NDArray[np.float64]:
        return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)

    policy = policy_in_force(settings, session)
    outcomes = {}
    for name, (column, asked) in OUTCOMES.items():
        if column not in table.column_names or (asked and asked not in table.column_names):
            continue
        values = numbers(column)
        could = numbers(asked) > 0 if asked else ~np.isnan(values)
        outcomes[name] = values if column.endswith("_minor") else np.where(could, np.nan_to_num(values) > 0, np.nan)
    consents = [numbers(name) == 1 for name in table.column_names if name.startswith("consents_")]
    fresh = freshness(session, policy, roll, attributes_for(settings, roll, None).values())
    return Base(
        clients=table.num_rows,
        outcomes=outcomes,
        value_minor=numbers("value_12m_minor") if "value_12m_minor" in table.column_names else None,
        is_reachable=np.logical_or.reduce(consents) if consents else None,
        filled=roll.reading.roll.coverage,
        age_days={name: float(one.age_days) for name, one in fresh.items() if one.age_days is not None},
        sla_days={name: float(one.sla_days) for name, one in fresh.items() if one.sla_days is not None},
        campaign_cost_minor=int(policy.section("validity")["campaign_fixed_cost_minor"]),
        french=FRENCH,
        currency=str(roll.run.summary.get("currency") or "EUR"),
    )
