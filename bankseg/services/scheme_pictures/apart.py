"""What sets the segments of a scheme apart: the strongest differences of each from all other clients, and how much of each attribute lies between them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.domain.schemes import Scheme
from bankseg.segments.arrays import UNKNOWN
from bankseg.segments.compiler import DIALECT
from bankseg.segments.profile import NO, YES, Trait, sentence, strongest, traits
from bankseg.segments.reading import Reading, members
from bankseg.segments.variance import Parted, parted
from bankseg.services.scheme_pictures.described import DESCRIBED, FLAGS
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

SAMPLE_CLIENTS = 40_000  # beyond it a figure to two digits no longer changes
MOST_TRAITS = 5
ValueName = Callable[[str, Any, str], str]


@dataclass(frozen=True, slots=True)
class Portrait:
    """One segment: how many clients of the sample are in it and what sets them apart, in words and figures, strongest first."""

    code: str
    clients: int
    traits: list[Trait]
    words_en: list[str]
    words_fr: list[str]


@dataclass(frozen=True, slots=True)
class ApartPage:
    """Portraits of a scheme's segments among active clients; `between` says what the scheme tells apart best; `left_out` are attributes its own rules read."""

    stamp: Stamp
    entry: SchemeEntry
    portraits: list[Portrait]
    between: list[Parted]
    clients: int
    is_sample: bool
    left_out: list[str]


def apart_page(settings: Settings, session: Session, scope: Scope, code: str, *, value_name: ValueName) -> ApartPage:
    """What sets each segment of a scheme apart from the other active clients in scope."""
    sight = look(settings, session, scope)
    entry = sight.scheme(code)
    attributes = told(sight, entry.scheme)
    table, share = _clients(sight.reading_of(entry), entry.scheme, attributes)
    portraits = [_portrait(sight, table, segment.code, attributes, value_name) for segment in entry.scheme.segments]
    return ApartPage(
        sight.stamp, entry, portraits, _between(table, entry.scheme, attributes), table.num_rows, share > 1,
        [name for name in DESCRIBED if name in entry.scheme.attributes],
    )  # fmt: skip


def told(sight: Sight, scheme: Scheme | None = None) -> list[str]:
    """Attributes a portrait may name: open to the person, not protected, not read by the scheme's own rules, and loaded."""
    own = scheme.attributes if scheme else frozenset()
    known = sight.attributes
    return [
        name for name in DESCRIBED
        if name in known and name in sight.reading.roll.columns and not known[name].is_protected and name not in own and sees(sight.scope.role, name)
    ]  # fmt: skip


def described(attributes: list[str]) -> list[exp.Expr]:
    """Columns of a portrait, flags as yes and no."""
    columns = {name: exp.column(name, quoted=True) for name in attributes}
    return [exp.alias_(exp.cast(column, "boolean"), name, quoted=True) if name in FLAGS else column for name, column in columns.items()]


def in_words(found: list[Trait], currency: str, language: str, value_name: ValueName) -> list[str]:
    """Traits as sentences with the words of the desks for their levels."""
    return [sentence(_worded(trait, language, value_name), language, DESCRIBED, currency) for trait in found]


def worth_telling(found: list[Trait], most: int = MOST_TRAITS) -> list[Trait]:
    """The strongest traits that say something of the client: that a figure is not known tells of the bank's data, and two equal medians cannot be told apart in words."""
    return strongest([trait for trait in found if trait.level not in {UNKNOWN, NO} and trait.inside != trait.outside], most)


def _worded(trait: Trait, language: str, value_name: ValueName) -> Trait:
    return trait if trait.level in {None, YES} else replace(trait, level=value_name(trait.attribute, trait.level, language))


def _portrait(sight: Sight, table: pa.Table, code: str, attributes: list[str], value_name: ValueName) -> Portrait:
    inside = np.asarray(table.column(f"in {code}").to_numpy(), dtype=np.bool_)
    clients = int(inside.sum())
    found = worth_telling(traits(table, inside, attributes)) if 0 < clients < len(inside) else []
    words = {language: in_words(found, sight.currency, language, value_name) for language in ("en", "fr")}
    return Portrait(code, clients, found, words["en"], words["fr"])


def _between(table: pa.Table, scheme: Scheme, attributes: list[str]) -> list[Parted]:
    """Of a scheme that places each client once; segments that overlap have no variance between them."""
    if not scheme.is_exclusive or not table.num_rows:
        return []
    codes = np.array([segment.code for segment in scheme.segments])
    inside = np.column_stack([table.column(f"in {code}").to_numpy() for code in codes])
    return parted(table, [str(code) for code in codes[inside.argmax(axis=1)]], attributes)


def _clients(reading: Reading, scheme: Scheme, attributes: list[str]) -> tuple[pa.Table, int]:
    """Active clients in scope with who is in which segment; of a large book one in so many, drawn by the hash of their number."""
    active = exp.column("status").eq("active") if "status" in reading.roll.columns else exp.true()
    where = exp.and_(reading.visible(), active)
    counted = reading.roll.arrow(exp.select("count(*) AS clients").from_("roll").where(where).sql(dialect=DIALECT)).to_pylist()[0]["clients"]
    share = -(-counted // SAMPLE_CLIENTS) or 1
    if share > 1:
        where = exp.and_(where, exp.condition(f"md5_number_lower(client_id) % {share} = 0", dialect=DIALECT))
    inside = [exp.alias_(members(scheme, segment, reading), f"in {segment.code}", quoted=True) for segment in scheme.segments]
    select = exp.select(*described(attributes), *inside).from_("roll").where(where).order_by("client_id")
    return reading.roll.arrow(select.sql(dialect=DIALECT)), share
