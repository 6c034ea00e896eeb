"""What an offer to a segment is worth: the margin of one sale at its price, held against a floor."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bankseg.domain.errors import InputError

WHOLE = 10_000  # basis points
MOST_MINOR = 10**12
MOST_BASIS_POINTS = 2_000
FIELDS = ("price_change_minor", "fee_waiver_minor", "rate_delta_bp", "volume_minor", "floor_minor")


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """Terms of one sale over its first year, money in minor units.

    `price_change_minor` is what the client pays more (or, below 0, less) than the standard price, `fee_waiver_minor` fees given up, `rate_delta_bp` a rate better for the
    client by so many basis points, on `volume_minor` of deposit or credit, and `floor_minor` the least margin that the sale must bring.
    """

    price_change_minor: int = 0
    fee_waiver_minor: int = 0
    rate_delta_bp: int = 0
    volume_minor: int = 0
    floor_minor: int = 0

    @property
    def rate_cost_minor(self) -> int:
        """What the better rate costs over a year, rounded half up."""
        return (self.volume_minor * self.rate_delta_bp + WHOLE // 2) // WHOLE

    def margin(self, standard_minor: int) -> int:
        """Margin of one sale at this price.

        Parameters
        ----------
        standard_minor
            Yearly margin of a new contract at the standard price, as the policy's `value.new_contract_margin_minor` has it.

        Examples
        --------
        >>> OfferTerms(fee_waiver_minor=2_000, rate_delta_bp=25, volume_minor=1_000_000).margin(6_000)
        1500
        """
        return standard_minor + self.price_change_minor - self.fee_waiver_minor - self.rate_cost_minor

    @property
    def document(self) -> dict[str, int]:
        """The terms as JSON."""
        return asdict(self)


def read_offer_terms(document: Mapping[str, Any]) -> OfferTerms:
    """Terms from their JSON.

    Raises
    ------
    InputError
        When one is out of bounds, or a rate has no volume.
    """
    terms = OfferTerms(**{name: int(document.get(name) or 0) for name in FIELDS})
    for name in ("fee_waiver_minor", "volume_minor", "floor_minor"):
        if not 0 <= getattr(terms, name) <= MOST_MINOR:
            raise InputError(f"{name} of {getattr(terms, name)}", f"0 to {MOST_MINOR} minor units", "correct it")
    if abs(terms.price_change_minor) > MOST_MINOR:
        raise InputError(f"price_change_minor of {terms.price_change_minor}", f"at most {MOST_MINOR} minor units either way", "correct it")
    if not 0 <= terms.rate_delta_bp <= MOST_BASIS_POINTS:
        raise InputError(f"a rate better by {terms.rate_delta_bp} basis points", f"0 to {MOST_BASIS_POINTS}", "100 basis points are 1 %")
    if bool(terms.rate_delta_bp) != bool(terms.volume_minor):
        raise InputError("a better rate without a volume, or a volume without a rate", "both or neither", "say on which volume the rate is given")
    return terms


def held_to_floor(terms: OfferTerms, standard_minor: int) -> int:
    """The margin of one sale, when it reaches the floor.

    Raises
    ------
    InputError
        When it does not: such an offer is not kept.

    Examples
    --------
    >>> held_to_floor(OfferTerms(fee_waiver_minor=2_000, floor_minor=4_000), 6_000)
    4000
    """
    margin = terms.margin(standard_minor)
    if margin < terms.floor_minor:
        raise InputError(f"a margin of {margin} minor units a sale", f"the floor of {terms.floor_minor} or more", "give up less, or take a higher price")
    return margin


def needed_rise(standard_minor: int, margin_minor: int) -> float | None:
    """By how much sales must rise for the offer to earn what the standard price would: 0.5 is half as many again; None where no rise is enough.

    Examples
    --------
    >>> needed_rise(6_000, 4_000), needed_rise(6_000, 0)
    (0.5, None)
    """
    return standard_minor / margin_minor - 1 if margin_minor > 0 else None
