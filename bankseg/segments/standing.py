"""How a group of clients stands: the four figures of acquisition, engagement, loyalty and satisfaction, and what targets are held against."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import CHANNELS, Reading

NEW_DAYS = 90  # a client is new so long
# Columns each figure needs, and its SQL; what the roll lacks is no data, never zero.
FIGURES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "value_12m_minor": (("value_12m_minor",), "sum(value_12m_minor)::BIGINT"),
    "mean_churn": (("churn",), "avg(churn)"),
    "new_clients": (("tenure_days",), f"count(*) FILTER (WHERE tenure_days <= {NEW_DAYS} AND coalesce(status, 'active') = 'active')"),
    "active_clients": (("activity",), "count(*) FILTER (WHERE activity = 'active')"),
    "known_activity": (("activity",), "count(activity)"),
    "loyalty": (("loyalty_index",), "avg(loyalty_index)"),
    "answered": (("latest_nps",), "count(latest_nps)"),
    "promoters": (("latest_nps",), "count(*) FILTER (WHERE latest_nps >= 9)"),
    "detractors": (("latest_nps",), "count(*) FILTER (WHERE latest_nps <= 6)"),
    "mean_satisfaction": (("latest_nps",), "avg(latest_nps)"),
    "contacted": (("campaign_contacts_365d",), "count(*) FILTER (WHERE campaign_contacts_365d > 0)"),
    "responded": (("campaign_responses", "campaign_contacts_365d"), "count(*) FILTER (WHERE campaign_contacts_365d > 0 AND campaign_responses > 0)"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Figures of a group; None where not known. Shares lie in [0, 1], `net_promoters` in [-1, 1], `loyalty` in points, money in minor units."""

    clients: int
    share: float | None
    value_12m_minor: int | None
    mean_churn: float | None
    new_clients: int | None
    active_share: float | None
    loyalty: float | None
    net_promoters: float | None
    mean_satisfaction: float | None
    answered: int | None
    reachable_share: float | None
    answered_share: float | None

    def figure(self, measure: str) -> float | None:
        """The figure a target's measure names.

        >>> Standing(10, 0.5, None, 0.1, 2, None, None, None, None, 0, None, None).figure("mean_churn")
        0.1
        """
        found: float | None = getattr(self, measure)
        return found


def standing(reading: Reading, inside: exp.Expr, of: int | None = None) -> Standing:
    """How the clients in scope for whom `inside` holds stand; `of` is the number their share is taken of."""
    known = reading.roll.columns
    columns = [f"{sql} AS {name}" for name, (needs, sql) in FIGURES.items() if all(column in known for column in needs)]
    reach = " OR ".join(f"consents_{channel} = 1" for channel in CHANNELS if f"consents_{channel}" in known)
    columns += [f"count(*) FILTER (WHERE {reach}) AS reachable"] if reach else []
    select = exp.select("count(*) AS clients", *columns, dialect=DIALECT).from_("roll").where(exp.and_(reading.visible(), inside))
    row = reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0]
    clients = int(row["clients"])
    return Standing(
        clients, _share(clients, of), row.get("value_12m_minor"), row.get("mean_churn"), row.get("new_clients"),
        _share(row.get("active_clients"), row.get("known_activity")), row.get("loyalty"), _net(row), row.get("mean_satisfaction"), row.get("answered"),
        _share(row.get("reachable"), clients), _share(row.get("responded"), row.get("contacted")),
    )  # fmt: skip


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _net(row: Mapping[str, int | None]) -> float | None:
    """Promoters (9, 10) less detractors (0 to 6), over those who answered."""
    answered = row.get("answered")
    return ((row.get("promoters") or 0) - (row.get("detractors") or 0)) / answered if answered else None
