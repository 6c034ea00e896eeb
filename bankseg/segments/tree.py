"""Top-down segmentation: a supervised tree on a chosen goal proposes readable rules, checked on clients it never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.domain.rule_documents import parse_rule
from bankseg.economics.comparisons import Difference, Interval, compare_means, compare_rates, holm, mean_interval, wilson
from bankseg.segments.arrays import client_ids
from bankseg.segments.holdout import held_out
from bankseg.segments.membership import membership
from bankseg.segments.rule_tree import Document, branches, design, leaf_documents

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]

DEPTH = 3
MOST_LEAVES = 8
# A segment needs 500 clients (definitions 9), so a proposal has no smaller leaf.
LEAST_CLIENTS = 500
# Amounts are grown on between these quantiles: one large client must not carve a leaf of its own.
TRIM = (0.01, 0.99)
SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True)
class Leaf:
    """One proposed segment.

    `rule` is a document that `parse_rule` reads. `grown` and `held` are the goal's mean with its 95 % interval among the clients the tree
    was grown on, and among those kept aside; `share` is the part of all clients. `p_value` (Holm-corrected) and `holds_up` tell whether, among the clients kept
    aside, the leaf differs from all others in the direction it was grown for.
    """

    rule: Document
    clients: int
    share: float
    grown: Interval
    held: Interval
    p_value: float
    holds_up: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """Leaves, best goal first, and `explained`: part of the goal's variance among clients kept aside that the leaves' means explain (1 - SSE / SST), at most 1.

    `overall` is the goal's mean among the clients the tree was grown on; `branches` are the questions as nested JSON, whose leaves are places in `leaves`.
    """

    leaves: tuple[Leaf, ...]
    explained: float
    n_grown: int
    n_held: int
    overall: float
    branches: Document


def propose(
    table: pa.Table, goal: Vector, attributes: Sequence[str], *, depth: int = DEPTH, least_clients: int = LEAST_CLIENTS, most_leaves: int = MOST_LEAVES
) -> Proposal:
    """Segments that differ in a goal, as rules.

    The same clients and goal always give the same rules.

    Parameters
    ----------
    table
        One row a client, with `client_id`.
    goal
        0/1 or an amount, shape (n,); NaN leaves a client out.
    attributes
        What the rules may ask.
    depth
        Most questions on the way to a leaf.
    least_clients
        Least clients of a leaf, among all clients; the tree sees its part of them.

    Raises
    ------
    MissingDataError
        When an attribute is not in the table.
    InputError
        When the goal is constant, there are too few clients for two leaves, or no question parts them.
    """
    known = ~np.isnan(goal)
    aside = held_out(client_ids(table))
    grown, held = known & ~aside, known & aside
    least = max(1, round(least_clients * grown.sum() / max(int(known.sum()), 1)))
    if grown.sum() < 2 * least or np.ptp(goal[grown]) == 0:
        raise InputError(
            f"{int(grown.sum())} clients with {len(np.unique(goal[grown]))} different outcomes of the goal",
            f"at least {2 * least} clients and two outcomes",
            "choose another goal, or smaller leaves",
        )
    limits = {"max_depth": depth, "min_samples_leaf": least, "max_leaf_nodes": most_leaves}
    documents, asked = _grown(table.filter(pa.array(grown)), goal[grown], attributes, limits)
    members = membership(table, [parse_rule(document) for document in documents])
    return _told(documents, asked, members, goal, (grown, held))


def _grown(table: pa.Table, goal: Vector, attributes: Sequence[str], limits: dict[str, int]) -> tuple[list[Document], Document]:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    asked = design(table, attributes)
    if not asked.questions:
        raise InputError("no attribute that parts clients", "one or more", "choose other attributes")
    if is_binary(goal):
        tree = DecisionTreeClassifier(random_state=0, **limits).fit(asked.matrix, goal.astype(np.int64))
    else:
        tree = DecisionTreeRegressor(random_state=0, **limits).fit(asked.matrix, np.clip(goal, *np.quantile(goal, TRIM)))
    found = leaf_documents(tree, asked)
    if not found:
        raise InputError("no question parts these clients by the goal", "an attribute that tells something of it", "choose other attributes, or smaller leaves")
    return found, branches(tree, asked)


def is_binary(goal: Vector) -> bool:
    """Whether a goal without NaN is yes or no.

    >>> is_binary(np.array([0.0, 1.0])), is_binary(np.array([0.0, 2.0]))
    (True, False)
    """
    return bool(np.isin(goal, (0.0, 1.0)).all())


def _told(documents: Sequence[Document], asked: Document, members: Mask, goal: Vector, parts: tuple[Mask, Mask]) -> Proposal:
    grown, held = parts
    binary = is_binary(goal[grown | held])
    overall = float(goal[grown].mean())
    differences = [_difference(goal, members[:, place] & held, ~members[:, place] & held, binary=binary) for place in range(len(documents))]
    adjusted = holm([difference.p_value for difference in differences])
    leaves = []
    for place, document in enumerate(documents):
        inside = members[:, place]
        seen = _interval(goal[inside & grown], binary=binary)
        same_way = bool((seen.value - overall) * differences[place].effect > 0)
        leaves.append(
            Leaf(document, int(inside.sum()), float(inside.mean()), seen, _interval(goal[inside & held], binary=binary),
                 adjusted[place], same_way and adjusted[place] < SIGNIFICANCE)
        )  # fmt: skip
    explained = _explained(members, goal, grown, held)
    order = sorted(range(len(leaves)), key=lambda place: -leaves[place].grown.value)
    asked = _renumbered(asked, {before: after for after, before in enumerate(order)})
    return Proposal(tuple(leaves[place] for place in order), explained, int(grown.sum()), int(held.sum()), overall, asked)


def _renumbered(branch: Document, places: dict[int, int]) -> Document:
    if "leaf" in branch:
        return {"leaf": places[branch["leaf"]]}
    return {**branch, "yes": _renumbered(branch["yes"], places), "no": _renumbered(branch["no"], places)}


def _explained(members: Mask, goal: Vector, grown: Mask, held: Mask) -> float:
    expected = np.full(len(goal), float(goal[grown].mean()))
    for place in range(members.shape[1]):
        inside = members[:, place]
        expected[inside] = goal[inside & grown].mean()
    total = float(((goal[held] - goal[held].mean()) ** 2).sum()) if held.any() else 0.0
    return 1 - float(((goal[held] - expected[held]) ** 2).sum()) / total if total else float("nan")


def _interval(values: Vector, *, binary: bool) -> Interval:
    return wilson(int(values.sum()), len(values)) if binary else mean_interval(values)


def _difference(goal: Vector, inside: Mask, outside: Mask, *, binary: bool) -> Difference:
    if binary:
        return compare_rates(int(goal[inside].sum()), int(inside.sum()), int(goal[outside].sum()), int(outside.sum()))
    return compare_means(goal[inside], goal[outside])


def as_json(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON (hence `Any`)."""
    return {
        "explained": proposal.explained,
        "n_grown": proposal.n_grown,
        "n_held": proposal.n_held,
        "overall": proposal.overall,
        "branches": proposal.branches,
        "leaves": [
            {"rule": leaf.rule, "clients": leaf.clients, "share": leaf.share, "grown": _bounds(leaf.grown), "held": _bounds(leaf.held),
             "p_value": leaf.p_value, "holds_up": leaf.holds_up}
            for leaf in proposal.leaves
        ],
    }  # fmt: skip


def _bounds(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
