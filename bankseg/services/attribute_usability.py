"""Whether attributes can be used: missing, stale, constant, far out, told twice; measured on the roll before anybody writes a rule."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlglot import exp

from bankseg.segments.attributes import Attribute
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import Rows
from bankseg.services.attribute_freshness import Freshness

Severity = Literal["high", "medium", "low"]
GRAVEST_FIRST: tuple[Severity, ...] = ("high", "medium", "low")
MOST_CLIENTS = 5_000  # measured: active ones; of a larger book one in so many, drawn by the hash of the client's number
MISSING = {"high": 0.5, "medium": 0.1}  # share of clients without it, above
FAR_OUT = 10.0  # quartile ranges beyond the quartiles
FAR_OUT_SHARE = 0.01  # of the known values, from which it is more than a few odd clients
ALMOST_UNIQUE = 0.5  # distinct texts over known ones


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted of one column: of how many clients, how many have it, distinct values, how many lie far out, and a fingerprint of its content."""

    clients: int
    known: int
    distinct: int
    far_out: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an attribute: `figure` is a share (missing, far out) or days (stale), `other` the attribute it repeats."""

    code: str
    severity: Severity
    figure: float | None = None
    other: str = ""


def findings(attributes: Mapping[str, Attribute], roll: Rows, fresh: Mapping[str, Freshness]) -> dict[str, list[Finding]]:
    """What is wrong with each attribute, the gravest first; nothing where it may be used as it is. An attribute without data is only that."""
    counted = _measured(cast("Hashable", roll))
    twins = _twins(counted)
    found: dict[str, list[Finding]] = {}
    for name, attribute in attributes.items():
        if not attribute.coverage or name not in counted:
            found[name] = [Finding("no_data", "high")]
            continue
        listed = [*_missing(counted[name]), *_stale(fresh.get(name)), *_spread(attribute, counted[name])]
        listed += [Finding("duplicate", "low", other=twins[name])] if name in twins and twins[name] in attributes else []
        found[name] = sorted(listed, key=lambda one: GRAVEST_FIRST.index(one.severity))
    return found


def _missing(one: Measured) -> list[Finding]:
    share = 1 - one.known / one.clients if one.clients else 1.0
    severity: Severity | None = "high" if share > MISSING["high"] else "medium" if share > MISSING["medium"] else None
    return [Finding("missing", severity, share)] if severity else []


def _stale(fresh: Freshness | None) -> list[Finding]:
    return [Finding("stale", "high", fresh.age_days)] if fresh is not None and fresh.is_stale else []


def _spread(attribute: Attribute, one: Measured) -> list[Finding]:
    if not one.known:
        return []
    if one.distinct <= 1:
        return [Finding("constant", "medium")]
    if attribute.type == "category" and one.distinct > ALMOST_UNIQUE * one.known:
        return [Finding("unique", "low")]
    share = one.far_out / one.known
    return [Finding("outliers", "low", share)] if share > FAR_OUT_SHARE else []


def _twins(counted: Mapping[str, Measured]) -> dict[str, str]:
    """Each column whose content is that of an earlier one."""
    first: dict[tuple[int, str], str] = {}
    twins: dict[str, str] = {}
    for name, one in counted.items():
        if one.distinct > 1:
            earlier = first.setdefault((one.known, one.fingerprint), name)
            if earlier != name:
                twins[name] = earlier
    return twins


@lru_cache(maxsize=4)
def _measured(roll: Hashable) -> dict[str, Measured]:
    """Every column counted; kept as long as the roll is open."""
    drawn = _drawn(cast("Rows", roll))
    return {name: _counted(drawn.column(name)) for name in drawn.column_names if name != "client_id"}


def _drawn(roll: Rows) -> pa.Table:
    """The active clients, or a part of them drawn by their number."""
    whose = exp.column("status").eq("active") if "status" in roll.columns else exp.true()
    clients = roll.arrow(exp.select("count(*) AS n").from_("roll").where(whose).sql(dialect=DIALECT)).column("n")[0].as_py()
    one_in = max(-(-int(clients) // MOST_CLIENTS), 1)
    drawn = exp.Mod(this=exp.func("hash", exp.column("client_id"), dialect=DIALECT), expression=exp.Literal.number(one_in)).eq(0)
    return roll.arrow(exp.select(exp.Star()).from_("roll").where(whose, drawn).sql(dialect=DIALECT)).combine_chunks()


def _counted(column: "pa.ChunkedArray[Any]") -> Measured:
    known = len(column) - column.null_count
    if not known:
        return Measured(len(column), 0, 0, 0, "")
    distinct = int(pc.count_distinct(column, mode="only_valid").as_py())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
        return Measured(len(column), known, distinct, _far_out(values), blake2b(values.tobytes()).hexdigest())
    text = "\0".join("" if value is None else f"={value}" for value in column.to_pylist())
    return Measured(len(column), known, distinct, 0, blake2b(text.encode()).hexdigest())


def _far_out(values: NDArray[np.float64]) -> int:
    """How many lie beyond the quartiles by more than so many quartile ranges; none where half of them are the same."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0
    low, high = np.quantile(known, [0.25, 0.75])
    reach = FAR_OUT * (high - low)
    return int(((known < low - reach) | (known > high + reach)).sum()) if reach > 0 else 0
