"""Reasons in bulk beside LightGBM's own TreeSHAP, on a model of 300 trees with 31 leaves over the catalogue's features.

python benchmarks/reasons.py [CLIENTS]     prints seconds of one core and the ratio; the target is under 10 s for 10,000 listed clients
"""

import sys
import time
from collections.abc import Callable

import lightgbm
import numpy as np
import pyarrow as pa

from bankseg.domain.extracts import EXTRACT_BY_NAME, PRODUCTS
from bankseg.features.catalogue import catalogue
from bankseg.propensity.booster import Matrix, fit, parameters, text_of
from bankseg.propensity.calibration import Calibrator
from bankseg.propensity.dataset import Encoding, ModelFeature
from bankseg.propensity.peers import peer_reference
from bankseg.propensity.predict import Propensity

FEATURES, TREES, LEAVES, TRAINING_ROWS = 80, 300, 31, 50_000


def model(rng: np.random.Generator) -> tuple[Propensity, Encoding, str]:
    """A model whose outcome depends on every feature a little."""
    known = [f for f in catalogue(tuple(EXTRACT_BY_NAME), tuple(PRODUCTS)) if "propensity" in f.purposes and f.type == "number"][:FEATURES]
    encoding = Encoding(tuple(ModelFeature(f.name, "number", f.family) for f in known), {})
    table = book(rng, encoding, TRAINING_ROWS)
    x = encoding.matrix(table)
    y = (rng.random(len(x)) < 1 / (1 + np.exp(3 - np.nan_to_num(x) @ rng.normal(0, 0.15, x.shape[1])))).astype(np.int8)
    short = parameters(len(x), x.shape[1], int(y.sum()), seed=1, threads=1, num_leaves=LEAVES)
    text = text_of(fit(Matrix(x, y, ()), short, TREES))
    reference = peer_reference(table, np.ones(len(x), dtype=bool), encoding)
    return Propensity(text, {**encoding.as_json(), "calibration": Calibrator().as_json(), "reasons_reference": reference}), encoding, text


def book(rng: np.random.Generator, encoding: Encoding, rows: int) -> pa.Table:
    """Clients with every feature, one value in ten unknown."""
    columns = {feature.name: pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.1) for feature in encoding.features}
    kinds = pa.array(rng.choice(["individual", "company"], rows))
    return pa.table({**columns, "client_kind": kinds, "age_years": pa.array(rng.integers(18, 90, rows).astype(float))})


def main(clients: int) -> None:
    rng = np.random.default_rng(1)
    propensity, encoding, text = model(rng)
    listed = book(rng, encoding, clients)
    propensity.predict(listed.slice(0, 10))
    booster = lightgbm.Booster(model_str=text)
    theirs = timed(lambda: booster.predict(encoding.matrix(listed), pred_contrib=True, num_threads=1))
    ours = timed(lambda: propensity.contributions(listed))
    whole = timed(lambda: propensity.reasons(listed))
    print(f"{clients:,} clients, {len(encoding.features)} features, {TREES} trees of {LEAVES} leaves")
    print(f"LightGBM's TreeSHAP {theirs:.2f} s; ours {ours:.2f} s, {theirs / ours:.1f} times faster; reasons, tried against peers, {whole:.2f} s")


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
