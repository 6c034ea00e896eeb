"""Evaluating the propensity room on any flat labelled file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError, TooFewPositivesError
from bankseg.propensity.arrow import Column, compute
from bankseg.propensity.booster import Matrix, raw_scores
from bankseg.propensity.calibration import log_loss
from bankseg.propensity.crossval import FOLDS, Progress, cross_validate
from bankseg.propensity.dataset import learn_encoding, numbers
from bankseg.propensity.flatcolumns import FlatColumns, as_days, as_number, known, type_columns
from bankseg.propensity.flatread import as_text, is_plain, read_flat
from bankseg.propensity.leakage import refuse_leaks
from bankseg.propensity.metrics import NAMES, Metric, chance_ece_p95, gains, measure, reliability
from bankseg.propensity.recipe import fit_recipe, recipe_in_time

SEED = 20_260_101
LEAST_ROWS, LEAST_OUTCOMES = 60, 20
# A slice in time may hold fewer: its intervals say how little it shows.
LEAST_SLICE_ROWS, LEAST_SLICE_OUTCOMES = 20, 8
MOST_WORKERS = 2
# Values that mean yes when the caller does not say which one is positive, by their usual counterpart.
USUAL_POSITIVES = {("0", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("-1", "1"), ("non", "oui")}
TEST_SHARE, CALIBRATION_SHARE = 0.2, 0.2
MODEL_LEAK_AUC = 0.98
# The names of a report, where they differ from those of a card.
SHORT_NAMES = {"roc_auc": "auc", "calibration_slope": "slope", "calibration_intercept": "intercept", "empc_fraction": "empc_contact_fraction"}
CROSS_VALIDATION = f"cross-validated: stratified {FOLDS}-fold, pooled; no time in the data, so it says nothing about the future"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The report, and the judged rows behind it. `Any`: the report is JSON."""

    report: dict[str, Any]
    label: NDArray[np.int8]
    probability: NDArray[np.float64]


def evaluate_file(
    path: Path | str, label: str, positive: Sequence[str] | str | None = None, drop: Sequence[str] = (), time: str | None = None, seed: int = SEED
) -> dict[str, Any]:
    """Train and validate on a flat file; the report behind `bankseg evaluate`.

    Parameters
    ----------
    path
        CSV (any usual dialect, gz too), Parquet or XLSX, one row per client.
    label
        Outcome column.
    positive
        Value or values that mean the outcome happened; found out for 0/1, yes/no, true/false.
    drop
        Columns to leave out.
    time
        Column of dates or sortable numbers: the past trains, a later part calibrates, the last part judges.
    seed
        Same file and seed give the same figures.

    Returns
    -------
    dict
        Flat `auc`, `auc_low`, `auc_high` and so on, `metrics` nested, columns used and left out, validation, notes. `Any`: JSON.

    Raises
    ------
    InputError
        When the file, the label or a named column cannot be used.
    TooFewPositivesError
        When there are too few positives, or negatives, to judge anything.
    LeakageError
        When a column alone tells the outcome; names it.
    """
    return evaluate_flat(path, label, positive, drop, time, seed).report


def evaluate_flat(
    path: Path | str,
    label: str,
    positive: Sequence[str] | str | None = None,
    drop: Sequence[str] = (),
    time: str | None = None,
    seed: int = SEED,
    *,
    progress: Progress | None = None,
) -> Evaluation:
    """As `evaluate_file`, with the judged rows."""
    table, broken = read_flat(Path(path))
    _require_columns(table, [label, *drop, *([time] if time else [])])
    if label in drop or label == time:
        raise InputError(f"{label} is the label and cannot be dropped or used as time", "another column", "correct the options")
    outcome, has_label, positives_are = _outcome(table.column(label), label, positive)
    when = _times(table.column(time), time) if time else None
    used = has_label if when is None else has_label & ~np.isnan(when)
    y = outcome[used]
    _require_outcomes(y, label, Path(path).name)
    columns = type_columns(table.drop_columns(list(dict.fromkeys([label, *drop, *([time] if time else [])]))).filter(pa.array(used)))
    _require_features(columns, Path(path).name)
    encoding = learn_encoding(columns.table, columns.features)
    data = Matrix(encoding.matrix(columns.table), y, tuple(encoding.categorical))
    suspects = refuse_leaks(encoding, data.x, y, seed=seed)
    judged = _by_folds(data, columns.groups, seed, progress) if when is None else _by_time(data, when[used], label, seed, progress)
    measured = measure(judged.label, judged.probability, seed=seed)
    report = {
        "file": Path(path).name, "label": label, "positive": positives_are, "rows": len(y), "positives": int(y.sum()), "base_rate": float(y.mean()), "seed": seed,
        **judged.about,
        **_flat(measured),
        "log_loss": float(log_loss(judged.label, judged.probability).mean()),
        "ece_chance_p95": chance_ece_p95(judged.probability, seed=seed),
        "metrics": {SHORT_NAMES.get(name, name): metric.as_json() for name, metric in measured.items()},
        "features": [feature.name for feature in encoding.features],
        "dropped": [{"column": name, "reason": "asked for"} for name in dict.fromkeys(drop)] + columns.dropped,
        "notes": _notes(columns, broken, len(outcome) - len(y)),
        "warnings": [*_warnings(suspects, measured["roc_auc"]), *(_later_dates(columns, table.column(time).filter(pa.array(used))) if time else [])],
        "reliability": reliability(judged.label, judged.probability),
        "gains": gains(judged.label, judged.probability),
    }  # fmt: skip
    return Evaluation(report, judged.label, judged.probability)


