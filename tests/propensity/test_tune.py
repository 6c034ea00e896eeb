import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.propensity.dataset import Dataset
from bankseg.propensity.growth import Growth
from bankseg.propensity.history import learn_history
from bankseg.propensity.journal import Journal
from bankseg.propensity.locked import lock
from bankseg.propensity.targets import cross_sell_target
from bankseg.propensity.tune import Search, found_in, run_search
from tests.propensity.builders import FEATURES
from tests.propensity.test_backtest import LONG_PLAN, over

TARGET = cross_sell_target("savings")


@pytest.fixture(scope="module")
def history():
    learning, _ = lock(over(LONG_PLAN, rows=200), TARGET.name, LONG_PLAN.test)
    return learn_history(TARGET, learning, LONG_PLAN, FEATURES, seed=1)


def a_search(history, path, trials, **changes):
    search = Search(history, Journal(path), "key", Growth(), seed=7, is_over=lambda done: done >= trials, clock=lambda: 0.0)
    return replace(search, **changes)


def test_a_search_that_was_interrupted_goes_on_as_if_it_had_not_been(history, tmp_path):
    whole, halves = tmp_path / "whole.jsonl", tmp_path / "halves.jsonl"

    at_once = run_search(a_search(history, whole, 7), lambda _: None)
    run_search(a_search(history, halves, 3), lambda _: None)
    with halves.open("ab") as stream:
        stream.write(b'{"key": "key", "number": 3, "sett')  # the worker died while it wrote
    resumed = run_search(a_search(history, halves, 7), lambda _: None)

    assert whole.read_bytes() == halves.read_bytes()
    assert resumed == at_once
    assert [json.loads(line)["number"] for line in halves.read_text().splitlines()] == list(range(7))


def test_the_first_trial_is_the_policys_own_settings(history, tmp_path):
    run_search(a_search(history, tmp_path / "t.jsonl", 1, policy=Growth(num_leaves=9)), lambda _: None)

    first = Journal(tmp_path / "t.jsonl").read()[0]
    assert first["settings"]["num_leaves"] == 9
    assert len(first["losses"]) == len(history.steps)
    assert 0 < first["value"] < 1


def test_a_hopeless_trial_is_pruned_before_its_last_origin(history, tmp_path):
    run_search(a_search(history, tmp_path / "t.jsonl", 14), lambda _: None)

    trials = Journal(tmp_path / "t.jsonl").read()
    pruned = [trial for trial in trials if trial["state"] == "pruned"]
    assert pruned
    assert all(len(trial["losses"]) < len(history.steps) for trial in pruned)


def test_trials_of_other_data_are_not_gone_on_from(history, tmp_path):
    path = tmp_path / "t.jsonl"
    run_search(a_search(history, path, 2), lambda _: None)

    found = run_search(a_search(history, path, 1, key="other"), lambda _: None)

    assert found.trials == 1
    assert [trial["key"] for trial in Journal(path).read()] == ["key", "key", "other"]


def test_settings_that_gain_no_more_than_noise_do_not_replace_the_policys():
    def tried(value, leaves):
        return {"settings": {"num_leaves": leaves}, "value": value, "state": "complete", "seconds": 1.0}

    assert found_in([tried(0.9, 7), tried(0.8995, 9)], 1).best == {}
    assert found_in([tried(0.9, 7), tried(0.88, 9), {**tried(0.5, 3), "state": "pruned"}], 1).best == {"num_leaves": 9}


def test_a_search_sees_nothing_of_the_locked_fold(history, tmp_path):
    data = over(LONG_PLAN, rows=200)
    in_fold = data.origin == np.datetime64(LONG_PLAN.test)
    other = Dataset(data.table, np.where(in_fold, 1 - data.label, data.label).astype(np.int8), data.origin)
    seen = learn_history(TARGET, lock(other, TARGET.name, LONG_PLAN.test)[0], LONG_PLAN, FEATURES, seed=1)

    first = run_search(a_search(history, tmp_path / "a.jsonl", 2), lambda _: None)
    second = run_search(a_search(seen, tmp_path / "b.jsonl", 2), lambda _: None)

    assert first == second
    assert seen.origin.max() < np.datetime64(LONG_PLAN.test)
    assert pa.compute.max(history.table.column("client_id")).as_py() < "C001401"
