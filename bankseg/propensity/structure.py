"""Structure check of a LightGBM text model in plain Python, before any byte reaches LightGBM.

LightGBM aborts or reads out of bounds on damaged text (measured: most damaged copies crash the process), so every
count, index, child and number is checked here first.
"""

import math
from collections.abc import Callable, Sequence

from bankseg.domain.errors import ArtefactError

MOST_TREES = 20_000
MOST_LEAVES = 4_096
HEADER_KEYS = ("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "feature_names", "feature_infos", "tree_sizes")
TREE_START = "Tree="
END_OF_TREES = "end of trees\n"
# decision_type: bit 0 category, bit 1 default left, bits 2-3 how missing is treated (0, 1, 2).
CATEGORY_BIT, LARGEST_DECISION = 1, 11
LARGEST_WORD = 2**32 - 1


def check_structure(text: str, features: int) -> int:
    """Check a model text; returns its number of trees.

    Parameters
    ----------
    text
        LightGBM text format, version v4.
    features
        Columns of the matrix the model will be given.

    Raises
    ------
    ArtefactError
        Names the tree and what is wrong with it.
    """
    head, blank, body = text.partition("\n\n")
    header = _header(head)
    if not blank or int(header["max_feature_idx"]) + 1 != features:
        _refuse("header", f"{header['max_feature_idx']} as largest feature, {features} features on the card")
    if len(header["feature_names"].split()) != features or len(header["feature_infos"].split()) != features:
        _refuse("header", "feature names or ranges do not match the number of features")
    sizes = [int(size) for size in _numbers("header", "tree_sizes", header["tree_sizes"], int)]
    if not 0 < len(sizes) <= MOST_TREES or min(sizes) <= 0:
        _refuse("header", f"{len(sizes)} trees")
    raw = body.encode()
    place = 0
    for number, size in enumerate(sizes):
        _check_tree(raw[place : place + size], number, features)
        place += size
    if not raw[place:].decode().startswith(END_OF_TREES):
        _refuse("end", "the trees do not end where the header says")
    return len(sizes)


def _header(head: str) -> dict[str, str]:
    first, _, rest = head.partition("\n")
    pairs = dict(line.partition("=")[::2] for line in rest.split("\n"))
    absent = [key for key in HEADER_KEYS if key not in pairs]
    if first != "tree" or absent:
        _refuse("header", f"lacks {', '.join(absent) or 'its first line'}")
    if (pairs["version"], pairs["num_class"], pairs["num_tree_per_iteration"], pairs["objective"]) != ("v4", "1", "1", "binary sigmoid:1"):
        _refuse("header", "is not a binary model of format v4")
    if not pairs["max_feature_idx"].isdigit():
        _refuse("header", "max_feature_idx is not a number")
    return pairs


def _check_tree(block: bytes, number: int, features: int) -> None:
    where = f"tree {number}"
    lines = block.decode("ascii", errors="replace").rstrip("\n").split("\n")
    if lines[0] != f"{TREE_START}{number}":
        _refuse(where, "does not start where the header says")
    pairs = dict(line.partition("=")[::2] for line in lines[1:])
    if len(pairs) != len(lines) - 1:
        _refuse(where, "repeats a line")
    leaves = _one(where, pairs, "num_leaves")
    if not 1 <= leaves <= MOST_LEAVES or _one(where, pairs, "is_linear") != 0:
        _refuse(where, f"has {leaves} leaves or is linear")
    _vector(where, pairs, "leaf_value", leaves, float)
    if not math.isfinite(_numbers(where, "shrinkage", pairs.get("shrinkage", ""), float)[0]):
        _refuse(where, "has no finite shrinkage")
    if leaves > 1:
        _check_splits(where, pairs, leaves, features)


def _check_splits(where: str, pairs: dict[str, str], leaves: int, features: int) -> None:
    splits = leaves - 1
    feature = _vector(where, pairs, "split_feature", splits, int)
    decision = _vector(where, pairs, "decision_type", splits, int)
    threshold = _vector(where, pairs, "threshold", splits, _threshold)
    for key, count in (("split_gain", splits), ("internal_value", splits), ("internal_weight", splits), ("leaf_weight", leaves)):
        _vector(where, pairs, key, count, float)
    for key, count in (("internal_count", splits), ("leaf_count", leaves)):
        if min(_vector(where, pairs, key, count, int)) < 0:
            _refuse(where, f"{key} is negative")
    if min(feature) < 0 or max(feature) >= features:
        _refuse(where, "splits on a feature that does not exist")
    if min(decision) < 0 or max(decision) > LARGEST_DECISION:
        _refuse(where, "has an unknown decision type")
    _check_children(where, _vector(where, pairs, "left_child", splits, int), _vector(where, pairs, "right_child", splits, int))
    _check_categories(where, pairs, [t for t, d in zip(threshold, decision, strict=True) if int(d) & CATEGORY_BIT])


def _check_children(where: str, left: Sequence[float], right: Sequence[float]) -> None:
    """Every node but the root and every leaf is the child of exactly one earlier-reached node: no cycle, no orphan."""
    splits = len(left)
    children = sorted(int(child) for child in (*left, *right))
    if children != [*range(-splits - 1, 0), *range(1, splits)]:
        _refuse(where, "has a child out of range, twice or never")
    reached, stack = 0, [0]
    while stack:
        node = stack.pop()
        reached += 1
        stack.extend(int(child) for child in (left[node], right[node]) if child > 0)
    if reached != splits:
        _refuse(where, "has a cycle")


def _check_categories(where: str, pairs: dict[str, str], thresholds: Sequence[float]) -> None:
    sets = _one(where, pairs, "num_cat")
    if sets != len(thresholds):
        _refuse(where, "counts its category splits wrongly")
    if not sets:
        return
    boundaries = _vector(where, pairs, "cat_boundaries", sets + 1, int)
    words = _vector(where, pairs, "cat_threshold", int(boundaries[-1]), int)
    if boundaries[0] != 0 or list(boundaries) != sorted(set(boundaries)) or min(words) < 0 or max(words) > LARGEST_WORD:
        _refuse(where, "has category sets out of order or range")
    if sorted(thresholds) != list(range(sets)):
        _refuse(where, "points at a category set that does not exist")


def _one(where: str, pairs: dict[str, str], key: str) -> int:
    return int(_numbers(where, key, pairs.get(key, ""), int)[0])


def _vector(where: str, pairs: dict[str, str], key: str, count: int, kind: Callable[[str], float]) -> list[float]:
    if key not in pairs:
        _refuse(where, f"lacks {key}")
    if not 0 <= count <= 2**20:
        _refuse(where, f"declares {count} values of {key}")
    values = _numbers(where, key, pairs[key], kind)
    if len(values) != count:
        _refuse(where, f"has {len(values)} values of {key} where {count} belong")
    return values


def _numbers(where: str, key: str, text: str, kind: Callable[[str], float]) -> list[float]:
    try:
        values = [kind(word) for word in text.split()]
    except ValueError:
        values = []
    if not values or not all(math.isfinite(value) for value in values):
        _refuse(where, f"{key} holds something that is not a finite number")
    return values


def _refuse(where: str, why: str) -> None:
    raise ArtefactError(f"the model text is damaged: {where}: {why}", "the text that was saved", "restore the artefact from backup, or train again")


def _threshold(word: str) -> float:
    # LightGBM writes an infinite threshold for a split on missing alone; anything else must be finite.
    return 0.0 if word in {"inf", "-inf"} else float(word)
