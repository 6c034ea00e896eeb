"""Seed bags: boosters that differ only in their seed, averaged into one LightGBM text, so that an artefact stays one model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bankseg.propensity.booster import Matrix, fit_seeds, text_of
from bankseg.propensity.structure import END_OF_TREES, TREE_START

if TYPE_CHECKING:
    import lightgbm

# Averaging seeds removes noise that only small data has; on large data (cells: rows x columns) it costs time and changes nothing.
BAGS_BY_CELLS = ((100_000, 3), (500_000, 2))
SEED_STEP = 1_009
SCALED_LINES = ("leaf_value=", "internal_value=")


def bags_for(rows: int, columns: int) -> int:
    """How many seeds are worth averaging.

    Examples
    --------
    >>> bags_for(4_000, 25), bags_for(160_000, 80)
    (2, 1)
    """
    return next((bags for most, bags in BAGS_BY_CELLS if rows * columns < most), 1)


def fit_bag(train: Matrix, parameters: dict[str, Any], rounds: int, bags: int) -> "lightgbm.Booster":
    """One booster that scores as the mean of `bags` boosters. `Any`: LightGBM parameters."""
    return mean_booster(fit_seeds(train, parameters, rounds, [parameters["seed"] + place * SEED_STEP for place in range(bags)]))


def mean_booster(boosters: "Sequence[lightgbm.Booster]") -> "lightgbm.Booster":
    """One booster whose log-odds are the mean of those given."""
    if len(boosters) == 1:
        return boosters[0]
    import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

    return lightgbm.Booster(model_str=mean_text([text_of(booster) for booster in boosters]))


def mean_text(texts: Sequence[str]) -> str:
    """A text whose log-odds are the mean of those of the given texts: all their trees, each leaf divided by their number."""
    trees = [_scaled(tree, len(texts)) for text in texts for tree in trees_of(text)]
    return assembled(texts[0].partition("\n\n")[0], trees)


def assembled(head: str, trees: Sequence[str]) -> str:
    """A text of these trees, numbered anew, under a header whose sizes are theirs."""
    blocks = [f"{TREE_START}{number}\n{tree}\n\n\n" for number, tree in enumerate(trees)]
    lines = [line for line in head.split("\n") if not line.startswith("tree_sizes=")]
    sizes = " ".join(str(len(block)) for block in blocks)
    return "\n".join([*lines, f"tree_sizes={sizes}"]) + "\n\n" + "".join(blocks) + END_OF_TREES


def trees_of(text: str) -> list[str]:
    """The trees of a text, without their numbers."""
    body = text.partition("\n\n")[2].partition(END_OF_TREES)[0]
    return [block.partition("\n")[2].rstrip("\n") for block in body.split(TREE_START)[1:]]


def _scaled(tree: str, count: int) -> str:
    return "\n".join(_divided(line, count) if line.startswith(SCALED_LINES) else line for line in tree.split("\n"))


def _divided(line: str, count: int) -> str:
    key, _, values = line.partition("=")
    return f"{key}={' '.join(repr(float(value) / count) for value in values.split())}"
