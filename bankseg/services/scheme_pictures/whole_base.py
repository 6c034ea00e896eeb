"""The whole base at a glance: every scheme's segments side by side, sums that add up to the book, and how the segments that overlap lie over each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.segments.compiler import DIALECT
from bankseg.segments.crossing import counted_where, crossed
from bankseg.segments.overlap import Overlap, overlaps
from bankseg.segments.reading import members
from bankseg.services.scheme_pictures.axes import axis
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings


@dataclass(frozen=True, slots=True)
class Strip:
    """One scheme: its segments' sizes in order; `clients` is what they add up to, in a scheme that places each client once the whole book in scope."""

    entry: SchemeEntry
    segments: list[dict[str, Any]]

    @property
    def clients(self) -> int:
        """Sum of the segments."""
        return sum(row["clients"] for row in self.segments)


@dataclass(frozen=True, slots=True)
class Web:
    """The segments of one overlapping scheme: each pair's overlap, and how many clients are in none, in one and in several of them."""

    entry: SchemeEntry
    sizes: dict[str, int]
    pairs: dict[tuple[str, str], Overlap]
    in_none: int
    in_one: int
    in_several: int


@dataclass(frozen=True, slots=True)
class WholeBasePage:
    """Every scheme a person may read; `live` segments of `most_live` that somebody can still manage."""

    stamp: Stamp
    currency: str
    clients: int
    strips: list[Strip]
    webs: list[Web]
    live: int
    most_live: int


def whole_base_page(settings: Settings, session: Session, scope: Scope) -> WholeBasePage:
    """The book in scope by every scheme."""
    sight = look(settings, session, scope)
    entries = list(sight.schemes.values())
    strips = [_strip(sight, entry) for entry in entries if entry.scheme.is_exclusive]
    webs = [_web(sight, entry) for entry in entries if not entry.scheme.is_exclusive]
    live = sum(1 for strip in strips for row in strip.segments if row["clients"]) + sum(1 for web in webs for size in web.sizes.values() if size)
    return WholeBasePage(
        sight.stamp, sight.currency, counted_where(sight.reading, []), strips, webs, live, int(sight.policy.section("pictures")["most_live_segments"])
    )


def _strip(sight: Sight, entry: SchemeEntry) -> Strip:
    cells = {cell["row"]: cell for cell in crossed(sight.reading, axis(sight, f"scheme:{entry.scheme.code}").place)}
    nobody = {"clients": 0, "value_12m_minor": None, "mean_churn": None}
    return Strip(entry, [{"code": segment.code, **nobody, **cells.get(segment.code, {})} for segment in entry.scheme.segments])


def _web(sight: Sight, entry: SchemeEntry) -> Web:
    reading = sight.reading_of(entry)
    inside = [exp.alias_(members(entry.scheme, segment, reading), segment.code, quoted=True) for segment in entry.scheme.segments]
    table = reading.roll.arrow(exp.select(*inside).from_("roll").where(reading.visible()).sql(dialect=DIALECT))
    masks = {segment.code: np.asarray(table.column(segment.code).to_numpy(), dtype=np.bool_) for segment in entry.scheme.segments}
    held = np.sum(list(masks.values()), axis=0) if masks else np.zeros(table.num_rows)
    return Web(
        entry, {code: int(mask.sum()) for code, mask in masks.items()}, overlaps(masks), int((held == 0).sum()), int((held == 1).sum()), int((held > 1).sum())
    )
