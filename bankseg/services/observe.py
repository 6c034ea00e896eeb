"""Observing a published run: drift of each version's score and attributes, agreement in shadow, and outcomes once they have matured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.domain.errors import ArtefactError
from bankseg.domain.horizon import Horizon
from bankseg.economics.drift import drift, histogram
from bankseg.economics.realised import by_decile, observed_over_expected
from bankseg.lake.local import LakeAt
from bankseg.lake.parquet import read_checked
from bankseg.propensity.artefacts import read_card
from bankseg.propensity.metrics import chance_ece_p95, expected_calibration_error, roc_auc
from bankseg.services.bank import Bank
from bankseg.services.challenge import as_model_reads, paired_gains
from bankseg.services.score import scores_path
from bankseg.services.shadow import agreement, shadow_column
from bankseg.services.snapshot import outcomes_of
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run

Vector = NDArray[np.float64]

LEAST_OUTCOMES = 5  # below it neither a ratio nor a ranking says anything


@dataclass(frozen=True, slots=True)
class Seen:
    """One version in a run's files: its column there, its card, and the row it belongs to. `Any`: JSON."""

    model: PropensityModel
    column: str
    card: Mapping[str, Any]

    @property
    def horizon(self) -> tuple[int, int]:
        """Gap and window in days."""
        return int(self.card["gap_days"]), int(self.card["horizon_days"])


def seen_in(bank: Bank, run: Run, models: Mapping[tuple[str, str], PropensityModel]) -> list[Seen]:
    """The versions a run scored with and beside, those whose artefact can be read."""
    wanted = [(target, digest, f"p:{target}") for target, digest in sorted(run.models.items())]
    wanted += [(target, digest, shadow_column(target, digest)) for target, digests in sorted(run.shadows.items()) for digest in digests]
    found = []
    for target, digest, column in wanted:
        model = models.get((target, digest))
        if model is None:
            continue
        try:
            found.append(Seen(model, column, read_card(bank.settings.artefacts, digest, bank.settings.key())))
        except ArtefactError:
            continue
    return found


def observe(bank: Bank, run: Run, seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Drift and agreement of each version on one run, as fields of its observation; empty when the run's files are gone. `Any`: column values."""
    tables = _scores(bank, run)
    if tables is None:
        return []
    found = []
    for one in seen:
        values = _column(tables, one.column)
        known = ~np.isnan(values)
        fields: dict[str, Any] = {"clients": int(known.sum()), **_score_drift(one, values[known])}
        fields["attributes"] = _attribute_drift(one, tables, known)
        served = _column(tables, f"p:{one.model.target}")
        fields["agreement"] = {} if one.column.startswith("p:") else agreement(served, values)
        gap, window = one.horizon
        fields["matures_on"] = Horizon(date.fromisoformat(run.as_of), gap, window).outcome_last_on.isoformat() if window else None
        found.append({"model": one.model, **fields})
    return found


def realised(bank: Bank, run: Run, seen: Sequence[Seen], lake: LakeAt, known_on: date) -> list[dict[str, Any]]:
    """What came true for each version whose window has closed by the day, as fields of its observation. `Any`: column values."""
    as_of = date.fromisoformat(run.as_of)
    matured = [one for one in seen if one.horizon[1] and Horizon(as_of, *one.horizon).has_matured(known_on)]
    tables = _scores(bank, run) if matured else None
    if tables is None:
        return []
    found = []
    for horizon in sorted({one.horizon for one in matured}):
        group = [one for one in matured if one.horizon == horizon]
        labels = _labels(bank, run, lake, Horizon(as_of, *horizon), sorted({one.model.target for one in group}), known_on)
        found += [{"model": one.model, "outcome": _outcome(tables, labels, one), "known_on": known_on.isoformat()} for one in group]
    return found


def _scores(bank: Bank, run: Run) -> list[pa.Table] | None:
    paths = [scores_path(bank, run.id or 0, bucket) for bucket in range(int(run.plan["buckets"]))]
    try:
        return [read_checked(path) for path in paths]
    except ArtefactError:  # gone or damaged: nothing can be said of this run
        return None


def _score_drift(one: Seen, values: Vector) -> dict[str, Any]:
    expected = one.model.reference.get("score")
    if not expected or not len(values):
        return {"score_psi": None, "score_p_value": None, "score_level": "steady"}
    found = drift(np.array(expected), histogram(values, np.array(one.card["score_cuts"])))
    return {"score_psi": found.psi, "score_p_value": found.p_value, "score_level": found.level}


def _attribute_drift(one: Seen, tables: Sequence[pa.Table], known: NDArray[np.bool_]) -> dict[str, Any]:
    cuts = one.card["feature_cuts"]
    gain = {entry["feature"]: entry["gain_share"] for entry in one.card.get("importance") or []}
    found = {}
    for name, expected in (one.model.reference.get("features") or {}).items():
        values = np.concatenate([as_model_reads(table, name) for table in tables])[known]
        if len(values):
            moved = drift(np.array(expected), histogram(values, np.array(cuts[name])))
            found[name] = {"psi": moved.psi, "p_value": moved.p_value, "level": moved.level, "gain_share": gain.get(name, 0.0)}
    return found


def _labels(bank: Bank, run: Run, lake: LakeAt, horizon: Horizon, targets: list[str], known_on: date) -> pa.Table:
    parts = [outcomes_of(bank, lake, bucket, horizon, targets, known_on) for bucket in range(int(run.plan["buckets"]))]
    return pa.concat_tables(parts)


def _outcome(tables: Sequence[pa.Table], labels: pa.Table, one: Seen) -> dict[str, Any]:
    """Deciles, ranking and calibration of one version on the clients whose outcome is known; its gain over the version that served."""
    own = labels.filter(pc.field("target") == one.model.target)
    clients = pa.chunked_array([chunk for table in tables for chunk in table.column("client_id").chunks])
    places = pc.index_in(own.column("client_id"), value_set=clients)
    known = pc.is_valid(places)
    at = places.filter(known).to_numpy()
    label = own.column("outcome").filter(known).to_numpy().astype(np.int8)
    probability, served = _column(tables, one.column)[at], _column(tables, f"p:{one.model.target}")[at]
    both = ~(np.isnan(probability) | np.isnan(served))
    label, probability, served = label[both], probability[both], served[both]
    positives = int(label.sum())
    found: dict[str, Any] = {"clients": len(label), "positives": positives}
    if min(positives, len(label) - positives) < LEAST_OUTCOMES:
        return {**found, "deciles": by_decile(label, probability), "ratio": None, "ratio_low": None, "ratio_high": None, "roc_auc": None, "ece": None}
    ratio = observed_over_expected(positives, float(probability.sum())) or {}
    gain = {} if one.column.startswith("p:") else paired_gains(label, probability, served, seed=len(label))
    return {
        **found,
        "deciles": by_decile(label, probability),
        "ratio": ratio.get("value"),
        "ratio_low": ratio.get("low"),
        "ratio_high": ratio.get("high"),
        "roc_auc": roc_auc(label, probability),
        "ece": expected_calibration_error(label, probability),
        "ece_chance_p95": chance_ece_p95(probability, seed=len(label)),
        **gain,
    }


def _column(tables: Sequence[pa.Table], name: str) -> Vector:
    parts = [table.column(name).to_numpy() if name in table.column_names else np.full(table.num_rows, np.nan) for table in tables]
    return np.concatenate(parts).astype(np.float64)
