"""Plots as SVG text: pure functions of their numbers, drawn with classes so that a page or a file gives them its own colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 42  # room for the words around the plane
ROW, LABEL_SHARE = 22, 0.42  # of a bar chart: height of a row, share of the width for its names
MOST_TICKS = 6
MOST_LETTERS = 30  # of a name in the column of a bar chart, at the size that the page gives it


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of points: (x, y) pairs, the class that colours it, and whether points are joined and marked."""

    points: Sequence[tuple[float, float]]
    style: str = "first"
    is_line: bool = True
    has_marks: bool = True
    intervals: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The plane: its title, the words of its axes, its limits, and names in place of numbers along x."""

    title: str
    x: str
    y: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    x_names: Sequence[str] = ()
    comma: str = "."


def plane(frame: Frame, series: Sequence[Series], levels: Sequence[tuple[float, str]] = ()) -> str:
    """Lines and points over two axes, with named horizontal levels.

    Examples
    --------
    >>> drawn = plane(Frame("A", "x", "y", (0, 1), (0, 1)), [Series([(0.0, 0.0), (1.0, 1.0)])])
    >>> drawn.startswith("<svg") and 'points="56.0,258.0 466.0,12.0"' in drawn
    True
    """
    parts = [_opening(WIDTH, HEIGHT, frame.title), *_axes(frame)]
    for value, words in levels:
        y = _y(frame, value)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"></line>')
        parts.append(f'<text class="level-name" x="{WIDTH - RIGHT}" y="{y - 3:.1f}" text-anchor="end">{escape(words)}</text>')
    for one in series:
        parts += _drawn(frame, one)
    return "".join([*parts, "</svg>"])


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars: (name, value, value in words) from top to bottom; the largest fills the width, a negative value is drawn as nothing.

    Examples
    --------
    >>> drawn = bars("Drivers", [("a", 0.5, "50 %"), ("b", 0.25, "25 %")])
    >>> 'width="216.4"' in drawn, 'width="108.2"' in drawn
    (True, True)
    """
    top = max((value for _, value, _ in rows), default=0.0) or 1.0
    start, height = WIDTH * LABEL_SHARE, ROW * len(rows) + 6
    room = WIDTH - start - 62
    parts = [_opening(WIDTH, height, title)]
    for place, (name, value, words) in enumerate(rows):
        y, length = place * ROW + 4, max(0.0, value) / top * room
        parts.append(f'<text x="{start - 6:.1f}" y="{y + 12}" text-anchor="end">{escape(_fitting(name))}</text>')
        parts.append(f'<rect class="bar" x="{start:.1f}" y="{y}" width="{round(length, 1)}" height="{ROW - 7}"></rect>')
        parts.append(f'<text x="{start + length + 5:.1f}" y="{y + 12}">{escape(words)}</text>')
    return "".join([*parts, "</svg>"])


def _fitting(name: str) -> str:
    """A name cut where its column ends: the table beside the bars has it whole.

    >>> _fitting("Days since the last campaign contact of any kind")
    'Days since the last campaign…'
    """
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1].rstrip() + "…"


def pairs(frame: Frame, groups: Sequence[tuple[float, float]]) -> str:
    """Two bars side by side for each group: what was expected, and what came.

    Examples
    --------
    >>> pairs(Frame("A", "x", "y", (0, 1), (0, 1)), [(0.5, 0.25)]).count("<rect")
    2
    """
    step = (WIDTH - LEFT - RIGHT) / max(len(groups), 1)
    parts = [_opening(WIDTH, HEIGHT, frame.title), *_axes(frame)]
    base = HEIGHT - BOTTOM
    for place, values in enumerate(groups):
        for side, (value, style) in enumerate(zip(values, ("first", "second"), strict=True)):
            top = _y(frame, value)
            x = LEFT + place * step + step * (0.14 + 0.38 * side)
            parts.append(f'<rect class="{style}" x="{x:.1f}" y="{top}" width="{step * 0.34:.1f}" height="{max(base - top, 0):.1f}"></rect>')
    return "".join([*parts, "</svg>"])


def round_up(value: float) -> float:
    """The end of an axis that holds a value: 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> round_up(0.13), round_up(1.0), round_up(33), round_up(0)
    (0.2, 1.0, 50.0, 1.0)
    """
    if value <= 0:
        return 1.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return next(round(step * power, 12) for step in (1.0, 2.0, 5.0, 10.0) if step * power >= value * (1 - 1e-9))


def _opening(width: float, height: float, title: str) -> str:
    return f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'


def _axes(frame: Frame) -> list[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{base}H{right}"></path>']
    for value in _ticks(*frame.y_limits):
        y = _y(frame, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"></line>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(value, frame.comma)}</text>')
    if frame.x_names:
        step = (right - LEFT) / len(frame.x_names)
        every = -(-len(frame.x_names) // (MOST_TICKS * 2))
        names = [(LEFT + (place + 0.5) * step, name) for place, name in enumerate(frame.x_names) if place % every == 0]
    else:
        names = [(_x(frame, value), _number(value, frame.comma)) for value in _ticks(*frame.x_limits)]
    parts += [f'<text x="{x:.1f}" y="{base + 15}" text-anchor="middle">{escape(name)}</text>' for x, name in names]
    parts.append(f'<text class="axis-name" x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(frame.x)}</text>')
    middle = (TOP + base) / 2
    parts.append(f'<text class="axis-name" x="13" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 13 {middle:.0f})">{escape(frame.y)}</text>')
    return parts


def _drawn(frame: Frame, one: Series) -> list[str]:
    places = [(_x(frame, x), _y(frame, y)) for x, y in one.points]
    parts = []
    for (x, _), (low, high) in zip(places, one.intervals, strict=False):
        parts.append(f'<line class="interval {one.style}" x1="{x}" x2="{x}" y1="{_y(frame, low)}" y2="{_y(frame, high)}"></line>')
    if one.is_line:
        parts.append(f'<polyline class="line {one.style}" points="{" ".join(f"{x},{y}" for x, y in places)}"></polyline>')
    if one.has_marks:
        parts += [f'<circle class="mark {one.style}" cx="{x}" cy="{y}" r="3.5"></circle>' for x, y in places]
    return parts


def _x(frame: Frame, value: float) -> float:
    if frame.x_names:
        return round(LEFT + (value + 0.5) * (WIDTH - LEFT - RIGHT) / len(frame.x_names), 1)
    low, high = frame.x_limits
    return round(LEFT + (value - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT), 1)


def _y(frame: Frame, value: float) -> float:
    low, high = frame.y_limits
    inside = min(max(value, low), high)
    return round(HEIGHT - BOTTOM - (inside - low) / ((high - low) or 1) * (HEIGHT - BOTTOM - TOP), 1)


def _ticks(low: float, high: float) -> list[float]:
    step = round_up((high - low) / MOST_TICKS)
    first = -(-low // step) * step
    return [round(first + place * step, 12) for place in range(MOST_TICKS + 2) if first + place * step <= high + step * 1e-6]


def _number(value: float, comma: str) -> str:
    return f"{value:g}".replace(".", comma)
