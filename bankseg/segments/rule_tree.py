"""Decision trees as rules: the design matrix a tree is grown on, and each leaf as a rule document that `parse_rule` reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.segments.arrays import UNKNOWN, is_category, levels, numbers, present

Matrix = NDArray[np.float64]
Document = dict[str, Any]  # a rule as JSON

# Levels rarer than this are no question a tree may ask.
LEAST_LEVEL_SHARE = 0.01
DOUBLE_DIGITS = 17


@dataclass(frozen=True, slots=True)
class Question:
    """A column of the design: an attribute's amount (`level` null), or whether it has this level ("unknown": whether it is missing)."""

    attribute: str
    level: str | bool | None


@dataclass(frozen=True, slots=True)
class Design:
    """What a tree may ask, and the answers: `matrix` has the shape (n, questions), NaN where an amount is missing."""

    questions: tuple[Question, ...]
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What a path through the tree says of one attribute."""

    above: float = -math.inf
    at_most: float = math.inf
    may_be_missing: bool = True
    must_be_missing: bool = False
    level: str | bool | None = None
    without: tuple[str | bool, ...] = ()


_Path = dict[str, _Bounds]


def design(table: pa.Table, attributes: Sequence[str]) -> Design:
    """Questions about these attributes, answered for every row; attributes are taken by name, so their order does not matter.

    Raises
    ------
    MissingDataError
        When an attribute is not in the table.
    """
    present(table, attributes)
    questions: list[Question] = []
    columns: list[NDArray[Any]] = []
    for name in sorted(set(attributes)):
        if not is_category(table, name):
            questions.append(Question(name, None))
            columns.append(numbers(table, name))
            continue
        is_boolean = pa.types.is_boolean(table.schema.field(name).type)
        names, places = levels(table, name)
        counts = np.bincount(places, minlength=len(names))
        for place in np.flatnonzero((counts >= LEAST_LEVEL_SHARE * len(places)) & (len(names) > 1)):
            level = str(names[place])
            questions.append(Question(name, level == "true" if is_boolean and level != UNKNOWN else level))
            columns.append(places == place)
    return Design(tuple(questions), np.column_stack(columns).astype(np.float64) if columns else np.empty((table.num_rows, 0)))


def leaf_documents(tree: Any, grown_on: Design) -> list[Document]:
    """Rule of each leaf of a fitted sklearn tree (untyped, hence `Any`); none for a tree that asks nothing.

    The rules part the clients the tree was grown on exactly as the tree does; thresholds are the shortest numbers that do so. Where an attribute was never missing,
    a later client without it is in no leaf.
    """
    return documents_covering(tree, grown_on, {node for node in range(tree.tree_.node_count) if _is_leaf(tree.tree_, node)}, merged=False)


def documents_covering(tree: Any, grown_on: Design, leaves: set[int], *, merged: bool = True) -> list[Document]:
    """Rules that together hold for exactly the clients of these leaves; leaves that are all there is below a question are told as one when `merged`."""
    paths: dict[int, _Path] = {}
    _walk(tree.tree_, grown_on, 0, {}, paths)
    nodes = _cover(tree.tree_, 0, leaves) if merged else sorted(leaves)
    parts = [[part for name in sorted(paths[node]) for part in _documents(name, paths[node][name], grown_on)] for node in nodes]
    return [part[0] if len(part) == 1 else {"all": part} for part in parts if part]


def branches(tree: Any, grown_on: Design) -> Document:
    """The questions of a fitted tree as nested JSON, for its picture: leaves are numbered as `leaf_documents` lists them.

    A question has `attribute` and either `cut` (`yes`: at most the cut; null: any value at all, `no`: missing) or `level` (`yes`: has it), and its parts `yes` and `no`.
    """
    leaves = {node: number for number, node in enumerate(node for node in range(tree.tree_.node_count) if _is_leaf(tree.tree_, node))}
    return _branch(tree.tree_, grown_on, 0, leaves)


def shortest_between(low: float, high: float) -> float:
    """The number of fewest digits in [low, high), for a threshold that parts them; whole numbers are ints.

    Examples
    --------
    >>> shortest_between(1_234_567, 1_239_999), shortest_between(0.31415, 0.32), shortest_between(-3, 2), shortest_between(7, 8)
    (1235000, 0.315, 0, 7)
    """
    if low <= 0 < high:
        return 0
    exact, bound = Decimal(low), Decimal(high)
    for digits in range(1, DOUBLE_DIGITS + 1):
        step = Decimal(1).scaleb(exact.adjusted() - digits + 1)
        candidate = (exact / step).to_integral_value(ROUND_CEILING) * step
        if exact <= candidate < bound:
            value = float(candidate)
            if low <= value < high:  # the double nearest to the decimal may lie outside
                return int(value) if value.is_integer() else value
    return low


def _branch(tree: Any, grown_on: Design, node: int, leaves: dict[int, int]) -> Document:
    if _is_leaf(tree, node):
        return {"leaf": leaves[node]}
    place = int(tree.feature[node])
    question = grown_on.questions[place]
    left, right = (_branch(tree, grown_on, int(below[node]), leaves) for below in (tree.children_left, tree.children_right))
    if question.level is not None:
        return {"attribute": question.attribute, "level": question.level, "yes": right, "no": left}
    below_cut, _ = _parted(_Bounds(), grown_on.matrix[:, place], float(tree.threshold[node]), bool(tree.missing_go_to_left[node]))
    return {"attribute": question.attribute, "cut": None if below_cut.at_most == math.inf else below_cut.at_most, "yes": left, "no": right}


def _is_leaf(tree: Any, node: int) -> bool:
    return bool(tree.children_left[node] == tree.children_right[node])  # sklearn marks a leaf so


def _cover(tree: Any, node: int, leaves: set[int]) -> list[int]:
    """Highest nodes below this one that hold leaves of the set alone, and all of them."""
    if _is_leaf(tree, node):
        return [node] if node in leaves else []
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    below = [*_cover(tree, left, leaves), *_cover(tree, right, leaves)]
    return [node] if below == [left, right] else below


def _walk(tree: Any, grown_on: Design, node: int, path: _Path, paths: dict[int, _Path]) -> None:
    """What the path to every node says."""
    paths[node] = path
    if _is_leaf(tree, node):
        return
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    question = grown_on.questions[int(tree.feature[node])]
    before = path.get(question.attribute, _Bounds())
    if question.level is None:
        values = grown_on.matrix[:, int(tree.feature[node])]
        yes, no = _parted(before, values, float(tree.threshold[node]), bool(tree.missing_go_to_left[node]))
    else:
        yes, no = replace(before, without=(*before.without, question.level)), replace(before, level=question.level)
    _walk(tree, grown_on, left, {**path, question.attribute: yes}, paths)
    _walk(tree, grown_on, right, {**path, question.attribute: no}, paths)


def _parted(before: _Bounds, values: Matrix, threshold: float, missing_goes_left: bool) -> tuple[_Bounds, _Bounds]:  # noqa: FBT001 - private
    """Bounds below and above a threshold; the tree compares in single precision, the rule in double."""
    known = values[~np.isnan(values)]
    below = known.astype(np.float32) <= threshold
    if below.all():  # only who has no value goes right
        return replace(before, may_be_missing=False), replace(before, must_be_missing=True)
    cut = shortest_between(float(known[below].max()), float(known[~below].min()))
    left = replace(before, at_most=min(before.at_most, cut), may_be_missing=before.may_be_missing and missing_goes_left)
    right = replace(before, above=max(before.above, cut), may_be_missing=before.may_be_missing and not missing_goes_left)
    return left, right


def _documents(name: str, bounds: _Bounds, grown_on: Design) -> list[Document]:
    if bounds.level is not None:
        return [{"attribute": name, "is_missing": True} if bounds.level == UNKNOWN else {"attribute": name, "equals": bounds.level}]
    if bounds.without:
        return _without(name, bounds.without)
    if bounds.must_be_missing:
        return [{"attribute": name, "is_missing": True}]
    parts: list[Document] = []
    if bounds.above > -math.inf:
        parts.append({"attribute": name, "above": bounds.above})
    if bounds.at_most < math.inf:
        parts.append({"attribute": name, "at_most": bounds.at_most})
    place = grown_on.questions.index(Question(name, None))
    if not parts:
        return [] if bounds.may_be_missing else [{"attribute": name, "is_missing": False}]
    if bounds.may_be_missing and np.isnan(grown_on.matrix[:, place]).any():
        return [{"any": [parts[0] if len(parts) == 1 else {"all": parts}, {"attribute": name, "is_missing": True}]}]
    return parts


def _without(name: str, levels: tuple[str | bool, ...]) -> list[Document]:
    named = sorted({level for level in levels if level != UNKNOWN}, key=str)
    found: list[Document] = []
    if UNKNOWN in levels:
        found.append({"attribute": name, "is_missing": False})
    if any(isinstance(level, bool) for level in named):
        found.extend({"not": {"attribute": name, "equals": level}} for level in named)
    elif named:
        found.append({"not": {"attribute": name, "in": named}})
    return found