@dataclass(frozen=True, slots=True)
class _Judged:
    label: NDArray[np.int8]
    probability: NDArray[np.float64]
    about: dict[str, Any]


def _by_folds(data: Matrix, groups: NDArray[np.intp] | None, seed: int, progress: Progress | None) -> _Judged:
    found = cross_validate(data, seed=seed, workers=_workers(), groups=groups, progress=progress)
    about = {"validation": CROSS_VALIDATION, "folds": FOLDS, "calibration": ", ".join(sorted(set(found.calibrations))), "rows_judged": len(data.y)}
    return _Judged(data.y, found.probability, about)


def _by_time(data: Matrix, when: NDArray[np.float64], label: str, seed: int, progress: Progress | None) -> _Judged:
    """The past chooses rounds and trains, a later part calibrates, the last part judges; equal times never part."""
    calibration_from, test_from = _cut_times(when)
    past, later, last = when < calibration_from, (when >= calibration_from) & (when < test_from), when >= test_from
    for where, mask in (("the training part", past), ("the calibration part", later), ("the test part", last)):
        _require_outcomes(data.y[mask], label, where, rows=LEAST_SLICE_ROWS, outcomes=LEAST_SLICE_OUTCOMES)
    recipe, _ = recipe_in_time(data.rows(past), data.rows(later), seed=seed)
    if progress:
        progress("train", 0.8)
    probability = recipe.calibrator(raw_scores(fit_recipe(data.rows(past | later), recipe), data.x[last], threads=1))
    rows = {"train": int(past.sum()), "calibration": int(later.sum()), "test": int(last.sum())}
    about = {
        "validation": "out of time: trained on the past, stopped and calibrated on a later part, judged on the last part",
        "folds": None, "calibration": recipe.calibrator.method, "rows_judged": rows["test"], "slices": rows,
        "base_rate_judged": float(data.y[last].mean()), "base_rate_train": float(data.y[past].mean()),
    }  # fmt: skip
    return _Judged(data.y[last], probability, about)


def _cut_times(when: NDArray[np.float64]) -> tuple[float, float]:
    times, rows = np.unique(when, return_counts=True)
    if len(times) < 3:
        raise InputError(f"the time column has {len(times)} different values", "3 or more", "name a column with dates, or leave --time out")
    before = np.concatenate([[0], np.cumsum(rows)[:-1]]) / len(when)
    test = int(np.clip(np.argmin(np.abs(before - (1 - TEST_SHARE))), 2, len(times) - 1))
    calibration = int(np.clip(np.argmin(np.abs(before - (1 - TEST_SHARE - CALIBRATION_SHARE))), 1, test - 1))
    return float(times[calibration]), float(times[test])


def _workers() -> int:
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0))))


def _require_columns(table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, 3, 0.5)
            remedy = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(table.column_names[:30])}"
            raise InputError(f"there is no column {name!r}", "a column of the file", remedy)


def _require_outcomes(y: NDArray[np.int8], label: str, where: str, *, rows: int = LEAST_ROWS, outcomes: int = LEAST_OUTCOMES) -> None:
    positives = int(y.sum())
    fewer = min(positives, len(y) - positives)
    if len(y) and not fewer:
        raise InputError(
            f"{label} has one class only in {where}: {len(y)} rows, {positives} positives",
            "rows with and without the outcome",
            "check the label and --positive",
        )
    if len(y) < rows:
        raise InputError(f"{where} has {len(y)} rows with a known outcome", f"{rows} or more", "use a larger file")
    if fewer < outcomes:
        raise TooFewPositivesError(label if fewer == positives else f"{label} (outcome absent)", fewer, outcomes, where)


def _require_features(columns: FlatColumns, name: str) -> None:
    if not columns.features:
        why = "; ".join(f"{entry['column']}: {entry['reason']}" for entry in columns.dropped) or "there are no columns"
        raise InputError(f"{name} has no usable feature ({why})", "one feature or more", "drop fewer columns")


