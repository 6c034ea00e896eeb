"""The funnel as a picture: one bar a step, each beginning where the one before ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 1_000  # user units of a bar's drawing


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `kind` is all, removed or kept; the bar lies from `start` for `width` of 1,000."""

    kind: str
    code: str
    clients: int
    start: float
    width: float


def funnel_steps(funnel: Mapping[str, Any]) -> list[Step]:
    """The steps of a funnel from the candidates to those who are contacted.

    Examples
    --------
    >>> [(step.code, step.clients, step.start, step.width) for step in funnel_steps({"candidates": 10, "removed": {"consent": 4}, "treated": 6})]
    [('candidates', 10, 0.0, 1000.0), ('consent', 4, 600.0, 400.0), ('treated', 6, 0.0, 600.0)]
    """
    candidates, left = int(funnel["candidates"]), int(funnel["candidates"])
    scale = WIDTH / candidates if candidates else 0.0
    steps = [Step("all", "candidates", candidates, 0.0, round(candidates * scale, 1))]
    for code, clients in funnel["removed"].items():
        left -= int(clients)
        steps.append(Step("removed", code, int(clients), round(left * scale, 1), round(int(clients) * scale, 1)))
    return [*steps, Step("kept", "treated", int(funnel["treated"]), 0.0, round(int(funnel["treated"]) * scale, 1))]
