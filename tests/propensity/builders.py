"""Small labelled data with a known law, for tests of the propensity room."""

from datetime import date

import numpy as np
import pyarrow as pa

from bankseg.propensity.dataset import Dataset, ModelFeature
from bankseg.propensity.origins import OriginPlan

PLAN = OriginPlan((date(2024, 10, 31), date(2024, 12, 31)), date(2025, 4, 30), date(2025, 8, 31))
FEATURES = (
    ModelFeature("balance", "number", "balance"),
    ModelFeature("trend", "number", "balance"),
    ModelFeature("logins", "number", "digital"),
    ModelFeature("segment", "category", "profile"),
    ModelFeature("noise", "number", "noise"),
)
KEY = b"k" * 32


def law(rng: np.random.Generator, rows: int, level: float = -1.5) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns and the probability they imply."""
    balance, trend, noise = rng.normal(size=(3, rows))
    logins = rng.poisson(3, rows).astype(float)
    segment = rng.choice(["retail", "private", "youth"], rows)
    odds = level - 1.2 * trend + 0.8 * (balance < -0.5) - 0.3 * (logins - 3) + 0.9 * (segment == "youth")
    return {"balance": balance, "trend": trend, "logins": logins, "segment": segment, "noise": noise}, 1 / (1 + np.exp(-odds))


def dataset(rows_per_origin: int = 800, seed: int = 1, *, shuffled: bool = False, missing: float = 0.05) -> Dataset:
    """Rows at every origin of PLAN."""
    rng = np.random.default_rng(seed)
    rows = rows_per_origin * len(PLAN.all)
    columns, probability = law(rng, rows)
    label = (rng.random(rows) < probability).astype(np.int8)
    if shuffled:
        label = rng.permutation(label)
    table = pa.table({"client_id": [f"C{place:06d}" for place in range(rows)]})
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, mask=rng.random(rows) < missing))
    return Dataset(table, label, np.repeat(np.array(PLAN.all, dtype="datetime64[D]"), rows_per_origin))
