"""Two segments of any schemes: how many clients are in both, in one alone and in neither, and what sets the two apart."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.segments.compiler import DIALECT
from bankseg.segments.overlap import Overlap, differences, overlap
from bankseg.segments.places import INSIDE
from bankseg.segments.profile import Trait
from bankseg.services.scheme_pictures.apart import ValueName, described, in_words, told, worth_telling
from bankseg.services.scheme_pictures.axes import Axis, axis
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

MOST_TRAITS = 12
FIRST = ("value_tiers", "loyalty")


@dataclass(frozen=True, slots=True)
class TwoSegmentsPage:
    """The overlap of two segments and what tells the clients of the first alone from those of the second alone; `why_no_traits` where nobody is in one alone."""

    stamp: Stamp
    one: Axis
    other: Axis
    overlap: Overlap
    traits: list[Trait]
    words_en: list[str]
    words_fr: list[str]
    why_no_traits: str
    choices: list[SchemeEntry]


def two_segments_page(settings: Settings, session: Session, scope: Scope, one: str, other: str, *, value_name: ValueName) -> TwoSegmentsPage:
    """Two segments, each as `scheme/segment`; without a choice the first two of the schemes a person may read.

    Raises
    ------
    InputError
        When a segment is not spelled so.
    NotFoundError
        When there is none, or the person may not read its scheme.
    """
    sight = look(settings, session, scope)
    first, second = _axis(sight, one or _first(sight, 0)), _axis(sight, other or _first(sight, 1))
    attributes = told(sight)
    inside = [
        exp.alias_(exp.EQ(this=exp.paren(part.place.expression.copy()), expression=exp.Literal.string(INSIDE)), name, quoted=True)
        for part, name in ((first, "in one"), (second, "in other"))
    ]
    table = sight.reading.roll.arrow(
        exp.select(*described(attributes), *inside).from_("roll").where(sight.reading.visible()).order_by("client_id").sql(dialect=DIALECT)
    )
    masks = [np.asarray(table.column(name).to_numpy(), dtype=np.bool_) for name in ("in one", "in other")]
    traits, why = _apart(table, masks[0], masks[1], attributes)
    words = {language: in_words(traits, sight.currency, language, value_name) for language in ("en", "fr")}
    return TwoSegmentsPage(sight.stamp, first, second, overlap(*masks), traits, words["en"], words["fr"], why, list(sight.schemes.values()))


def _apart(table: pa.Table, one: np.ndarray, other: np.ndarray, attributes: list[str]) -> tuple[list[Trait], str]:
    try:
        return worth_telling(differences(table, one, other, attributes), MOST_TRAITS), ""
    except InputError as error:
        return [], error.found


def _axis(sight: Sight, spelled: str) -> Axis:
    scheme, slash, segment = spelled.partition("/")
    if not slash:
        raise InputError(f"segment {spelled[:60]!r}", "a scheme and a segment, such as value_tiers/platinum")
    return axis(sight, f"member:{scheme}:{segment}")


def _first(sight: Sight, place: int) -> str:
    """What the page begins with where nobody chose: the first segment of the tiers against the last of loyalty, or of whatever schemes there are."""
    known = [*(code for code in FIRST if code in sight.schemes), *(code for code in sight.schemes if code not in FIRST)]
    code = known[min(place, len(known) - 1)]
    return f"{code}/{sight.schemes[code].scheme.segments[-1 if place else 0].code}"
