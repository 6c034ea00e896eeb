"""Which adviser of a branch serves which client best: a flow of least cost, solved exactly."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bankseg.domain.errors import ConfigurationError, InputError

Codes = frozenset[str]
Group = tuple[str | None, Codes]


@dataclass(frozen=True, slots=True)
class Adviser:
    """Somebody who serves clients of a branch: `skills` are codes, languages among them; `capacity` in clients, 0 or more."""

    rm_id: str
    branch_id: str
    skills: Codes
    capacity: int


@dataclass(frozen=True, slots=True)
class Served:
    """A client, who serves it (null: nobody), the skills it asks for, and what the bank expects to lose with it (minor units, 0 or more)."""

    client_id: str
    branch_id: str
    rm_id: str | None
    needs: Codes
    expected_loss_minor: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts against an assignment, in whole points: a skill unmet, a client moved (at least 1), a client above capacity."""

    unmet: int = 10
    moved: int = 5
    overload: int = 20

    def __post_init__(self) -> None:
        if self.unmet < 0 or self.moved < 1 or self.overload < 0:
            raise ConfigurationError(f"Weights {self}", "0 or more for a skill unmet and for overload, 1 or more for a move", "correct the weights")


@dataclass(frozen=True, slots=True)
class Move:
    """A client proposed to another adviser; `from_rm_id` null where nobody who is known serves it."""

    client_id: str
    from_rm_id: str | None
    to_rm_id: str


