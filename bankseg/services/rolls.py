"""Rolls: the file of every client with every attribute that a run leaves, and how a person's rules read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
import pyarrow.compute as pc
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError, NotFoundError, NothingPublishedError
from bankseg.domain.people import Role, Scope
from bankseg.domain.segment_rules import AnyOf, Every, Not, Rule, Test
from bankseg.domain.settled_rules import Cuts, Share
from bankseg.lake.roll import Roll, open_roll
from bankseg.segments.custom_expression import checked, type_of_column
from bankseg.segments.custom_readers import as_sql
from bankseg.segments.cut_points import cuts_of
from bankseg.segments.reading import Reading
from bankseg.settings import Settings
from bankseg.storage import client_erasure, client_objection, own_attribute
from bankseg.storage import run as runs
from bankseg.storage.own_attribute import OwnAttribute
from bankseg.storage.run import Run

# Cut points of shares on a roll: of every client in it, whoever reads; kept as long as the roll is open.
_CUTS: WeakKeyDictionary[Roll, dict[Share, Cuts]] = WeakKeyDictionary()
EVERYONE, NOBODY = Every(()), AnyOf(())  # no part to fail, no part to hold: they cost no column


@dataclass(frozen=True, slots=True)
class OpenRoll:
    """A roll as one person may read it, and the run that left it."""

    run: Run
    reading: Reading
    saved: tuple[OwnAttribute, ...] = ()  # the bank's own attributes; those whose inputs the roll lacks are without data

    @property
    def as_of(self) -> date:
        """Last day the roll knows of."""
        return self.reading.as_of


def roll_path(settings: Settings, run_id: int) -> Path:
    """File of a run's roll."""
    return settings.home / "snapshots" / "runs" / str(run_id) / "roll.parquet"


def open_for(
    settings: Settings,
    session: Session,
    scope: Scope | None,
    *,
    as_of: date | None = None,
    frozen: Sequence[Mapping[str, Any]] = (),
    with_objecting: bool = False,
) -> OpenRoll:
    """The roll of the published run readers see, or of the latest one published for a day not after `as_of`.

    Parameters
    ----------
    scope
        Whose clients are read; None for the operator at the command line, who reads the whole book.
    frozen
        Cut points kept with a scheme; shares without one are cut on the roll that is read.
    with_objecting
        Whether a marketer reads clients who object to marketing too: to count them, never to list them.

    Raises
    ------
    MissingDataError
        When nothing was published by then; NothingPublishedError when nothing was published at all.
    """
    run = runs.current(session) if as_of is None else runs.published_by(session, as_of.isoformat())
    if (run is None or run.id is None) and as_of is None:
        raise NothingPublishedError("no run has been published", "a published run", "bankseg run --as-of DATE")
    if run is None or run.id is None:
        raise MissingDataError(f"no run was published for {as_of} or a day before", "a published run", "bankseg run --as-of DATE")
    own = own_attribute.live(session)
    return open_of_run(settings, run, scope, frozen=frozen, own=own, left_out=left_out(session, scope, with_objecting=with_objecting))


def left_out(session: Session, scope: Scope | None, *, with_objecting: bool = False) -> tuple[str, ...]:
    """Clients that a reader of a roll must not meet, whatever the file holds: who is being erased, and for marketing who objects to it."""
    is_marketing = scope is not None and scope.role is Role.MARKETER and not with_objecting
    return (*client_erasure.hidden(session), *(client_objection.standing(session) if is_marketing else ()))


def without(rows: pa.Table, clients: Sequence[str]) -> pa.Table:
    """Rows of a file with `client_id`, less those of some clients."""
    return rows.filter(pc.invert(pc.is_in(rows.column("client_id"), value_set=pa.array(clients, pa.string())))) if clients else rows


def open_of_run(
    settings: Settings,
    run: Run,
    scope: Scope | None,
    *,
    frozen: Sequence[Mapping[str, Any]] = (),
    own: Sequence[OwnAttribute] = (),
    left_out: Sequence[str] = (),
) -> OpenRoll:
    """The roll that one run left, as `open_for` reads it; `own` are the bank's own attributes to compute beside its columns, `left_out` clients nobody is to read."""
    roll = _with_own(roll_path(settings, run.id or 0), own, date.fromisoformat(run.as_of))
    known = {_share(entry): dict(_cuts(entry)) for entry in frozen}
    return OpenRoll(
        run,
        Reading(roll, date.fromisoformat(run.as_of), lambda share: known.get(share) or _cuts_on(roll, share), _without(scope_rule(scope), left_out)),
        tuple(own),
    )


def _with_own(path: Path, own: Sequence[OwnAttribute], as_of: date) -> Roll:
    """The roll with those of the bank's own attributes whose inputs it has."""
    written = open_roll(path)
    found = tuple(one for one in own if set(one.reads) <= written.columns.keys())
    if not found:
        return written
    types = {name: type_of_column(kind) for name, kind in written.columns.items()}
    return open_roll(path, tuple((one.name, as_sql(checked(one.expression, types), as_of, types)) for one in found))


def _without(rule: Rule, left_out: Sequence[str]) -> Rule:
    return Every((rule, Not(Test("client_id", "in", list(left_out))))) if left_out else rule


def scope_rule(scope: Scope | None) -> Rule:
    """The scope as a rule over the roll: what every count and list carries.

    Raises
    ------
    NotFoundError
        For a role that sees no client at all.
    """
    if scope is None or scope.sees_whole_book:
        return EVERYONE
    if scope.role is Role.RELATIONSHIP_MANAGER:
        return Test("rm_id", "equals", scope.rm_id) if scope.rm_id else NOBODY
    if scope.role is Role.BRANCH_HEAD:
        return Test("branch_id", "equals", scope.branch_id) if scope.branch_id else NOBODY
    raise NotFoundError(f"nothing here for the role {scope.role}", "a role with clients")


def frozen_cuts(reading: Reading, shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Cut points of shares as they are kept with a scheme."""
    return [
        {"attribute": share.attribute, "share": share.share, "is_top": share.is_top, "within": share.within, "cuts": [[group, cut] for group, cut in reading.cuts(share).items()]}
        for share in shares
    ]  # fmt: skip


def _cuts_on(roll: Roll, share: Share) -> Cuts:
    kept = _CUTS.setdefault(roll, {})
    if share not in kept:
        kept[share] = cuts_of(roll, "roll", share, roll.columns)
    return kept[share]


def _share(entry: Mapping[str, Any]) -> Share:
    return Share(str(entry["attribute"]), float(entry["share"]), bool(entry["is_top"]), entry["within"])


def _cuts(entry: Mapping[str, Any]) -> Cuts:
    return {group: float(cut) for group, cut in entry["cuts"]}
