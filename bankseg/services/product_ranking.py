"""How well a run's models rank products for each client, on purchases that none of their trees has seen."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.lake.parquet import read_checked
from bankseg.propensity.artefacts import load
from bankseg.propensity.predict import Propensity
from bankseg.propensity.ranking import ranking_metrics
from bankseg.services.bank import Bank
from bankseg.services.runs import seed_of
from bankseg.services.snapshot import labels_path, snapshot_path
from bankseg.storage.run import Run

PREFIX = "cross_sell:"


def ranking_of(bank: Bank, run: Run, before: Run | None) -> dict[str, Any]:
    """The ranking of a run's models; of the same models in the run before where this one trained none, and so has no origins to judge them on. `Any`: JSON."""
    found = product_ranking(bank, run)
    if found["origin"] is not None or before is None or _products_of(before) != _products_of(run):
        return found
    return dict(before.summary.get("product_ranking") or found)


def product_ranking(bank: Bank, run: Run) -> dict[str, Any]:
    """MAP@k and NDCG@k of the run's cross-sell models on the new purchases of their test origin, beside ranking every client by popularity alone.

    The trees that serve were grown on earlier origins; their calibration, one monotone curve a product, was fitted on this one. A model grown on the origin
    itself is left out and named.

    Returns
    -------
    dict
        `origin`, `products`, `left_out`, `clients`, `buyers`, `purchases`, and under `by_propensity` and `by_popularity` the metrics of
        `propensity.ranking`; `origin` is null when fewer than two products can be compared. `Any`: JSON.
    """
    models = {target: load(bank.settings.artefacts, digest, bank.settings.key()) for target, digest in run.models.items() if target.startswith(PREFIX)}
    origin = _common_origin(run, list(models))
    judged = {target: model for target, model in sorted(models.items()) if _may_judge(run, origin, target, model)}
    about = {"products": [_product(t) for t in judged], "left_out": sorted(_product(t) for t in models.keys() - judged.keys())}
    buckets = [bucket for bucket in range(int(run.plan["buckets"])) if origin and _is_there(bank, run, origin, bucket)]
    if origin is None or len(judged) < 2 or not buckets:
        return {"origin": None, **about}
    parts = [_bucket(bank, run, origin, judged, bucket) for bucket in buckets]
    score, bought = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    clients = sum(part[2] for part in parts)
    popularity = np.where(np.isnan(score), np.nan, [model.card["base_rate"] for model in judged.values()])
    seed = seed_of(run.key)
    return {
        "origin": origin,
        **about,
        "clients": clients,
        "buyers": len(score),
        "purchases": int(bought.sum()),
        "by_propensity": ranking_metrics(score, bought, clients=clients, seed=seed),
        "by_popularity": ranking_metrics(popularity, bought, clients=clients, seed=seed),
    }


def _products_of(run: Run) -> dict[str, str]:
    """Digests of the models that rank products, by target."""
    return {target: digest for target, digest in run.models.items() if target.startswith(PREFIX)}


def _common_origin(run: Run, targets: list[str]) -> str | None:
    """The test origin that most products share."""
    origins = Counter(run.plan["targets"][target]["test"] for target in targets if run.plan["targets"].get(target))
    return max(origins, key=lambda origin: (origins[origin], origin)) if origins else None


def _may_judge(run: Run, origin: str | None, target: str, model: Propensity) -> bool:
    """Whether an origin is the target's test origin and the model's trees were grown on others."""
    plan = run.plan["targets"].get(target)
    return bool(plan) and plan["test"] == origin and origin not in model.card["serving"]["fitted_on"]


def _is_there(bank: Bank, run: Run, origin: str, bucket: int) -> bool:
    return labels_path(bank, run, origin, bucket).exists() and snapshot_path(bank, run, origin, bucket).exists()


def _bucket(bank: Bank, run: Run, origin: str, models: dict[str, Propensity], bucket: int) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Propensities and purchases of the bucket's buyers, shape (buyers, products), and how many clients were asked about."""
    outcomes = read_checked(labels_path(bank, run, origin, bucket))
    outcomes = outcomes.filter(pc.is_in(outcomes.column("target"), value_set=pa.array(list(models))))
    buyers = pc.unique(outcomes.filter(pc.field("outcome") == 1).column("client_id"))
    snapshot = read_checked(snapshot_path(bank, run, origin, bucket))
    snapshot = snapshot.filter(pc.is_in(snapshot.column("client_id"), value_set=buyers))
    score = np.full((snapshot.num_rows, len(models)), np.nan)
    bought = np.zeros(score.shape, dtype=bool)
    for place, (target, model) in enumerate(models.items()):
        own = outcomes.filter(pc.field("target") == target)
        found = pc.index_in(snapshot.column("client_id"), value_set=own.column("client_id").combine_chunks())
        asked = np.asarray(pc.is_valid(found).to_numpy(), dtype=bool)
        if asked.any():
            score[asked, place] = model.predict(snapshot.filter(pa.array(asked)))
            bought[asked, place] = own.column("outcome").take(found.filter(pa.array(asked))).to_numpy() == 1
    return score, bought, pc.count_distinct(outcomes.column("client_id")).as_py()


def _product(target: str) -> str:
    return target.removeprefix(PREFIX)
