"""Evaluate the propensity room on any flat labelled file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bankseg.economics.empc import ACCEPTANCE, CLV, CONTACT, OFFER
from bankseg.propensity.crossval import Progress
from bankseg.propensity.flatfile import SEED, evaluate_flat


def evaluate(
    path: Path,
    label: str,
    *,
    positive: Sequence[str] = (),
    drop: Sequence[str] = (),
    time: str | None = None,
    seed: int = SEED,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The report of `bankseg evaluate`, with the costs that its expected maximum profit assumes. `Any`: JSON."""
    found = evaluate_flat(path, label, positive, drop, time, seed, progress=progress)
    return {**found.report, "empc_assumes": {"clv": CLV, "offer": OFFER, "contact": CONTACT, "acceptance": list(ACCEPTANCE)}}
