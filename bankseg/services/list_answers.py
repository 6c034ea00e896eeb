"""What the clients of a list answered in surveys after it went out: treated against control, question by question."""

import math
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlmodel import Session

from bankseg.economics.comparisons import Interval, compare_means
from bankseg.economics.realised import Z_95
from bankseg.lake.extent import bucket_count
from bankseg.lake.local import LakeAt, LocalBucket
from bankseg.lake.parquet import write_whole
from bankseg.services.list_builder import members_path
from bankseg.services.list_results import MATURED, ListResults
from bankseg.settings import Settings
from bankseg.storage.client_list import ClientList
from bankseg.storage.run import Run

LEAST_ANSWERS = 30  # of an arm before a mean of them is told, as for the rates of age groups
FIELDS: list[tuple[str, pa.DataType]] = [("question", pa.string()), ("arm", pa.string()), ("answer_value", pa.float64()), ("clients", pa.int64())]
SCHEMA = pa.schema(FIELDS)


@dataclass(frozen=True, slots=True)
class Answered:
    """One question: how many of each arm answered it in numbers, the means in the question's own unit, and treated less control; None with fewer than 30 of an arm."""

    question: str
    treated: int
    control: int
    treated_mean: float | None
    control_mean: float | None
    difference: Interval | None
    p_value: float | None


def answers_of(settings: Settings, session: Session, row: ClientList, results: ListResults) -> list[Answered] | None:
    """The questions answered after the first contact, as known on the date of the run the results are of; None where that run knows no surveys, or has not come."""
    if results.state != MATURED or results.first_on is None:
        return None
    run = session.get_one(Run, results.run_id)
    if "surveys" not in run.table_versions:
        return None
    return told(pq.read_table(_file(settings, row, run, results.first_on)))


def told(counts: pa.Table) -> list[Answered]:
    """Every question of a table of counts (question, arm, answer_value, clients), by name."""
    values: dict[str, dict[str, list[tuple[float, int]]]] = {}
    for one in counts.to_pylist():
        values.setdefault(one["question"], {}).setdefault(one["arm"], []).append((one["answer_value"], one["clients"]))
    return [_question(question, _each(arms.get("treated", [])), _each(arms.get("control", []))) for question, arms in sorted(values.items())]


def document(found: list[Answered] | None) -> list[dict[str, Any]] | None:
    """The questions as JSON; null where no survey is known."""
    if found is None:
        return None
    return [
        {
            "question": one.question, "treated": one.treated, "control": one.control, "treated_mean": one.treated_mean, "control_mean": one.control_mean,
            "difference": one.difference and {"value": one.difference.value, "low": one.difference.low, "high": one.difference.high}, "p_value": one.p_value,
        }
        for one in found
    ]  # fmt: skip


def _question(question: str, treated: NDArray[np.float64], control: NDArray[np.float64]) -> Answered:
    mean, other = _mean(treated), _mean(control)
    if mean is None or other is None:
        return Answered(question, len(treated), len(control), mean, other, None, None)
    found = compare_means(treated, control)
    margin = 0.0 if math.isnan(found.error) else Z_95 * found.error
    return Answered(question, len(treated), len(control), mean, other, Interval(found.effect, found.effect - margin, found.effect + margin), found.p_value)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) >= LEAST_ANSWERS else None


def _each(counted: list[tuple[float, int]]) -> NDArray[np.float64]:
    values, clients = [value for value, _ in counted], [number for _, number in counted]
    return np.repeat(np.asarray(values, dtype=np.float64), clients)


def _file(settings: Settings, row: ClientList, run: Run, first: date) -> Path:
    """File of the counts of answers, which name no client; written on first use."""
    path = members_path(settings, row.id or 0).with_name(f"answers-of-run-{run.id}.parquet")
    if not path.exists():
        write_whole(_counted(settings, row, run, first), path)
    return path


def _counted(settings: Settings, row: ClientList, run: Run, first: date) -> pa.Table:
    lake = LakeAt(settings.lake, {"surveys": run.table_versions["surveys"]}, run.file_hashes, {}, settings.duckdb_memory)
    sql = files("bankseg.segments").joinpath("list_answers.sql").read_text(encoding="utf-8")
    parameters = {"first": first, "members": str(members_path(settings, row.id or 0))}
    found = []
    for bucket in range(bucket_count(settings.lake)):
        with LocalBucket(lake, bucket, date.fromisoformat(run.as_of)) as connection:
            if "surveys" in connection.tables:
                found.append(connection.arrow(sql, parameters).cast(SCHEMA))
    return pa.concat_tables([SCHEMA.empty_table(), *found])
