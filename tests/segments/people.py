"""Made-up clients in planted groups, for the analyses of segments."""

import numpy as np
import pyarrow as pa


def planted(n=1_500, seed=3):
    """Three groups of clients far apart: savers, spenders and sleepers; the group is returned beside the table."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    deposits = np.array([9_000_000, 200_000, 50_000])[group] * rng.lognormal(0, 0.2, n)
    active = np.array([40, 200, 2])[group] + rng.normal(0, 3, n)
    housing = np.where(rng.random(n) < np.array([0.9, 0.2, 0.5])[group], "owner", "tenant")
    return (
        pa.table(
            {
                "client_id": [f"C{number:05d}" for number in range(n)],
                "deposits_minor": pa.array(np.round(deposits).astype(np.int64)),
                "active_days_365d": pa.array(active, mask=rng.random(n) < 0.05),
                "housing_type": pa.array(housing, mask=rng.random(n) < 0.05),
                "is_vulnerable": pa.array(rng.random(n) < 0.1),
                "noise": rng.normal(0, 1, n),
            }
        ),
        group,
    )


ATTRIBUTES = ("deposits_minor", "active_days_365d", "housing_type")
EVERY = (*ATTRIBUTES, "is_vulnerable", "noise")
