"""Seed bags: boosters that differ only in their seed, averaged into one LightGBM text, so that an artefact stays one model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bankseg.propensity.booster import Matrix, fit, text_of
from bankseg.propensity.structure import END_OF_TREES, TREE_START

if TYPE_CHECKING:
    import lightgbm

# Averaging seeds removes noise that only small data has; on large data it costs time and changes nothing.
BAGS_BY_ROWS = ((20_000, 5), (50_000, 3))
SEED_STEP = 1_009
SCALED_LINES = ("leaf_value=", "internal_value=")


def bags_for(rows: int) -> int:
    """How many seeds are worth averaging.

    Examples
    --------
    >>> bags_for(4_000), bags_for(160_000)
    (5, 1)
    """
    return next((bags for most, bags in BAGS_BY_ROWS if rows < most), 1)


def fit_bag(train: Matrix, parameters: dict[str, Any], rounds: int, bags: int) -> "lightgbm.Booster":
    """One booster that scores as the mean of `bags` boosters. `Any`: LightGBM parameters."""
    if bags == 1:
        return fit(train, parameters, rounds)
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    seeds = [{**parameters, "seed": parameters["seed"] + place * SEED_STEP} for place in range(bags)]
    return lightgbm.Booster(model_str=mean_text([text_of(fit(train, own, rounds)) for own in seeds]))


def mean_text(texts: Sequence[str]) -> str:
    """A text whose log-odds are the mean of those of the given texts: all their trees, each leaf divided by their number."""
    head = texts[0].partition("\n\n")[0]
    trees = [tree for text in texts for tree in _trees(text)]
    blocks = [f"{TREE_START}{number}\n{_scaled(tree, len(texts))}\n\n\n" for number, tree in enumerate(trees)]
    lines = [line for line in head.split("\n") if not line.startswith("tree_sizes=")]
    sizes = " ".join(str(len(block)) for block in blocks)
    return "\n".join([*lines, f"tree_sizes={sizes}"]) + "\n\n" + "".join(blocks) + END_OF_TREES


def _trees(text: str) -> list[str]:
    body = text.partition("\n\n")[2].partition(END_OF_TREES)[0]
    return [block.partition("\n")[2].rstrip("\n") for block in body.split(TREE_START)[1:]]


def _scaled(tree: str, count: int) -> str:
    return "\n".join(_divided(line, count) if line.startswith(SCALED_LINES) else line for line in tree.split("\n"))


def _divided(line: str, count: int) -> str:
    key, _, values = line.partition("=")
    return f"{key}={' '.join(repr(float(value) / count) for value in values.split())}"
