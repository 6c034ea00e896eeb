"""Pictures of studies, drawn on the server: the tree with its questions, the clients of clusters as points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# User units of the drawings.
COLUMN, ROW, BOX, TALL, EDGE = 248, 62, 196, 46, 6
SCATTER, RADIUS, ROOM = 360, 2.6, 12
LONGEST = 27  # characters of a line in a box


@dataclass(frozen=True, slots=True)
class Box:
    """One question or leaf: where it stands, its two lines, the whole first line for a reader who points at it, and the leaf's place from 1 (0: a question)."""

    x: float
    y: float
    first: str
    second: str
    whole: str
    leaf: int
    shade: int


@dataclass(frozen=True, slots=True)
class Link:
    """A line from a question to one of its answers, with what the answer is."""

    path: str
    x: float
    y: float
    answer: str


@dataclass(frozen=True, slots=True)
class TreePicture:
    """A tree from left to right."""

    width: int
    height: int
    boxes: list[Box]
    links: list[Link]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Points of clients by cluster, -1 those in none."""

    size: int
    points: list[tuple[float, float, int]]


def tree_picture(
    branches: dict[str, Any], leaves: Sequence[tuple[str, str, float]], question: Callable[[dict[str, Any]], str], answers: tuple[str, str]
) -> TreePicture:
    """The picture of a tree.

    Parameters
    ----------
    branches
        Questions as `rule_tree.branches` gives them.
    leaves
        Two lines of each leaf, and its lift.
    question
        A question in words.
    answers
        The words for yes and no.
    """
    boxes: list[Box] = []
    links: list[Link] = []
    rows = _place(branches, 0, 0, (leaves, question, answers), boxes, links)[1]
    depth = max(int(box.x) for box in boxes) // COLUMN
    return TreePicture(depth * COLUMN + BOX + 2 * EDGE, rows * ROW, boxes, links)


def scatter(points: Sequence[Sequence[float]]) -> Scatter:
    """The picture of points within [0, 1]."""
    room = SCATTER - 2 * ROOM
    return Scatter(SCATTER, [(round(ROOM + x * room, 1), round(SCATTER - ROOM - y * room, 1), int(label)) for x, y, label in points])


def shade(lift: float | None) -> int:
    """How a leaf is coloured, -2 (half the average or less) to 2 (twice or more)."""
    if lift is None:
        return 0
    return 2 if lift >= 2 else 1 if lift >= 1.15 else -2 if lift <= 0.5 else -1 if lift <= 0.87 else 0


_Words = tuple[Sequence[tuple[str, str, float]], Callable[[dict[str, Any]], str], tuple[str, str]]


def _place(branch: dict[str, Any], depth: int, row: int, words: _Words, boxes: list[Box], links: list[Link]) -> tuple[float, int]:
    """Draw what is below a branch from a row on; its own height, and the next free row."""
    leaves, question, _ = words
    x = EDGE + depth * COLUMN
    if "leaf" in branch:
        first, second, lift = leaves[branch["leaf"]]
        y = row * ROW + ROW / 2
        boxes.append(Box(x, y - TALL / 2, first, second, f"{first} · {second}", branch["leaf"] + 1, shade(lift)))
        return y, row + 1
    below = []
    for answer in ("yes", "no"):
        height, row = _place(branch[answer], depth + 1, row, words, boxes, links)
        below.append(height)
    y = sum(below) / 2
    text = question(branch)
    first, second = _lines(text)
    boxes.append(Box(x, y - TALL / 2, first, second, text, 0, 0))
    for height, answer in zip(below, words[2], strict=True):
        start, end = x + BOX, x + COLUMN
        middle = (start + end) / 2
        links.append(Link(f"M{start},{y:.1f} C{middle:.1f},{y:.1f} {middle:.1f},{height:.1f} {end},{height:.1f}", middle, (y + height) / 2 - 4, answer))
    return y, row


def _lines(text: str) -> tuple[str, str]:
    """A text on two lines, cut where it is too long; the whole stands in the title."""
    if len(text) <= LONGEST:
        return text, ""
    cut = text.rfind(" ", 0, LONGEST + 1)
    cut = cut if cut > 0 else LONGEST
    rest = text[cut:].strip()
    return text[:cut], rest if len(rest) <= LONGEST else f"{rest[: LONGEST - 1]}…"