def _outcome(column: Column, name: str, positive: Sequence[str] | str | None) -> tuple[NDArray[np.int8], NDArray[np.bool_], list[str]]:
    """Outcome per row, whether it is known, and the values that were read as positive."""
    if not is_plain(column):
        raise InputError(f"the label {name} holds lists, records or bytes", "one plain value per row", "check --label")
    text = known(column)
    values = sorted(value for value in compute.unique(text).to_pylist() if value is not None)
    given = [value for part in ([positive] if isinstance(positive, str) else positive or ()) for value in _split(part, values)]
    if not values:
        raise InputError(f"the label {name} is missing in every row", "an outcome per row", "check --label")
    chosen = _named_positives(column, name, given, values) if given else [_usual_positive(name, values)]
    has_label = np.asarray(compute.is_valid(text).to_numpy(), dtype=bool)
    if set(chosen) - set(values):  # a value that reads as missing elsewhere ("none") was named as an outcome
        text, has_label = as_text(column), np.ones(len(column), dtype=bool)
    outcome = np.asarray(compute.fill_null(compute.is_in(text, value_set=pa.array(chosen, pa.string())), False).to_numpy(), dtype=np.int8)
    return outcome, has_label, chosen


def _split(given: str, values: Sequence[str]) -> list[str]:
    """Values written with commas, unless the whole text is itself a value of the label."""
    return [given] if given in values else [value for value in given.split(",") if value.strip()]


def _named_positives(column: Column, name: str, given: Sequence[str], values: Sequence[str]) -> list[str]:
    raw = [value for value in compute.unique(as_text(column)).to_pylist() if value is not None]
    found: list[str] = []
    for value in given:
        exact = [v for v in raw if v == value.strip()] or [v for v in raw if v.casefold() == value.strip().casefold()] or _same_number(value, raw)
        if not exact:
            shown = ", ".join(values[:10])
            raise InputError(f"no row has {name} = {value!r}", f"one of the label's values: {shown}{' ...' if len(values) > 10 else ''}", "correct --positive")
        found += exact
    return list(dict.fromkeys(found))


def _same_number(value: str, raw: Sequence[str]) -> list[str]:
    def number(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None

    wanted = number(value)
    return [v for v in raw if wanted is not None and number(v) == wanted]


def _usual_positive(name: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        raise InputError(f"the label {name} is {values[0]!r} in every row", "rows with and without the outcome", "check --label")
    if len(values) == 2:
        low, high = sorted(values, key=str.casefold)
        as_words = tuple(_word(value) for value in (low, high))
        if as_words in USUAL_POSITIVES:
            return high
    shown = ", ".join(values[:10])
    raise InputError(
        f"the label {name} has the values {shown}{' ...' if len(values) > 10 else ''}",
        "0/1, yes/no or true/false, or --positive",
        "say which value is the outcome with --positive",
    )


def _word(value: str) -> str:
    try:
        return f"{float(value):g}"
    except ValueError:
        return value.casefold()


def _times(column: Column, name: str) -> NDArray[np.float64]:
    if pa.types.is_temporal(column.type):
        stamps = np.asarray(compute.cast(column, pa.timestamp("us")).to_numpy(), dtype="datetime64[us]")
        return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64).astype(np.float64))
    if not is_plain(column):
        raise InputError(f"the time column {name} holds lists, records or bytes", "dates or numbers", "check --time")
    text = known(column)
    found = as_number(text)
    found = as_days(text) if found is None else found
    if found is None:
        example = next((value for value in text.slice(0, 1000).to_pylist() if value), "")
        raise InputError(
            f"the time column {name} is neither dates in one format nor numbers (for example {example!r})",
            "2025-12-31, 31/12/2025, 31.12.2025 or a number",
            "convert it, or leave --time out",
        )
    return found


def _flat(measured: Mapping[str, Metric]) -> dict[str, float]:
    flat: dict[str, float] = {}
    for name in NAMES:
        metric, short = measured[name], SHORT_NAMES.get(name, name)
        flat |= {short: metric.value, f"{short}_low": metric.low, f"{short}_high": metric.high}
    return flat


def _notes(columns: FlatColumns, broken: int, without_label: int) -> list[str]:
    notes = list(columns.notes)
    if broken:
        notes.append(f"{broken} rows with more or fewer fields than the header are left out")
    if without_label:
        notes.append(f"{without_label} rows without a known outcome (or time) are left out")
    return notes


def _later_dates(columns: FlatColumns, time: Column) -> list[str]:
    """Date columns that hold days after their row's own time: recorded later than the row pretends."""
    moment = as_days(known(time)) if columns.dates else None
    if moment is None:
        return []
    rows = {name: int((numbers(columns.table.column(name)) > moment).sum()) for name in columns.dates}
    return [f"{name}: lies after the row's own time in {count:,} rows; was it known before the outcome?" for name, count in rows.items() if count]


def _warnings(suspects: Sequence[Any], auc: Metric) -> list[str]:
    found = [
        f"{finding.feature}: alone has an AUC of {finding.auc:.3f}; was it known before the outcome?"
        if not finding.is_one_sided
        else f"{finding.feature}: wherever it differs from its commonest value the outcome has happened; was it known before the outcome?"
        for finding in suspects
    ]
    if auc.value > MODEL_LEAK_AUC:
        found.append(f"the model's AUC of {auc.value:.3f} is higher than honest bank data gives: look for columns known only after the outcome")
    return found
