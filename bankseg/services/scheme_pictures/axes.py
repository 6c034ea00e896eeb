"""Axes: the ways to part clients that a person may choose, with the names of their codes, and the conditions an address spells with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.governance import product_name
from bankseg.segments import places
from bankseg.segments.attributes import Attribute
from bankseg.segments.crossing import Condition
from bankseg.segments.places import Place
from bankseg.services.scheme_pictures.sight import Sight

# Codes of one client or one household: a list of them parts nobody.
IDENTIFIERS = frozenset({"household_id", "postcode", "commune_code", "occupation_code", "naf_code", "churn_target", "rm_id"})
ORDERS: dict[str, tuple[str, ...]] = {
    "tier": ("platinum", "gold", "silver", "bronze", "negative", "unknown"),
    "churn_band": ("high", "medium", "low", "not_scored"),
    "risk_band": ("high", "elevated", "normal", "unknown"),
    "activity": ("active", "slowing", "lapsing", "dormant", "inactive"),
    "pmg": ("large", "medium", "small"),
    "kind": ("individual", "sole_trader", "company", "nonprofit", "public"),
    "status": ("active", "prospect", "former"),
    "credit_band": ("poor", "fair", "good", "very_good", "exceptional"),
}
SCORES = ("recency_score", "frequency_score", "monetary_score", "balance_score")
MOST_CONDITIONS = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """A place with its name; `kind` says which words its codes have, `labels` names codes that have their own (English, French)."""

    place: Place
    label_en: str
    label_fr: str
    kind: str
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Code in addresses."""
        return self.place.code

    def label(self, language: str) -> str:
        """Name in a language."""
        return self.label_fr if language == "fr" else self.label_en


@dataclass(frozen=True, slots=True)
class Chosen:
    """A condition of an address with its axis: clients whose code this is, or is not."""

    axis: Axis
    condition: Condition

    @property
    def spelled(self) -> str:
        """As it stands in an address."""
        return f"{self.axis.code}/{self.condition.code or ''}"


def axes(sight: Sight) -> list[Axis]:
    """Every axis a person may choose for rows or columns: schemes that place each client once, attributes with few values, and figures in bands."""
    schemes = [axis(sight, f"scheme:{code}") for code, entry in sight.schemes.items() if entry.scheme.is_exclusive]
    names = [name for name, attribute in sight.attributes.items() if _is_axis(attribute) and name in sight.reading.roll.columns]
    banded = [code for code, needed in DERIVED.items() if needed <= sight.reading.roll.columns.keys()]
    return [*schemes, *(axis(sight, name) for name in (*names, *banded))]


def axis(sight: Sight, code: str) -> Axis:
    """The axis of a code.

    Raises
    ------
    NotFoundError
        When there is none, or the person may not read what it parts by: the two look the same.
    """
    if code.startswith("scheme:"):
        return _of_scheme(sight, code.removeprefix("scheme:"))
    if code.startswith("member:"):
        return _of_segment(sight, *code.removeprefix("member:").partition(":")[::2])
    if code.startswith("class:"):
        return _of_class(code)
    if code.startswith("holds:"):
        return _of_holding(sight, code)
    if code in DERIVED and DERIVED[code] <= sight.reading.roll.columns.keys():
        return _derived(sight, code)
    attribute = sight.attributes.get(code)
    if attribute is None or not _is_axis(attribute) or code not in sight.reading.roll.columns:
        raise NotFoundError(f"no way to part the clients called {code[:60]!r}", "one of the list", "choose one of the list")
    kind = "product" if code == "best_product" else code
    names = {str(one["code"]): (str(one["label_en"]), str(one["label_fr"])) for one in sight.roll.run.summary.get("scheme", ())} if code == "segment" else {}
    return Axis(places.of_attribute(code, ORDERS.get(code, tuple(names))), attribute.label_en, attribute.label_fr, kind, names)


def conditions(sight: Sight, inside: Sequence[str], outside: Sequence[str] = ()) -> list[Chosen]:
    """Conditions as an address spells them, `axis/code` each; an empty code means not known.

    Raises
    ------
    InputError
        When one has no axis, or there are too many.
    """
    if len(inside) + len(outside) > MOST_CONDITIONS:
        raise InputError(f"{len(inside) + len(outside)} conditions", f"at most {MOST_CONDITIONS}", "write a rule in the designer")
    return [_condition(sight, text, holds=True) for text in inside] + [_condition(sight, text, holds=False) for text in outside]


