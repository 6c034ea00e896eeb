"""What sets a group of clients apart from all others, as figures and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.arrays import UNKNOWN, is_category, is_money, is_share, levels, numbers, present, signed_log
from bankseg.segments.spoken import amount, money, percent, times

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Size = Literal["none", "small", "medium", "large"]

# Cohen 1988, for a standardised difference d and for h of two shares alike.
SMALL, MEDIUM, LARGE = 0.2, 0.5, 0.8
CLIP = 3.0
MOST_TRAITS = 8
YES, NO = "true", "false"  # levels of a column of yes and no
NOT_KNOWN = {"en": "not known", "fr": "non renseigné"}
_ABOVE = {
    "en": {"small": "somewhat above the others", "medium": "clearly above the others", "large": "far above the others"},
    "fr": {"small": "un peu au-dessus des autres", "medium": "nettement au-dessus des autres", "large": "très au-dessus des autres"},
}
_BELOW = {
    "en": {"small": "somewhat below the others", "medium": "clearly below the others", "large": "far below the others"},
    "fr": {"small": "un peu au-dessous des autres", "medium": "nettement au-dessous des autres", "large": "très au-dessous des autres"},
}


@dataclass(frozen=True, slots=True)
class Trait:
    """One difference between a group and the rest.

    For an amount `inside` and `outside` are medians in the attribute's unit and `effect` is the standardised difference of means (d, on the clipped robust scale,
    money by signed log). For a level of a category they are shares, `effect` is Cohen's h, and `lift` is inside / outside (null when nobody outside has the level).
    `level` is null for an amount; the level "unknown" tells how often a value is missing. NaN stands where nobody has a value.
    """

    attribute: str
    level: str | None
    inside: float
    outside: float
    effect: float
    lift: float | None

    @property
    def size(self) -> Size:
        """The effect in Cohen's words."""
        strength = abs(self.effect)
        return "large" if strength >= LARGE else "medium" if strength >= MEDIUM else "small" if strength >= SMALL else "none"


def traits(table: pa.Table, members: Mask, attributes: Sequence[str]) -> list[Trait]:
    """Every difference between members and the rest, strongest first.

    Parameters
    ----------
    table
        One row a client.
    members
        Shape (n,).
    attributes
        Columns to compare.

    Raises
    ------
    MissingDataError
        When a column is not there.
    InputError
        When everyone or no one is a member, for there is nothing to compare with.

    Examples
    --------
    >>> table = pa.table({"tenure_days": [100, 110, 900, 920], "housing_type": ["tenant", "tenant", "owner", "tenant"]})
    >>> [(trait.attribute, trait.level, trait.size) for trait in traits(table, np.array([True, True, False, False]), ["tenure_days", "housing_type"])][:2]
    [('tenure_days', None, 'large'), ('housing_type', 'owner', 'large')]
    """
    present(table, attributes)
    if not 0 < int(members.sum()) < len(members):
        raise InputError(f"{int(members.sum())} members of {len(members)} clients", "a part of the clients", "compare with a base that has others in it")
    found = [trait for name in attributes for trait in (_levels if is_category(table, name) else _amount)(table, members, name)]
    return sorted(found, key=lambda trait: (-abs(trait.effect), trait.attribute, trait.level or ""))


def strongest(found: Sequence[Trait], most: int = MOST_TRAITS) -> list[Trait]:
    """The traits worth telling: at least small, one an attribute, strongest first."""
    told: dict[str, Trait] = {}
    for trait in found:
        if trait.size != "none":
            told.setdefault(trait.attribute, trait)
    return list(told.values())[:most]


def sentence(trait: Trait, language: str, labels: Mapping[str, tuple[str, str]] | None = None, currency: str | None = None) -> str:
    r"""A trait in words.

    Parameters
    ----------
    language
        "en" or "fr".
    labels
        English and French name of an attribute; without one its code is spoken.
    currency
        Of the money columns, for their decimals.

    Examples
    --------
    >>> sentence(Trait("tenure_days", None, 3650.0, 400.0, 1.2, None), "en")
    'tenure days: far above the others (3,650 against 400)'
    >>> sentence(Trait("housing_type", "owner", 0.64, 0.2, 0.93, 3.2), "fr", {"housing_type": ("Housing", "Logement")})
    'Logement = owner : 64\xa0% contre 20\xa0%, 3,2 fois plus fréquent'
    """
    name = (labels or {}).get(trait.attribute, (trait.attribute.replace("_", " "),) * 2)[language == "fr"]
    colon, against = (" :", "contre") if language == "fr" else (":", "against")
    if trait.level is None:
        place = (_ABOVE if trait.effect > 0 else _BELOW)[language].get(trait.size, "")
        inside, outside = (_spoken(trait.attribute, x, language, currency) for x in (trait.inside, trait.outside))
        return f"{name}{colon} {place} ({inside} {against} {outside})"
    level = NOT_KNOWN[language] if trait.level == UNKNOWN else trait.level
    head = f"{name if level == YES else f'{name} = {level}'}{colon} {percent(trait.inside, language)} {against} {percent(trait.outside, language)}"
    return f"{head}, {times(trait.lift, language)}" if trait.lift else head


def scaled(values: Vector) -> Vector:
    """Centred on the median and scaled by the interquartile range (by the deviation where that is 0), clipped at 3."""
    low, middle, high = np.nanpercentile(values, [25, 50, 75])
    spread = (high - low) or float(np.nanstd(values)) or 1.0
    clipped: Vector = np.clip((values - middle) / spread, -CLIP, CLIP)
    return clipped


def _spoken(attribute: str, value: float, language: str, currency: str | None) -> str:
    if is_money(attribute):
        return money(value, language, currency)
    return percent(value, language) if is_share(attribute) else amount(value, language)


def _amount(table: pa.Table, members: Mask, name: str) -> list[Trait]:
    values = numbers(table, name)
    missing = np.isnan(values)
    found = [_level(name, UNKNOWN, missing, members)] if missing.any() else []
    inside, outside = values[members & ~missing], values[~members & ~missing]
    if len(inside) and len(outside):
        even = scaled(signed_log(values) if is_money(name) else values)
        found.append(Trait(name, None, float(np.median(inside)), float(np.median(outside)), _difference(even, members), None))
    return found


def _difference(even: Vector, members: Mask) -> float:
    """Difference of means in pooled standard deviations; of constants 0, or without limit where they differ."""
    known = ~np.isnan(even)
    inside, outside = even[members & known], even[~members & known]
    freedom = len(inside) + len(outside) - 2
    pooled = (((inside - inside.mean()) ** 2).sum() + ((outside - outside.mean()) ** 2).sum()) / max(freedom, 1)
    gap = float(inside.mean() - outside.mean())
    return gap / float(pooled) ** 0.5 if pooled > 0 else float(np.sign(gap) * np.inf) if gap else 0.0


def _levels(table: pa.Table, members: Mask, name: str) -> list[Trait]:
    names, places = levels(table, name)
    return [_level(name, str(level), places == place, members) for place, level in enumerate(names)]


def _level(name: str, level: str, has: Mask, members: Mask) -> Trait:
    inside, outside = float(has[members].mean()), float(has[~members].mean())
    effect = 2 * float(np.arcsin(inside**0.5) - np.arcsin(outside**0.5))
    return Trait(name, level, inside, outside, effect, inside / outside if outside else None)
