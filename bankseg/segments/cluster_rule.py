"""A group of clients as one readable rule, with how faithfully the rule finds them again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.domain.rule_documents import parse_rule
from bankseg.segments.arrays import client_ids
from bankseg.segments.holdout import held_out
from bankseg.segments.membership import membership
from bankseg.segments.rule_tree import Document, design, documents_covering

Mask = NDArray[np.bool_]

DEPTH = 3
LEAST_LEAF_SHARE = 0.01
MOST_LEAVES = 8


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How a rule finds a group again, among `n` clients it was not made from.

    `precision`: part of those it finds who belong; `recall`: part of those who belong that it finds; `agreement`: part of all on whom both say the same; each in
    [0, 1], NaN where there is nobody to count.
    """

    precision: float
    recall: float
    agreement: float
    n: int


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """A rule document that `parse_rule` reads, and its fidelity."""

    rule: Document
    fidelity: Fidelity


def rule_of(table: pa.Table, members: Mask, attributes: Sequence[str], *, depth: int = DEPTH) -> ClusterRule:
    """The rule of a shallow tree that finds a group: the leaves that together find it best (highest F1), as one rule.

    Parameters
    ----------
    table
        One row a client, with `client_id`.
    members
        Shape (n,).
    depth
        Most questions in a part of the rule.

    Raises
    ------
    MissingDataError
        When an attribute is not in the table.
    InputError
        When everyone or no one is a member, or no question tells them apart.
    """
    from sklearn.tree import DecisionTreeClassifier

    aside = held_out(client_ids(table))
    grown = table.filter(pa.array(~aside))
    labels = members[~aside]
    asked = design(grown, attributes)
    if not 0 < int(labels.sum()) < len(labels) or not asked.questions:
        raise InputError(
            f"{int(labels.sum())} members of {len(labels)} clients", "a part of the clients, and attributes that part them", "choose another group"
        )
    # A tree from unweighted clients would find no leaf with a majority of a small group.
    tree = DecisionTreeClassifier(
        max_depth=depth, max_leaf_nodes=MOST_LEAVES, min_samples_leaf=max(1, round(LEAST_LEAF_SHARE * len(labels))), class_weight="balanced", random_state=0
    ).fit(asked.matrix, labels)
    chosen = documents_covering(tree, asked, _best_leaves(tree.apply(asked.matrix), labels))
    if not chosen:
        raise InputError("no question tells this group from the others", "an attribute that differs", "choose other attributes")
    rule = chosen[0] if len(chosen) == 1 else {"any": chosen}
    found = membership(table.filter(pa.array(aside)), [parse_rule(rule)])[:, 0]
    return ClusterRule(rule, fidelity(found, members[aside]))


def fidelity(found: Mask, members: Mask) -> Fidelity:
    """How those found compare with the members; shapes (n,).

    Examples
    --------
    >>> fidelity(np.array([True, True, False, False]), np.array([True, False, True, False]))
    Fidelity(precision=0.5, recall=0.5, agreement=0.5, n=4)
    """
    both = int((found & members).sum())
    return Fidelity(_part(both, int(found.sum())), _part(both, int(members.sum())), _part(int((found == members).sum()), len(found)), len(found))


def _best_leaves(leaves: NDArray[np.int64], labels: Mask) -> set[int]:
    """The leaves richest in members, as many as raise F1."""
    names, places = np.unique(leaves, return_inverse=True)
    sizes, hits = np.bincount(places), np.bincount(places, weights=labels)
    order = np.argsort(-hits / sizes, kind="stable")
    scores = 2 * np.cumsum(hits[order]) / (np.cumsum(sizes[order]) + hits.sum())
    return {int(name) for name in names[order[: int(scores.argmax()) + 1]]}


def _part(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
