"""Tuning by jobs: what is asked for is searched once, goes on where it stopped, and settles how the next training grows its trees."""

import pytest
from sqlmodel import select

from bankseg.domain.errors import InputError
from bankseg.domain.jobs import JobState, RunState, Stage
from bankseg.features.catalogue import Feature
from bankseg.propensity.targets import targets_for
from bankseg.services import tune
from bankseg.services.follow import RunFailedError
from bankseg.services.jobs import execute_job
from bankseg.services.runs import start_run
from bankseg.services.tree_settings import journal_of, key_of, meaning_of, policy_growth, setup_for, setup_of_card
from bankseg.services.tune import Budget, ask_for_tuning, follow_tuning
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.propensity.builders import FEATURES
from tests.propensity.test_backtest import LONG_PLAN, over
from tests.services.conftest import AS_OF, drive, run_row

TARGET = targets_for({}, [])[0]
IN_TIME = {"train": [day.isoformat() for day in LONG_PLAN.train], "calibration": "2025-04-30", "test": "2025-08-31", "gap_days": 7, "outcome_days": 90}


@pytest.fixture
def run(bank, bell, monkeypatch):
    """A run that plans one target, whose rows come from a known law instead of snapshots."""
    monkeypatch.setattr(tune, "ring", bell.ring)
    monkeypatch.setattr(tune, "gather", lambda *_: over(LONG_PLAN, rows=150))
    monkeypatch.setattr(tune, "model_features", lambda *_: [Feature(f.name, f.name, "", f.family, "", (), type=f.type) for f in FEATURES])
    run_id = start_run(bank, AS_OF, Stage.SNAPSHOT)
    drive(bank)
    with transaction(bank.engine) as session:
        row = session.get_one(Run, run_id)
        row.plan = {**row.plan, "targets": {TARGET.name: IN_TIME}}
    return run_row(bank, run_id)


def searched(bank, run, budget):
    """Ask for a search, do it here, and return its job."""
    (number,) = ask_for_tuning(bank, run.id, [TARGET.name], budget)
    execute_job(bank.settings, number, "w")
    with reading(bank.engine) as session:
        return session.get_one(Job, number)


def test_a_search_is_a_job_that_goes_on_from_its_journal_when_asked_for_more(bank, run):
    first = searched(bank, run, Budget(2, None))
    more = searched(bank, run, Budget(3, None))

    assert (first.id, first.state, first.result["trials"], more.result["trials"]) == (more.id, JobState.DONE, 2, 3)
    trials = journal_of(bank, TARGET).read()
    assert [trial["number"] for trial in trials] == [0, 1, 2]
    assert {trial["key"] for trial in trials} == {key_of(bank, run, TARGET)}


def test_the_next_training_grows_its_trees_as_the_search_found_best(bank, run):
    journal = journal_of(bank, TARGET)
    about = {"meaning": meaning_of(bank, TARGET), "as_of": run.as_of, "key": key_of(bank, run, TARGET), "seed": 5, "state": "complete", "seconds": 1.0}
    journal.append({**about, "settings": {"num_leaves": 7}, "value": 0.9, "losses": [0.9]})
    journal.append({**about, "settings": {"num_leaves": 11}, "value": 0.8, "losses": [0.8]})

    setup = setup_for(bank, run, TARGET)

    assert setup.growth.num_leaves == 11
    assert setup.tuning == {
        "best": {"num_leaves": 11}, "value": 0.8, "policy_value": 0.9, "trials": 2, "seconds": 2.0, "seed": 5, "as_of": run.as_of, "same_data": True,
    }  # fmt: skip
    assert setup_of_card({"growth": setup.growth.as_json(), "tuning": setup.tuning, "threads": 1}) == setup


@pytest.mark.parametrize("changed", [{"meaning": "another outcome"}, {"as_of": "2025-01-31"}, {"as_of": "2026-01-31"}])
def test_a_search_for_another_outcome_or_of_another_time_is_not_used(bank, run, changed):
    about = {"meaning": meaning_of(bank, TARGET), "as_of": run.as_of, "key": "k", "seed": 5, "state": "complete", "seconds": 1.0, "losses": [0.9]}
    journal_of(bank, TARGET).append({**about, "settings": {}, "value": 0.9, **changed})

    setup = setup_for(bank, run, TARGET)

    assert setup.tuning is None
    assert setup.growth == policy_growth(bank)


def test_a_target_the_run_does_not_train_cannot_be_tuned(bank, run):
    with pytest.raises(InputError, match=r"mortgage.*targets in time: hard_exit"):
        ask_for_tuning(bank, run.id, ["cross_sell:mortgage"], Budget(1, None))


def test_a_search_under_way_is_not_started_twice(bank, run, bell):
    first = ask_for_tuning(bank, run.id, [], Budget(1, None))
    again = ask_for_tuning(bank, run.id, [TARGET.name], Budget(9, None))

    assert first == again
    with reading(bank.engine) as session:
        assert session.get_one(Job, first[0]).payload == {"target": TARGET.name, "trials": 1, "seconds": None}


def test_a_search_that_fails_is_told_and_leaves_the_run_alone(bank, run, monkeypatch):
    def gone(*_):
        raise InputError("the snapshot is gone", "a snapshot", "run again")

    monkeypatch.setattr(tune, "gather", gone)
    job = searched(bank, run, Budget(1, None))

    with pytest.raises(RunFailedError, match="hard_exit: the snapshot is gone"):
        follow_tuning(bank, [job.id], lambda _: None)
    assert run_row(bank, run.id).state == RunState.RUNNING
    with reading(bank.engine) as session:
        assert session.exec(select(Job).where(Job.stage == Stage.TUNE)).one().state == JobState.FAILED


def test_a_search_whose_time_is_up_has_tried_the_policys_settings_and_no_more(bank, run):
    job = searched(bank, run, Budget(None, 0.001))

    assert job.state == JobState.DONE
    assert job.result["trials"] == 1
    assert job.result["best"] == {}
