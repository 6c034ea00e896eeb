"""What a client looks for in a bank: a good rate, service by people, credit, or doing it alone; rules over what the client did."""

from collections.abc import Mapping
from dataclasses import dataclass

CREDITS = ("business_loan", "credit_card", "mortgage", "overdraft", "personal_loan")
SAVINGS = ("savings", "term_deposit")


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of a benefit: the sum of these attributes reaches `least`."""

    code: str
    attributes: tuple[str, ...]
    least: float


# A benefit is sought when one of its signs is there. After Curinos' depositor types (https://curinos.com/our-insights/customer-segmentation-key-to-deposit-pricing/).
BENEFITS: dict[str, tuple[Sign, ...]] = {
    "rate": (Sign("promotional_rate", ("has_promotional_rate",), 1), Sign("looked_at_savings", tuple(f"interest_90d_{product}" for product in SAVINGS), 3)),
    "service": (Sign("spoke_to_people", ("visits_180d", "calls_180d", "service_requests_180d"), 3),),
    "credit": (Sign("looked_at_credit", tuple(f"interest_90d_{product}" for product in CREDITS), 3),),
    "autonomy": (Sign("acts_online", ("digital_share_365d",), 0.8),),
}
ATTRIBUTES = tuple(dict.fromkeys(name for signs in BENEFITS.values() for sign in signs for name in sign.attributes))


@dataclass(frozen=True, slots=True)
class Shown:
    """One sign with its figure; None: no data."""

    sign: str
    value: float | None
    least: float


@dataclass(frozen=True, slots=True)
class Benefit:
    """One benefit; `is_sought` is None where none of its signs has data."""

    code: str
    is_sought: bool | None
    signs: tuple[Shown, ...]


def benefits_sought(client: Mapping[str, float | bool | None]) -> list[Benefit]:
    """Every benefit with whether a client seeks it and by which signs.

    Parameters
    ----------
    client
        Attributes of the client by name; one that is absent or null has no data.

    Examples
    --------
    >>> [(one.code, one.is_sought) for one in benefits_sought({"visits_180d": 2, "calls_180d": 1, "digital_share_365d": 0.5})]
    [('rate', None), ('service', True), ('credit', None), ('autonomy', False)]
    """
    found = []
    for code, signs in BENEFITS.items():
        shown = tuple(Shown(sign.code, _sum(client, sign), sign.least) for sign in signs)
        known = [one for one in shown if one.value is not None]
        found.append(Benefit(code, any((one.value or 0) >= one.least for one in known) if known else None, shown))
    return found


def _sum(client: Mapping[str, float | bool | None], sign: Sign) -> float | None:
    known = [float(value) for name in sign.attributes if (value := client.get(name)) is not None]
    return sum(known) if known else None
