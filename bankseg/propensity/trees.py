"""The trees of a model text as arrays: how each split sends a row, and the leaves with the splits on their way."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.structure import CATEGORY_BIT, END_OF_TREES, TREE_START

Vector = NDArray[np.float64]
Marks = NDArray[np.bool_]

DEFAULT_LEFT_BIT, MISSING_SHIFT, MISSING_MASK = 2, 2, 3
MISSING_AS_ZERO, MISSING_AS_NAN = 1, 2
# LightGBM takes a number this close to zero for zero.
NEARLY_ZERO = 1e-35
WORD_BITS = 32


@dataclass(frozen=True, slots=True)
class Split:
    """One split; `levels` are the categories that go left, None for a numeric split."""

    feature: int
    threshold: float
    decision: int
    left: int
    right: int
    left_share: float
    right_share: float
    levels: frozenset[int] | None

    def goes_left(self, values: Vector) -> Marks:
        """Whether each value of the split's feature goes left, as LightGBM decides."""
        missing = (self.decision >> MISSING_SHIFT) & MISSING_MASK
        is_nan = np.isnan(values)
        if self.levels is not None:
            known = np.where(is_nan, -1.0, values)
            return np.asarray(np.isin(known.astype(np.int64), list(self.levels)) & (known >= 0), dtype=bool)
        left = values <= self.threshold  # false for NaN
        if missing == MISSING_AS_NAN:
            return np.asarray(left | is_nan, dtype=bool) if self.decision & DEFAULT_LEFT_BIT else left
        if missing == MISSING_AS_ZERO:
            is_missing = is_nan | (np.abs(values) <= NEARLY_ZERO)
            return np.where(is_missing, bool(self.decision & DEFAULT_LEFT_BIT), left)
        return np.where(is_nan, self.threshold >= 0.0, left)


@dataclass(frozen=True, slots=True)
class Tree:
    """Splits by node; a child below zero is the leaf `~child`."""

    splits: tuple[Split, ...]
    leaf_values: tuple[float, ...]


def read_trees(text: str) -> list[Tree]:
    """Every tree of a checked model text, in order."""
    body = text.partition("\n\n")[2].partition(END_OF_TREES)[0]
    return [_tree(block) for block in body.split(TREE_START)[1:]]


def _tree(block: str) -> Tree:
    pairs = dict(line.partition("=")[::2] for line in block.split("\n")[1:] if "=" in line)
    values = tuple(float(word) for word in pairs["leaf_value"].split())
    return Tree(tuple(_splits(pairs)) if len(values) > 1 else (), values)


def _splits(pairs: dict[str, str]) -> Iterator[Split]:
    inner, leaf = _whole(pairs["internal_count"]), _whole(pairs["leaf_count"])
    sets = _level_sets(pairs)
    columns = (pairs["threshold"].split(), *(_whole(pairs[key]) for key in ("split_feature", "decision_type", "left_child", "right_child")))
    for node, (threshold, feature, decision, left, right) in enumerate(zip(*columns, strict=True)):
        rows = [inner[child] if child >= 0 else leaf[~child] for child in (left, right)]
        share = rows[0] / max(inner[node], 1)
        levels = sets[int(float(threshold))] if decision & CATEGORY_BIT else None
        yield Split(feature, float(threshold), decision, left, right, share, rows[1] / max(inner[node], 1), levels)


def _level_sets(pairs: dict[str, str]) -> list[frozenset[int]]:
    if not int(pairs.get("num_cat", "0")):
        return []
    edges, words = _whole(pairs["cat_boundaries"]), _whole(pairs["cat_threshold"])
    return [
        frozenset(place * WORD_BITS + bit for place, word in enumerate(words[low:high]) for bit in range(WORD_BITS) if word >> bit & 1)
        for low, high in pairwise(edges)
    ]


def _whole(text: str) -> list[int]:
    return [int(word) for word in text.split()]
