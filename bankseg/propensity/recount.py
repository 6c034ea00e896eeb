"""Counts of a tree's nodes by rows at hand: a fit shared by workers only estimates them, and reasons weigh by them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.bag import assembled, trees_of
from bankseg.propensity.booster import text_of

if TYPE_CHECKING:
    import lightgbm


def recounted(booster: "lightgbm.Booster", x: NDArray[np.float32]) -> "lightgbm.Booster":
    """The same trees, whose leaves and nodes count these rows; a leaf that none of them reaches counts one, so that no weight is lost."""
    import lightgbm

    leaves = np.asarray(booster.predict(x, pred_leaf=True, num_threads=1), dtype=np.int64).reshape(len(x), -1)
    text = text_of(booster)
    trees = [_counted(tree, leaves[:, number]) for number, tree in enumerate(trees_of(text))]
    return lightgbm.Booster(model_str=assembled(text.partition("\n\n")[0], trees))


def _counted(tree: str, reached: NDArray[np.int64]) -> str:
    lines = dict(line.partition("=")[::2] for line in tree.split("\n"))
    count = int(lines["num_leaves"])
    if count == 1:
        return tree
    leaf = np.maximum(np.bincount(reached, minlength=count), 1)
    inner = np.zeros(count - 1, dtype=np.int64)
    children = [[int(word) for word in lines[side].split()] for side in ("left_child", "right_child")]
    for node in reversed(range(count - 1)):  # a child stands behind its parent
        inner[node] = sum(int(inner[side[node]] if side[node] >= 0 else leaf[~side[node]]) for side in children)
    lines["leaf_count"], lines["internal_count"] = (" ".join(map(str, counts.tolist())) for counts in (leaf, inner))
    return "\n".join(f"{name}={value}" for name, value in lines.items())
