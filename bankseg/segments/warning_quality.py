"""How well early-warning rules foretell arrears: hit rate, false alarms, what they caught and how many days before (definitions 6, EBA/GL/2020/06 8.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.economics.comparisons import wilson

PAST_DUE = 30  # days beyond which a client is in arrears already: nothing is left to foretell
ANY = "any"


@dataclass(frozen=True, slots=True)
class Quality:
    """One rule at one level (or `any` of both) over all dates; every share None where nothing was counted.

    `fired` alarms of `observed` client dates, `hits` of them followed by arrears within the horizon; `hit_rate` with its interval; `false_alarms` the rest of the
    alarms; `events` arrears in all and `caught` those with an alarm before; `base_rate` of arrears without asking the rule; `lead_days` from the first alarm: quartiles.
    """

    code: str
    level: str
    observed: int
    fired: int
    hits: int
    events: int
    caught: int
    hit_rate: float | None
    low: float | None
    high: float | None
    false_alarms: float | None
    caught_share: float | None
    base_rate: float | None
    lift: float | None
    lead_days: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Watched:
    """The clients of one date who could fall behind: the day each passed 30 days past due within the horizon (NaT: none), and the level of each rule."""

    as_of: date
    clients: NDArray[np.str_]
    reached_on: NDArray[np.datetime64]
    levels: Mapping[str, NDArray[np.str_]]


def watched(as_of: date, levels: pa.Table, arrears: pa.Table, horizon_days: int) -> Watched:
    """Those of a date with an instalment due within the horizon and not in arrears yet, with what came of them.

    Parameters
    ----------
    levels
        `client_id`, `days_past_due` and `level_<code>`, as `warning_levels` gives them.
    arrears
        `client_id`, `due_on` and `reached_on` (null: never that late) of every instalment.
    """
    last = as_of + timedelta(days=horizon_days)
    due = arrears.filter((pc.field("due_on") > as_of) & (pc.field("due_on") <= last)).column("client_id").unique()
    late = arrears.filter((pc.field("reached_on") > as_of) & (pc.field("reached_on") <= last)).group_by("client_id").aggregate([("reached_on", "min")])
    in_time = levels.filter(pc.field("days_past_due").is_null() | (pc.field("days_past_due") <= PAST_DUE))
    kept = in_time.filter(pc.field("client_id").isin(due))
    first = dict(zip(late.column("client_id").to_pylist(), late.column("reached_on_min").to_pylist(), strict=True))
    ids = [str(client) for client in kept.column("client_id").to_pylist()]
    reached = np.array([first.get(client) for client in ids], dtype="datetime64[D]")
    found = {
        name.removeprefix("level_"): np.array([value or "" for value in kept.column(name).to_pylist()], dtype=np.str_)
        for name in kept.column_names
        if name.startswith("level_")
    }
    return Watched(as_of, np.array(ids, dtype=np.str_), reached, found)


def qualities(dates: Sequence[Watched]) -> list[Quality]:
    """Quality of every rule at each of its levels, and at either where it has both; last of all rules together (`any`)."""
    codes = sorted({code for one in dates for code in one.levels})
    found = []
    for code in codes:
        present = sorted({str(level) for one in dates for level in np.unique(one.levels[code])} - {""})
        found += [_quality(code, level, dates, [one.levels[code] == level for one in dates]) for level in present]
        if len(present) != 1:  # with one level, either is that one
            found.append(_quality(code, ANY, dates, [one.levels[code] != "" for one in dates]))
    together = [np.logical_or.reduce([one.levels[code] != "" for code in codes]) if codes else np.zeros(len(one.clients), dtype=np.bool_) for one in dates]
    return [*found, _quality(ANY, ANY, dates, together)]


def _quality(code: str, level: str, dates: Sequence[Watched], alarms: Sequence[NDArray[np.bool_]]) -> Quality:
    observed = sum(len(one.clients) for one in dates)
    late = [~np.isnat(one.reached_on) for one in dates]
    fired, hits = sum(int(alarm.sum()) for alarm in alarms), sum(int((alarm & came).sum()) for alarm, came in zip(alarms, late, strict=True))
    events = {(client, day) for one, came in zip(dates, late, strict=True) for client, day in zip(one.clients[came], one.reached_on[came], strict=True)}
    leads: dict[tuple[str, np.datetime64], int] = {}
    for one, alarm, came in zip(dates, alarms, late, strict=True):
        for client, day in zip(one.clients[alarm & came], one.reached_on[alarm & came], strict=True):
            lead = int((day - np.datetime64(one.as_of, "D")).astype(int))
            leads[client, day] = max(leads.get((client, day), 0), lead)
    rate, base = (hits / fired if fired else None), (sum(int(came.sum()) for came in late) / observed if observed else None)
    interval = wilson(hits, fired) if fired else None
    quartiles = np.quantile(list(leads.values()), [0.25, 0.5, 0.75]) if leads else None
    return Quality(
        code, level, observed, fired, hits, len(events), len(leads), rate, interval.low if interval else None, interval.high if interval else None,
        None if rate is None else 1 - rate, len(leads) / len(events) if events else None, base, rate / base if rate is not None and base else None,
        None if quartiles is None else (float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
    )  # fmt: skip