@dataclass(frozen=True, slots=True)
class BranchProposal:
    """The moves of a branch by client, and the clients of each of its advisers before and after them; `shortage` clients are beyond its whole capacity."""

    branch_id: str
    moves: tuple[Move, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]
    shortage: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What every branch with an adviser is advised; `unserved` counts the clients of the branches that have none, by branch, and they stay where they are."""

    branches: tuple[BranchProposal, ...]
    unserved: Mapping[str, int] = field(default_factory=dict)


def propose(advisers: Iterable[Adviser], clients: Iterable[Served], weights: Weights) -> Proposal:
    """Propose the moves that cost least, branch by branch.

    Clients with the same needs and the same adviser are one group, so that the work grows with groups and advisers and not with clients. Of a group those with the
    lowest expected loss move first, ties by client number. Somebody served by an adviser of another branch, or by one who is not named, counts as served by nobody.

    Raises
    ------
    InputError
        An adviser named twice, or with a capacity below 0.

    Examples
    --------
    >>> advisers = [Adviser("anna", "paris", frozenset(), 5), Adviser("bo", "paris", frozenset({"wealth"}), 5)]
    >>> clients = [Served("c1", "paris", "anna", frozenset({"wealth"})), Served("c2", "paris", "anna", frozenset())]
    >>> propose(advisers, clients, Weights()).branches[0].moves
    (Move(client_id='c1', from_rm_id='anna', to_rm_id='bo'),)
    """
    staff: dict[str, list[Adviser]] = defaultdict(list)
    for adviser in _checked(advisers):
        staff[adviser.branch_id].append(adviser)
    book: dict[str, list[Served]] = defaultdict(list)
    unserved: Counter[str] = Counter()
    for client in clients:
        if client.branch_id in staff:
            book[client.branch_id].append(client)
        else:
            unserved[client.branch_id] += 1
    branches = tuple(_branch(branch, staff[branch], book[branch], weights) for branch in sorted(staff))
    return Proposal(branches, dict(sorted(unserved.items())))


def cost(advisers: Iterable[Adviser], clients: Iterable[Served], weights: Weights, moves: Iterable[Move] = ()) -> int:
    """What an assignment costs in points, after the moves.

    A client served by nobody misses every skill it asks for and counts as one above capacity.
    """
    by_id = {(adviser.branch_id, adviser.rm_id): adviser for adviser in advisers}
    to = {move.client_id: move.to_rm_id for move in moves}
    loads: Counter[tuple[str, str]] = Counter()
    points = weights.moved * len(to)
    for client in clients:
        adviser = by_id.get((client.branch_id, to.get(client.client_id, client.rm_id) or ""))
        if adviser is None:
            points += weights.unmet * len(client.needs) + weights.overload
            continue
        points += weights.unmet * len(client.needs - adviser.skills)
        loads[adviser.branch_id, adviser.rm_id] += 1
    return points + weights.overload * sum(max(0, load - by_id[key].capacity) for key, load in loads.items())


def _checked(advisers: Iterable[Adviser]) -> list[Adviser]:
    found = sorted(advisers, key=lambda adviser: adviser.rm_id)
    for name, times in Counter(adviser.rm_id for adviser in found).items():
        if times > 1:
            raise InputError(f"Adviser {name} is named {times} times", "each adviser once", "keep one row of this adviser")
    for adviser in found:
        if adviser.capacity < 0:
            raise InputError(f"Adviser {adviser.rm_id} has the capacity {adviser.capacity}", "0 clients or more", "correct the capacity")
    return found


def _branch(branch_id: str, staff: Sequence[Adviser], clients: Sequence[Served], weights: Weights) -> BranchProposal:
    known = {adviser.rm_id for adviser in staff}
    groups: dict[Group, list[Served]] = defaultdict(list)
    for client in clients:
        groups[client.rm_id if client.rm_id in known else None, client.needs].append(client)
    before = Counter({adviser.rm_id: 0 for adviser in staff})
    for (rm_id, _), members in groups.items():
        if rm_id is not None:
            before[rm_id] += len(members)
    moves = _moves(staff, groups, weights) if groups else ()
    after = Counter(before)
    for move in moves:
        after[move.to_rm_id] += 1
        if move.from_rm_id is not None:
            after[move.from_rm_id] -= 1
    shortage = max(0, len(clients) - sum(adviser.capacity for adviser in staff))
    return BranchProposal(branch_id, moves, dict(before), dict(after), shortage)


def _moves(staff: Sequence[Adviser], groups: Mapping[Group, list[Served]], weights: Weights) -> tuple[Move, ...]:
    keys = sorted(groups, key=lambda key: (key[0] or "", sorted(key[1])))
    needs = sorted({asked for _, asked in keys}, key=sorted)
    stay, arrive = _flow(staff, keys, [len(groups[key]) for key in keys], needs, weights)
    moves: list[Move] = []
    for asked, arrivals in zip(needs, arrive, strict=True):
        leaving: list[Served] = []
        for key, staying in zip(keys, stay, strict=True):
            if key[1] == asked:
                ordered = sorted(groups[key], key=lambda client: (client.expected_loss_minor, client.client_id))
                leaving += ordered[: len(ordered) - staying]
        # A move costs at least a point, so nobody is at once left and arrived at by clients of the same needs: whoever leaves suits any place.
        places = [adviser.rm_id for adviser, count in zip(staff, arrivals, strict=True) for _ in range(count)]
        known = {adviser.rm_id for adviser in staff}
        moves += [Move(client.client_id, client.rm_id if client.rm_id in known else None, to) for client, to in zip(leaving, places, strict=True)]
    return tuple(sorted(moves, key=lambda move: move.client_id))


def _flow(staff: Sequence[Adviser], keys: Sequence[Group], sizes: Sequence[int], needs: Sequence[Codes], weights: Weights) -> tuple[list[int], list[list[int]]]:
    """How many of each group stay, and how many of each set of needs arrive at each adviser.

    Clients flow from their group to their adviser, or through a pool of their needs to anybody: groups + needs x advisers arcs instead of groups x advisers. The
    matrix is that of a network, so that a corner of the polytope is whole numbers (Hoffman and Kruskal 1956), and the simplex method ends on a corner.
    """
    from scipy.optimize import linprog  # both cost 0.3 s and are rarely used
    from scipy.sparse import coo_array

    n_groups, n_needs, n_staff = len(keys), len(needs), len(staff)
    position = {adviser.rm_id: index for index, adviser in enumerate(staff)}
    pool = {asked: index for index, asked in enumerate(needs)}
    missed = np.array([[len(asked - adviser.skills) for adviser in staff] for asked in needs], dtype=np.float64)
    stay_cost = [weights.unmet * missed[pool[asked], position[rm_id]] if rm_id is not None else 0.0 for rm_id, asked in keys]
    costs = np.concatenate([stay_cost, (weights.unmet * missed + weights.moved).ravel(), np.full(n_staff, float(weights.overload))])
    arcs = np.arange(n_needs * n_staff) + n_groups
    # Of each set of needs, who stays and who arrives are all its clients.
    rows = np.concatenate([[pool[asked] for _, asked in keys], np.repeat(np.arange(n_needs), n_staff)])
    everybody = coo_array((np.ones(len(rows)), (rows, np.concatenate([np.arange(n_groups), arcs]))), shape=(n_needs, len(costs)))
    totals = np.zeros(n_needs)
    for (_, asked), size in zip(keys, sizes, strict=True):
        totals[pool[asked]] += size
    # Of each adviser, who stays and who arrives, less the overload, fit the capacity.
    held = [(position[rm_id], index) for index, (rm_id, _) in enumerate(keys) if rm_id is not None]
    places = np.concatenate([np.array([place for place, _ in held], dtype=np.int64), np.tile(np.arange(n_staff), n_needs), np.arange(n_staff)])
    columns = np.concatenate([np.array([index for _, index in held], dtype=np.int64), arcs, np.arange(n_staff) + len(costs) - n_staff])
    signs = np.concatenate([np.ones(len(held) + len(arcs)), -np.ones(n_staff)])
    loads = coo_array((signs, (places, columns)), shape=(n_staff, len(costs)))
    upper = np.full(len(costs), np.inf)
    upper[:n_groups] = [size if rm_id is not None else 0 for (rm_id, _), size in zip(keys, sizes, strict=True)]
    capacity = np.array([adviser.capacity for adviser in staff], dtype=np.float64)
    above: Any = loads.tocsr()  # linprog takes sparse arrays, its types do not say so
    whole_book: Any = everybody.tocsr()
    bounds: Any = np.column_stack([np.zeros(len(costs)), upper])
    found = linprog(costs, A_ub=above, b_ub=capacity, A_eq=whole_book, b_eq=totals, bounds=bounds, method="highs-ds")
    if not found.success or found.x is None:  # a flow exists always, since overload has no bound
        raise InputError(f"The assignment could not be solved: {found.message}", "a solution", "report this with the figures of the branch")
    whole = np.rint(found.x).astype(np.int64)
    return whole[:n_groups].tolist(), whole[arcs].reshape(n_needs, n_staff).tolist()
