"""What was worked out from the published run: kept in the process as long as it is the run readers see, for whole books and branches."""

from collections.abc import Callable
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Pool
from sqlmodel import Session

from bankseg.domain.people import Role, Scope
from bankseg.services.stamp import stamp
from bankseg.storage import published_counts

Value = TypeVar("Value")
MOST = 200  # values a store; a bank's branches are asked for again and again, its managers' few rows are counted each time
# By store, known by its pool: an engine is made anew for each scope it is limited to. The rows of a published run change by an erasure alone, which counts them anew.
_KEPT: WeakKeyDictionary[Pool, tuple[tuple[int, str], dict[tuple[str, str], object]]] = WeakKeyDictionary()


def kept(session: Session, scope: Scope, name: str, work_out: Callable[[], Value]) -> Value:
    """The value of this name for this scope, worked out at most once a run; for a single portfolio it is worked out each time.

    The value must hang on nothing of the person but whose clients they see: whoever has the same scope is given the same.
    """
    whose = _whose(scope)
    if whose is None:
        return work_out()
    pool, state = session.get_bind().engine.pool, (stamp(session).run_id, published_counts.state(session))
    found = _KEPT.get(pool)
    if found is None or found[0] != state:
        found = _KEPT[pool] = (state, {})
    values, key = found[1], (name, whose)
    if key not in values:
        value = work_out()
        if len(values) >= MOST:
            values.clear()
        values[key] = value
        return value
    return cast("Value", values[key])


def _whose(scope: Scope) -> str | None:
    if scope.sees_whole_book:
        return "everybody"
    return f"branch {scope.branch_id}" if scope.role is Role.BRANCH_HEAD and scope.branch_id else None
