"""TreeSHAP in bulk: the exact contributions LightGBM gives, from tables of the patterns in which a row can meet a leaf's way.

On the way to a leaf with d different features a row meets, or does not meet, what each of them asks: one of 2^d patterns. The Shapley value of a feature depends on
the pattern alone, so that it is computed once a leaf and looked up for every row, instead of walking every tree for every row.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.trees import Marks, Tree, read_trees

Vector = NDArray[np.float64]
Patterns = NDArray[np.int64]

# Rows at once: few enough for the patterns of one tree to stay in the processor's cache.
BLOCK_ROWS = 8_192
# Trees whose tables are held at once.
CHUNK_TREES = 16
# Ways with more different features than this have too many patterns for a table; those their rows meet are computed.
MOST_IN_TABLE = 11
TABLE_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a leaf: its different features in order of appearance, the share of training rows that meets each one's conditions, and the leaf's value."""

    leaf: int
    features: tuple[int, ...]
    shares: tuple[float, ...]
    value: float


class TreeShap:
    """Contributions of a model text's trees.

    Parameters
    ----------
    text
        A checked LightGBM text.
    features
        Columns of the matrix.
    """

    def __init__(self, text: str, features: int) -> None:
        self.features = features
        self.trees = read_trees(text)
        self.ways = [list(_ways(tree)) for tree in self.trees]
        self.base = float(sum(way.value * float(np.prod(way.shares)) for ways in self.ways for way in ways))

    def contributions(self, matrix: NDArray[np.float32]) -> Vector:
        """Shape (n, features + 1): each feature's part in the log-odds and, last, the base value; a row's sum is its log-odds."""
        found = np.zeros((self.features + 1, len(matrix)))
        found[-1] = self.base
        columns = np.ascontiguousarray(matrix.T, dtype=np.float64)
        for start in range(0, len(self.trees), CHUNK_TREES):
            chunk = range(start, min(start + CHUNK_TREES, len(self.trees)))
            tables = _tables([way for tree in chunk for way in self.ways[tree]])
            for low in range(0, len(matrix), BLOCK_ROWS):
                block = slice(low, low + BLOCK_ROWS)
                place = 0
                for tree in chunk:
                    own = tables[place : place + len(self.ways[tree])]
                    _add(self.trees[tree], self.ways[tree], own, columns[:, block], found[:, block])
                    place += len(own)
        return np.ascontiguousarray(found.T)


def shapley_values(met: Marks, shares: Vector, value: Vector) -> Vector:
    """Shapley values of a leaf's features by pattern.

    The game pays `value x product of (1 if met else 0)` over a coalition's features times the product of the shares over the others. Its Shapley value for feature j
    is `value (met_j - share_j)` times the integral over t in [0, 1] of the product over the others of `share (1 - t) + met t`, a polynomial of degree d - 1
    that Gauss-Legendre quadrature with half as many points integrates exactly.

    Parameters
    ----------
    met
        Shape (patterns, d).
    shares
        Shape (leaves, d).
    value
        Shape (leaves,).

    Returns
    -------
    numpy.ndarray
        Shape (leaves, patterns, d).

    Examples
    --------
    >>> shapley_values(np.array([[True]]), np.array([[0.25]]), np.array([2.0])).tolist()  # one feature: 2 x (1 - 0.25)
    [[[1.5]]]
    """
    depth = met.shape[1]
    points, weights = np.polynomial.legendre.leggauss((depth + 1) // 2)
    total = np.zeros((len(shares), *met.shape))
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factor = shares[:, None, :] * (1 - point) + met * point
        before, after = np.ones_like(factor), np.ones_like(factor)
        np.cumprod(factor[..., :-1], axis=-1, out=before[..., 1:])
        after[..., :-1] = np.cumprod(factor[..., :0:-1], axis=-1)[..., ::-1]
        total += weight * before * after
    found: Vector = value[:, None, None] * (met - shares[:, None, :]) * total
    return found


def _ways(tree: Tree) -> Iterator[Way]:
    """The ways to the leaves, in the order in which `_walk` reaches them."""
    if not tree.splits:
        yield Way(0, (), (), tree.leaf_values[0])
        return
    stack: list[tuple[int, tuple[int, ...], tuple[float, ...]]] = [(0, (), ())]
    while stack:
        node, features, shares = stack.pop()
        if node < 0:
            yield Way(~node, features, shares, tree.leaf_values[~node])
            continue
        split = tree.splits[node]
        for child, share in ((split.right, split.right_share), (split.left, split.left_share)):
            if split.feature in features:
                place = features.index(split.feature)
                stack.append((child, features, (*shares[:place], shares[place] * share, *shares[place + 1 :])))
            else:
                stack.append((child, (*features, split.feature), (*shares, share)))


def _walk(tree: Tree, columns: Vector) -> Iterator[Patterns]:
    """The pattern in which each row meets the way to each leaf: bit j is set where the j-th feature's conditions all hold."""
    stack: list[tuple[int, tuple[int, ...], Patterns]] = [(0, (), np.zeros(columns.shape[1], dtype=np.int64))] if tree.splits else []
    while stack:
        node, features, pattern = stack.pop()
        if node < 0:
            yield pattern
            continue
        split = tree.splits[node]
        left = split.goes_left(columns[split.feature])
        if split.feature in features:
            bit = 1 << features.index(split.feature)
            stack.append((split.right, features, np.where(left, pattern & ~bit, pattern)))
            stack.append((split.left, features, np.where(left, pattern, pattern & ~bit)))
        else:
            bit = 1 << len(features)
            raised = left.astype(np.int64) * bit
            stack.append((split.right, (*features, split.feature), pattern + (bit - raised)))
            stack.append((split.left, (*features, split.feature), pattern + raised))


def _tables(ways: Sequence[Way]) -> list[Vector | None]:
    """Each way's contributions by feature and pattern, shape (d, 2^d); None for ways with too many features."""
    tables: list[Vector | None] = [None] * len(ways)
    by_depth: dict[int, list[int]] = defaultdict(list)
    for place, way in enumerate(ways):
        if 0 < len(way.features) <= MOST_IN_TABLE:
            by_depth[len(way.features)].append(place)
    for depth, places in by_depth.items():
        met = _marks(np.arange(2**depth), depth)
        step = max(1, TABLE_CELLS // met.size)
        for start in range(0, len(places), step):
            some = places[start : start + step]
            values = shapley_values(met, np.array([ways[place].shares for place in some]), np.array([ways[place].value for place in some]))
            for place, table in zip(some, values, strict=True):
                tables[place] = np.ascontiguousarray(table.T)
    return tables


def _marks(patterns: Patterns, depth: int) -> Marks:
    return np.asarray(patterns[:, None] >> np.arange(depth) & 1, dtype=bool)


def _add(tree: Tree, ways: Sequence[Way], tables: Sequence[Vector | None], columns: Vector, found: Vector) -> None:
    """Add one tree's contributions of some rows, columns of `found`."""
    for way, table, pattern in zip(ways, tables, _walk(tree, columns), strict=False):
        known, rows = (table, pattern) if table is not None else _of_patterns(way, pattern)
        for feature, values in zip(way.features, known, strict=True):
            found[feature] += values.take(rows)


def _of_patterns(way: Way, pattern: Patterns) -> tuple[Vector, Patterns]:
    """The contributions of the patterns that rows meet, and each row's place among them."""
    met, place = np.unique(pattern, return_inverse=True)
    values = shapley_values(_marks(met, len(way.features)), np.array([way.shares]), np.array([way.value]))
    return values[0].T, place.astype(np.int64)
