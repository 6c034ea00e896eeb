"""Bottom-up studies: clusters of like clients, how far they can be believed, their cards, their pictures, and the rule nearest to each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.attributes import Attribute
from bankseg.segments.cluster_rule import rule_of
from bankseg.segments.clusters import (
    NUMBERS_OF_CLUSTERS,
    Candidate,
    Clustering,
    candidates,
    cards,
    chosen,
    density,
    density_fit,
    examined,
    k_means,
    k_means_fit,
)
from bankseg.segments.encoding import Encoding
from bankseg.segments.profile import traits
from bankseg.services.rolls import OpenRoll
from bankseg.services.study_inputs import clients_table, currency_of, names_of
from bankseg.services.study_outcome import Outcome
from bankseg.services.study_tree import active

Matrix = NDArray[np.float64]
Told = Callable[[int, int, str], None]

METHODS = ("k_means", "density")
STEPS = 6
# Dense clusters are found anew in every bootstrap sample, which costs the square of its rows.
DENSITY_DRAWS, DENSITY_ROWS = 20, 2_000
RULE_ROWS = 100_000
PROFILE_ROWS = 50_000
POINTS = 900
WORTH = ("value_12m_minor", "churn")


def cluster_parameters(asked: Mapping[str, Any], attributes: list[str]) -> dict[str, Any]:
    """The parameters of a clustering as they are recorded; `k` null leaves the number of clusters to their stability.

    Raises
    ------
    InputError
        When the method is unknown, the number of clusters is out of reason, or fewer than two attributes are left.
    """
    method, k = str(asked.get("method") or METHODS[0]), int(asked["k"]) if asked.get("k") else None
    if method not in METHODS or (k is not None and k not in NUMBERS_OF_CLUSTERS):
        raise InputError(f"method {method[:20]!r}, {k} clusters", f"{' or '.join(METHODS)}, {NUMBERS_OF_CLUSTERS[0]} to {NUMBERS_OF_CLUSTERS[-1]} clusters")
    if len(attributes) < 2:
        raise InputError(f"{len(attributes)} attributes", "two or more", "choose what likeness is measured by")
    return {"method": method, "k": None if method == "density" else k, "attributes": attributes}


def cluster(roll: OpenRoll, attributes: Mapping[str, Attribute], parameters: Mapping[str, Any], seed: int, told: Told) -> Outcome:
    """Cluster the active clients of a run.

    Raises
    ------
    InputError
        When the clients are too much alike for two clusters.
    """
    told(0, STEPS, "reading clients")
    names: list[str] = parameters["attributes"]
    table = clients_table(roll, [*names, *WORTH])
    matrix = Encoding.learn(table, names).encode(table)
    told(1, STEPS, "trying numbers of clusters")
    tried = candidates(matrix, seed=seed) if parameters["method"] == "k_means" and parameters["k"] is None else []
    told(2, STEPS, f"clustering {table.num_rows} clients")
    found = _clustered(matrix, parameters, tried, seed)
    told(3, STEPS, "testing the clusters on other samples")
    judged = _judged(matrix, found, str(parameters["method"]), seed)
    told(4, STEPS, "putting the clusters into words and rules")
    sampled = _sample(table.num_rows, RULE_ROWS, seed)
    part, labels = table.take(sampled), found.labels[sampled]
    result = {
        "clients": table.num_rows,
        "noise": int((found.labels < 0).sum()),
        "candidates": [candidate.told() for candidate in tried],
        "judged": judged.told(),
        "cards": _cards(table, found, names, (names_of(attributes), currency_of(roll)), seed),
        "rules": [_rule(part, labels == number, names) for number in range(found.clusters)],
        "heat": _heat(part, labels, names, found.clusters),
        "picture": _picture(matrix, found.labels, seed),
    }
    told(STEPS, STEPS, "")
    rows = pa.table({"client_id": table.column("client_id").combine_chunks(), "cluster": pa.array(found.labels, pa.int64())})
    return Outcome(result, rows)


def worth(table: pa.Table) -> dict[str, Any]:
    """Value over 12 months of these clients, summed in minor units, and their mean churn; null where nobody's is known."""
    value, churn = (pc.sum(table.column("value_12m_minor")).as_py() if "value_12m_minor" in table.column_names else None,
                    pc.mean(table.column("churn")).as_py() if "churn" in table.column_names else None)  # fmt: skip
    return {"value_12m_minor": value, "mean_churn": churn}