def _condition(sight: Sight, text: str, *, holds: bool) -> Chosen:
    name, slash, code = text.partition("/")
    if not slash:
        raise InputError(f"condition {text[:60]!r}", "an axis and a code, such as tier/gold")
    found = axis(sight, name)
    return Chosen(found, Condition(found.place, code or None, holds))


# Figures in bands, and the columns each needs.
DERIVED: dict[str, set[str]] = {
    "fm": {"recency_score", "frequency_score", "monetary_score"},
    "fm_balance": {"recency_score", "frequency_score", "balance_score"},
    "recency_score": {"recency_score"},
    "age_band": {"age_years"},
    "value_decile": {"value_12m_minor", "kind"},
    "top_interest": {"spend_share_groceries"},
    "sector": {"naf_code"},
}
NAMES = {
    "fm": ("Frequency and amount, 5 best", "Fréquence et montant, 5 au mieux"),
    "fm_balance": ("Frequency and balance, 5 best", "Fréquence et avoirs, 5 au mieux"),
    "recency_score": ("Recency, 5 best", "Récence, 5 au mieux"),
    "age_band": ("Age", "Âge"),
    "value_decile": ("Tenth of value, 1 the most profitable", "Dixième de valeur, 1 le plus rentable"),
    "sector": ("Sector: NAF division", "Secteur : division NAF"),
    "top_interest": ("Main interest, by card spending", "Premier centre d'intérêt, par dépenses carte"),
}


def _derived(sight: Sight, code: str) -> Axis:
    match code:
        case "fm":
            place = places.of_frequency_and_amount(code, "monetary_score")
        case "fm_balance":
            place = places.of_frequency_and_amount(code, "balance_score")
        case "age_band":
            place = places.of_age()
        case "value_decile":
            place = places.of_value_decile()
        case "sector":
            place = places.of_sector()
        case "top_interest":
            place = places.of_interest(sight.reading.roll.columns.keys())
        case _:
            place = places.of_attribute(code, places.SCORES)
    return Axis(place, *NAMES[code], code)


def _of_scheme(sight: Sight, code: str) -> Axis:
    entry = sight.scheme(code)
    if not entry.scheme.is_exclusive:
        raise InputError(f"the segments of {code} overlap", "a scheme that places each client once", "choose one of its segments")
    labels = {segment.code: (segment.label_en, segment.label_fr) for segment in entry.scheme.segments}
    return Axis(places.of_scheme(entry.scheme, sight.reading_of(entry)), entry.scheme.label_en, entry.scheme.label_fr, "scheme", labels)


def _of_segment(sight: Sight, code: str, segment_code: str) -> Axis:
    entry = sight.scheme(code)
    segment = next((one for one in entry.scheme.segments if one.code == segment_code), None)
    if segment is None:
        raise NotFoundError(f"no segment {segment_code[:60]!r} in {code}", "a segment of the scheme")
    place = places.of_segment(entry.scheme, segment, sight.reading_of(entry))
    return Axis(place, f"{entry.scheme.label_en}: {segment.label_en}", f"{entry.scheme.label_fr} : {segment.label_fr}", "member")


def _of_holding(sight: Sight, code: str) -> Axis:
    product = code.removeprefix("holds:")
    column = f"holds_{product}"
    if product not in PRODUCTS or column not in sight.reading.roll.columns:
        raise NotFoundError(f"no product {product[:60]!r}", "a product of the catalogue")
    return Axis(places.of_holding(code, column), f"Holds {product_name(product, 'en')}", f"Détient {product_name(product, 'fr')}", "member")


def _of_class(code: str) -> Axis:
    parts = code.split(":")
    shares = [int(part) for part in parts[1:] if part.isdigit()]
    if len(parts) != 3 or len(shares) != 2 or not 0 <= shares[0] <= shares[1] <= 100:
        raise InputError(f"cut-offs {code[:60]!r}", "two shares of 0 to 100, the first not above the second, such as class:50:80")
    return Axis(places.of_contribution_class(*shares), "Small, medium, large", "Petits, moyens, gros", "pmg")


def _is_axis(attribute: Attribute) -> bool:
    """A list drawn from an axis is a selection of people, so no protected attribute is one."""
    return attribute.type in {"category", "boolean"} and not attribute.is_protected and attribute.name not in IDENTIFIERS
