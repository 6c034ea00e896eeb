"""What the published run says of its proposals: how well products were ranked, and who is left with nothing at which stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.storage import run as runs

# In the order in which they are asked.
STAGES = ("no_model", "eligibility", "suitability", "consent", "likelihood")
SHOWN_CUT = "3"


@dataclass(frozen=True, slots=True)
class Ranking:
    """MAP over the first products of the clients who then bought one, with its interval, beside ranking everybody by popularity."""

    cut: int
    origin: str
    buyers: int
    value: float
    low: float
    high: float
    by_popularity: float


@dataclass(frozen=True, slots=True)
class Left:
    """One segment's clients without a product to propose, by the stage that took the last one."""

    segment: str
    clients: int
    by_stage: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proposals:
    """Figures of the whole book; `ranking` is None when the run could compare no two products."""

    ranking: Ranking | None
    stages: tuple[str, ...]
    left: tuple[Left, ...]


def proposals(session: Session, scope: Scope) -> Proposals | None:
    """The run's figures about its proposals, for those who see the whole book: they are counted over it; None for everybody else and for earlier runs."""
    require(scope, Right.CROSS_SELL)
    run = runs.current(session)
    if run is None or not scope.sees_whole_book or "left_with_nothing" not in run.summary:
        return None
    counted: Mapping[str, Mapping[str, int]] = run.summary["left_with_nothing"]
    rows = [Left(segment, sum(by_stage.values()), by_stage) for segment, by_stage in counted.items()]
    stages = tuple(stage for stage in STAGES if any(stage in row.by_stage for row in rows))
    return Proposals(_ranking(run.summary.get("product_ranking") or {}), stages, tuple(sorted(rows, key=lambda row: (-row.clients, row.segment))))


def _ranking(found: Mapping[str, Any]) -> Ranking | None:  # JSON of `product_ranking`
    ours = found.get("by_propensity", {}).get("map", {}).get(SHOWN_CUT)
    if not ours:
        return None
    plain = found["by_popularity"]["map"][SHOWN_CUT]["value"]
    return Ranking(int(SHOWN_CUT), found["origin"], found["buyers"], ours["value"], ours["low"], ours["high"], plain)