def cluster_scheme(code: str, label_en: str, label_fr: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a scheme of the rules nearest to the clusters, the most faithful first; a client that several hold for belongs to the first.

    Raises
    ------
    InputError
        When no cluster has a rule.
    """
    ruled = sorted((rule["f1"], -number, rule) for number, rule in enumerate(result["rules"]) if rule)
    if not ruled:
        raise InputError("no cluster can be told by a rule", "a cluster with a rule", "choose attributes that part the clients")
    segments = [
        {"code": f"cluster_{1 - minus}", "label_en": f"Cluster {1 - minus}", "label_fr": f"Groupe {1 - minus}", "action": "", "when": rule["rule"]}
        for _, minus, rule in reversed(ruled)
    ]
    others = {"code": "others", "label_en": "Others", "label_fr": "Autres", "action": ""}
    return {
        "code": code, "label_en": label_en, "label_fr": label_fr, "purpose": "marketing", "is_exclusive": True, "objective": "", "kpi": "", "owner": "",
        "review_on": None, "segment": [*segments, others],
    }  # fmt: skip


def _clustered(matrix: Matrix, parameters: Mapping[str, Any], tried: Sequence[Candidate], seed: int) -> Clustering:
    found = density(matrix, seed=seed) if parameters["method"] == "density" else k_means(matrix, parameters["k"] or chosen(tried).k, seed=seed)
    if found.clusters < 2:
        raise InputError(f"{found.clusters} cluster of {len(matrix)} clients", "two or more", "choose attributes that part the clients, or the other method")
    return found


def _judged(matrix: Matrix, found: Clustering, method: str, seed: int) -> Candidate:
    if method == "density":
        return examined(matrix, found, density_fit(), draws=DENSITY_DRAWS, seed=seed, rows=DENSITY_ROWS)
    return examined(matrix, found, k_means_fit(found.clusters), seed=seed)


def _cards(table: pa.Table, found: Clustering, names: Sequence[str], words: tuple[Mapping[str, tuple[str, str]], str], seed: int) -> list[dict[str, Any]]:
    """Cards in words from a sample, with the sizes of the whole."""
    sampled = _sample(table.num_rows, PROFILE_ROWS, seed)
    told = cards(table.take(sampled), found.labels[sampled], names, names=words[0], currency=words[1])
    for card in told:
        inside = found.labels == card["cluster"]
        card["clients"], card["share"] = int(inside.sum()), float(inside.mean())
        card.update(worth(table.filter(pa.array(inside))))
    return told


def _rule(table: pa.Table, members: NDArray[np.bool_], names: Sequence[str]) -> dict[str, Any] | None:
    """The rule nearest to a cluster with its fidelity; none where no question tells it from the others."""
    try:
        found = rule_of(table, members, names)
    except InputError:
        return None
    precision, recall = found.fidelity.precision, found.fidelity.recall
    f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
    return {
        "rule": active(found.rule), "precision": precision, "recall": recall, "agreement": found.fidelity.agreement, "n": found.fidelity.n,
        "f1": f1 if np.isfinite(f1) else 0.0,
    }  # fmt: skip


def _heat(table: pa.Table, labels: NDArray[np.int64], names: Sequence[str], clusters: int) -> dict[str, Any]:
    """The strongest difference of each attribute in each cluster, in standard deviations (Cohen's h for categories)."""
    cells: dict[str, list[float | None]] = {name: [None] * clusters for name in names}
    for number in range(clusters):
        members = labels == number
        if 0 < members.sum() < len(labels):
            for trait in reversed(traits(table, members, names)):  # the strongest last: it stays
                cells[trait.attribute][number] = trait.effect
    strength = {name: max((abs(value) for value in row if value is not None and np.isfinite(value)), default=0.0) for name, row in cells.items()}
    order = sorted(names, key=lambda name: -strength[name])
    return {"attributes": order, "cells": [cells[name] for name in order]}


def _picture(matrix: Matrix, labels: NDArray[np.int64], seed: int) -> dict[str, Any]:
    """Some clients on the two directions in which they differ most (principal components), within [0, 1], and the part of all difference these show."""
    from sklearn.decomposition import PCA

    sampled = _sample(len(matrix), PROFILE_ROWS, seed)
    axes = PCA(n_components=min(2, matrix.shape[1]), random_state=seed).fit(matrix[sampled])
    shown = _sample(len(matrix), POINTS, seed + 1)
    places = axes.transform(matrix[shown])
    if places.shape[1] == 1:
        places = np.column_stack([places, np.zeros(len(places))])
    low, high = np.quantile(places, 0.01, axis=0), np.quantile(places, 0.99, axis=0)
    scaled = np.clip((places - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    points = [[round(float(x), 4), round(float(y), 4), int(label)] for (x, y), label in zip(scaled, labels[shown], strict=True)]
    return {"points": points, "shown": [float(part) for part in axes.explained_variance_ratio_]}


def _sample(rows: int, most: int, seed: int) -> NDArray[np.int64]:
    if rows <= most:
        return np.arange(rows, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False)).astype(np.int64)
