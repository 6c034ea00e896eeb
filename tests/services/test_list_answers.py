"""Survey answers of a list's arms after it went out: hand-computed means, what is too few, and nothing known later than the run."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bankseg.lake.files import table_versions
from bankseg.services import list_answers
from bankseg.services.list_answers import SCHEMA, Answered, answers_of, told
from bankseg.services.list_builder import members_path
from bankseg.services.list_results import MATURED, NOT_MATURED, ListResults
from bankseg.settings import Settings
from bankseg.storage import tables
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.run import Run
from tests.small_lake import SmallLake

CONTACT_ON, RUN_ON = date(2025, 9, 30), date(2025, 12, 31)


def counts(*rows: tuple[str, str, float, int]) -> pa.Table:
    return pa.table(dict(zip(SCHEMA.names, zip(*rows, strict=True), strict=True)), schema=SCHEMA)


def test_the_difference_of_means_has_welch_s_interval() -> None:
    [found] = told(counts(("recall", "treated", 8.0, 20), ("recall", "treated", 10.0, 20), ("recall", "control", 6.0, 15), ("recall", "control", 8.0, 15)))

    assert (found.treated, found.control, found.treated_mean, found.control_mean) == (40, 30, 9.0, 7.0)
    # variances 40/39 and 30/29, so the error is sqrt(1/39 + 1/29) = 0.245205; 1.959964 of them either side
    assert found.difference.value == 2.0
    assert (found.difference.low, found.difference.high) == (pytest.approx(1.519408, abs=1e-5), pytest.approx(2.480592, abs=1e-5))
    assert found.p_value < 0.001


def test_fewer_than_thirty_answers_of_an_arm_tell_how_many_and_no_difference() -> None:
    [found] = told(counts(("recall", "treated", 8.0, 30), ("recall", "control", 6.0, 29)))

    assert found == Answered("recall", 30, 29, 8.0, None, None, None)


def test_a_question_only_one_arm_answered_compares_nothing() -> None:
    assert told(counts(("recall", "treated", 8.0, 30)))[0].control == 0
    assert told(SCHEMA.empty_table()) == []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A list of three treated and one of the control group, with answers before, after and unknown at the run."""
    lake = SmallLake(tmp_path / "lake")
    answer = {"wave": "autumn", "question": "recall", "answered_on": date(2025, 11, 1)}
    lake.add(
        "surveys",
        answer | {"client_id": "T1", "answer_value": 9.0}, answer | {"client_id": "T1", "wave": "early", "answered_on": date(2025, 10, 5), "answer_value": 2.0},
        answer | {"client_id": "T2", "answered_on": CONTACT_ON, "answer_value": 1.0}, answer | {"client_id": "T3", "answered_on": date(2026, 1, 2), "answer_value": 1.0},
        answer | {"client_id": "C1", "answer_value": 5.0}, answer | {"client_id": "X1", "answer_value": 1.0},
        answer | {"client_id": "T3", "question": "late", "answer_value": 7.0, "recorded_on": date(2026, 1, 3)},
    )  # fmt: skip
    made = Settings(home=tmp_path / "home", lake_url=str(tmp_path / "lake"))
    made.home.mkdir()
    engine = make_engine(made.store)
    tables.METADATA.create_all(engine)
    with transaction(engine) as session:
        session.add(Run(key="run", as_of=RUN_ON.isoformat(), state="published", table_versions=table_versions(made.lake)))
        session.add(Run(key="without", as_of=RUN_ON.isoformat(), state="published"))
    engine.dispose()
    members = members_path(made, 1)
    members.parent.mkdir(parents=True)
    pq.write_table(pa.table({"client_id": ["T1", "T2", "T3", "C1"], "arm": ["treated"] * 3 + ["control"]}), members)
    return made


def asked(settings: Settings, results: ListResults) -> list[Answered] | None:
    engine = make_engine(settings.store)
    with reading(engine) as session:
        found = answers_of(settings, session, ClientList(id=1), results)
    engine.dispose()
    return found


def test_the_latest_answer_after_the_contact_and_known_to_the_run_counts(settings: Settings) -> None:
    found = asked(settings, ListResults(MATURED, CONTACT_ON, RUN_ON, 1))

    assert found == [Answered("recall", 1, 1, None, None, None, None)]
    kept = pq.read_table(members_path(settings, 1).with_name("answers-of-run-1.parquet")).to_pylist()
    assert sorted((row["arm"], row["answer_value"], row["clients"]) for row in kept) == [("control", 5.0, 1), ("treated", 9.0, 1)]
    assert list_answers.document(found)[0] | {"difference": None} == {
        "question": "recall", "treated": 1, "control": 1, "treated_mean": None, "control_mean": None, "difference": None, "p_value": None,
    }  # fmt: skip


def test_no_survey_and_no_results_are_no_data(settings: Settings) -> None:
    assert asked(settings, ListResults(MATURED, CONTACT_ON, RUN_ON, 2)) is None
    assert asked(settings, ListResults(NOT_MATURED, CONTACT_ON, RUN_ON)) is None
    assert list_answers.document(None) is None
