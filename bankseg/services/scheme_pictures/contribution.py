"""Value tiers: what each tier's contribution is made of, where the cuts lie, who is kept by hysteresis, and the most and least profitable tenths."""

from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.segments.compiler import DIALECT
from bankseg.segments.crossing import crossed
from bankseg.services.scheme_pictures.axes import ORDERS, axis
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

# Lines of the contribution, in the order they are added, and their sign (definitions 2).
LINES: dict[str, int] = {
    "interest_margin_12m_minor": 1,
    "contract_margin_12m_minor": 1,
    "fees_12m_minor": 1,
    "account_cost_12m_minor": -1,
    "service_cost_12m_minor": -1,
}
LOSS = "expected_loss"
COSTS_AND_LOSS = "costs_and_loss"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One tier: its clients, how many have a known contribution, its sum, and each line with its sign; the lines add up to the sum exactly. Minor units."""

    tier: str
    clients: int
    valued: int
    value_12m_minor: int | None
    lines: dict[str, int]
    kept: int


@dataclass(frozen=True, slots=True)
class ContributionPage:
    """Tiers with their breakdown; `cuts` by kind and tier, the least contribution; tenths from the most profitable."""

    stamp: Stamp
    currency: str
    is_approximate: bool
    lines: list[str]
    tiers: list[Breakdown]
    total: Breakdown
    cuts: dict[str, dict[str, int]]
    hysteresis_share: float
    tenths: list[dict[str, Any]]
    negative: dict[str, Any]


def contribution_page(settings: Settings, session: Session, scope: Scope) -> ContributionPage:
    """What the tiers of the clients in scope are made of.

    Raises
    ------
    MissingDataError
        When the run has no tiers.
    """
    sight = look(settings, session, scope)
    if "tier" not in sight.reading.roll.columns or "value_12m_minor" not in sight.reading.roll.columns:
        raise MissingDataError("the run has no value tiers", "balances or accounts, and a run segmented by this version", "bankseg run --as-of DATE")
    tiers = sorted(_tiers(sight), key=lambda one: ORDERS["tier"].index(one.tier) if one.tier in ORDERS["tier"] else len(ORDERS["tier"]))
    lines = list(tiers[0].lines) if tiers else []
    total = Breakdown(
        "", sum(one.clients for one in tiers), sum(one.valued for one in tiers), sum(one.value_12m_minor or 0 for one in tiers),
        {line: sum(one.lines[line] for one in tiers) for line in lines}, sum(one.kept for one in tiers),
    )  # fmt: skip
    cuts: dict[str, dict[str, int]] = {}
    for cut in sight.roll.run.summary.get("cuts", ()):
        if cut["measure"] == "value":
            cuts.setdefault(str(cut["kind"]), {})[str(cut["class"])] = int(cut["least"])
    tenths = [cell for cell in crossed(sight.reading, axis(sight, "value_decile").place) if cell["row"]]
    negative = next((cell for cell in crossed(sight.reading, axis(sight, "tier").place) if cell["row"] == "negative"), {"clients": 0, "value_12m_minor": None})
    return ContributionPage(
        sight.stamp, sight.currency, bool(sight.policy.section("value")["is_approximate"]), lines, tiers, total, cuts,
        float(sight.policy.section("tiers")["hysteresis_share"]), sorted(tenths, key=lambda cell: int(cell["row"])), negative,
    )  # fmt: skip


def _tiers(sight: Sight) -> list[Breakdown]:
    """Sums by tier; expected loss is what the lines leave of the contribution, so that nothing is rounded twice."""
    known = sight.reading.roll.columns
    lines = [name for name in LINES if name in known]
    sums = [f"coalesce(sum({name}) FILTER (WHERE value_12m_minor IS NOT NULL), 0)::BIGINT AS {name}" for name in lines]
    kept = "count(*) FILTER (WHERE tier_reason LIKE 'kept:%')" if "tier_reason" in known else "0"
    figures = ["tier", "count(*) AS clients", "count(value_12m_minor) AS valued", "sum(value_12m_minor)::BIGINT AS value", f"{kept} AS kept", *sums]
    select = exp.select(*figures, dialect=DIALECT).from_("roll").where(sight.reading.visible()).group_by("tier")
    return [_breakdown(sight, row, lines) for row in sight.reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()]


def _breakdown(sight: Sight, row: dict[str, Any], lines: list[str]) -> Breakdown:
    told = {name: LINES[name] * int(row[name]) for name in lines}
    told[LOSS] = int(row["value"] or 0) - sum(told.values())
    if not sees(sight.scope.role, "expected_loss_minor"):  # a loss alone would tell of credit risk
        shown = {name: amount for name, amount in told.items() if LINES.get(name, -1) > 0}
        told = {**shown, COSTS_AND_LOSS: sum(amount for name, amount in told.items() if name not in shown)}
    return Breakdown(str(row["tier"]), row["clients"], row["valued"], row["value"], told, row["kept"])
