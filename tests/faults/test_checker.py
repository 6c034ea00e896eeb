"""The checker sees: a true history passes, and each false one fails in the invariant that it breaks and in no other."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import CHECKS, violations
from tests.faults.history import Line

TRUE: list[Line] = [
    {"kind": "ack", "what": "import", "table": "transactions", "sha256": "aa"},
    {"kind": "ack", "what": "run", "run_id": 2},
    {"kind": "ack", "what": "draft", "list_id": 1},
    {"kind": "ack", "what": "list", "list_id": 1, "manifest": "m1"},
    {"kind": "ack", "what": "export", "path": "list.csv", "sha256": "ee"},
    {"kind": "ack", "what": "backup", "folder": "b1"},
    {"kind": "ack", "what": "erased", "client_id": "C001", "number": 4},
    {"kind": "fault", "number": "b-9", "fault": "lake data file flipped"},
    {"kind": "met lake damage", "number": "b-9", "told": "said in words", "is_equal": True},
    {"kind": "recovered", "number": "b-9", "seconds": 2.0},
    {"kind": "read", "run_id": None},
    {"kind": "read", "run_id": 1, "state": "published", "n_rows": 160, "clients": 160, "digest": "d1"},
    {"kind": "fault", "number": "b-1", "fault": "crash point"},
    {"kind": "looked", "jobs": [{"key": "publish:2:all", "state": "running", "attempt": 3, "max_attempts": 3}]},
    {"kind": "recovered", "number": "b-1", "seconds": 1.0},
    {"kind": "read", "run_id": 2, "state": "published", "n_rows": 160, "clients": 160, "digest": "d2"},
    {
        "kind": "final",
        "current": 2,
        "broken_audit": None,
        "unfinished": {"young.part": 30.0},
        "runs": [
            {"id": 1, "state": "published", "error": None, "n_rows": 160, "n_expected": 160, "kept_rows": 160, "result_sha256": "f1", "files_sha256": "f1"},
            {"id": 2, "state": "published", "error": None, "n_rows": 160, "n_expected": 160, "kept_rows": 160, "result_sha256": "f2", "files_sha256": "f2"},
            {"id": 3, "state": "failed", "error": "why", "n_rows": None, "n_expected": None, "kept_rows": 0, "result_sha256": None, "files_sha256": None},
        ],
        "jobs": [
            {"key": "publish:2:all", "state": "done", "attempt": 3, "max_attempts": 3, "error": None, "lease_left": 1.0},
            {"key": "train:3:x", "state": "failed", "attempt": 1, "max_attempts": 3, "error": "why", "lease_left": 1.0},
        ],
        "batches": [
            {
                "table": "transactions", "sha256": "aa", "file_name": "tx.csv", "state": "loaded",
                "read": 10, "accepted": 7, "quarantined": 1, "duplicates": 1, "filtered": 1,
            },
        ],
        "lists": [{"id": 1, "state": "released", "manifest_sha256": "m1", "recorded_sha256": ["s1", "s2"], "files_sha256": ["s1", "s2"]}],
        "erasures": [{"id": 4, "state": "erased", "is_named": False}],
        "traces": {"C001": []},
        "audit": [["run_started", "run 2"], ["run_published", "run 1"], ["run_published", "run 2"], ["export", "list:1"], ["export", "list:1"], ["client_erased", "erasure:4"]],
        "lake": {"transactions": {"rows": 7, "keys": 7}},
        "exports": {"list.csv": "ee"},
        "backups": {"b1": "whole", "b0": "whole"},
    },
]  # fmt: skip


def final(change: Callable[[dict[str, Any]], object]) -> Callable[[list[Line]], object]:
    """A change of the last look."""
    return lambda lines: change(lines[-1])


def line(kind: str, **said: Any) -> Callable[[list[Line]], object]:  # Any: JSON values
    """One more line before the last look."""
    return lambda lines: lines.insert(-1, {"kind": kind, **said})


FALSE: dict[str, list[Callable[[list[Line]], object]]] = {
    "nothing_acknowledged_is_lost": [
        line("ack", what="run", run_id=9),
        line("ack", what="import", table="transactions", sha256="bb"),
        line("ack", what="draft", list_id=5),
        line("ack", what="release", list_id=5),
        line("ack", what="list", list_id=1, manifest="another"),
        line("ack", what="backup", folder="b2"),
        final(lambda end: end["exports"].clear()),
        final(lambda end: end["exports"].update({"list.csv": "half"})),
        final(lambda end: end["backups"].update(b1="2 files are damaged")),
        final(lambda end: end["lists"][0].update(files_sha256=["s1", None])),
    ],
    "no_reader_saw_half_a_run": [
        line("read", run_id=2, state="published", n_rows=160, clients=159, digest="d2"),
        line("read", run_id=2, state="running", n_rows=160, clients=160, digest="d2"),
        line("read", run_id=2, state="published", n_rows=160, clients=160, digest="other"),
        line("read", run_id=1, state="published", n_rows=160, clients=160, digest="d1"),
        lambda lines: [line("read", run_id=2, state="published", n_rows=size, clients=size, digest=f"d{size}")(lines) for size in (159, 158)],
    ],
    "each_effect_happened_once": [
        final(lambda end: end["audit"].append(["run_published", "run 2"])),
        final(lambda end: end["audit"].append(["run_published", "run 3"])),
        final(lambda end: end["audit"].remove(["run_published", "run 1"])),
        final(lambda end: end["lake"]["transactions"].update(keys=6)),
    ],
    "files_and_lake_balance": [
        final(lambda end: end["batches"][0].update(read=11)),
        final(lambda end: end["lake"]["transactions"].update(rows=8, keys=8)),
        final(lambda end: (end["lake"]["transactions"].update(rows=6, keys=6), end.update(traces={}))),
    ],
    "every_run_and_job_ended": [
        final(lambda end: end["runs"][2].update(state="running")),
        final(lambda end: end["runs"][2].update(error="")),
        final(lambda end: end["jobs"][0].update(state="running", lease_left=-90.0)),
        final(lambda end: end["jobs"][1].update(error=None)),
    ],
    "no_job_was_tried_too_often": [
        final(lambda end: end["jobs"][0].update(attempt=4)),
        line("looked", jobs=[{"key": "train:2:x", "state": "running", "attempt": 4, "max_attempts": 3}]),
    ],
    "the_erased_are_gone": [
        final(lambda end: end["traces"].update(C001=["lake/clients/bucket=1/a.parquet"])),
        final(lambda end: end["erasures"][0].update(is_named=True)),
        final(lambda end: end["erasures"][0].update(state="approved")),
        final(lambda end: end["audit"].append(["client_erased", "erasure:4"])),
        line("ack", what="erased", client_id="C002", number=5),
    ],
    "damage_is_told_and_mended": [
        line("fault", number="b-7", fault="lake log entry truncated"),
        line("met lake damage", number="b-9", told="", is_equal=True),
        line("met lake damage", number="b-9", told=None, is_equal=False),
    ],
    "published_runs_are_whole": [
        final(lambda end: end["runs"][1].update(kept_rows=80)),
        final(lambda end: end["runs"][0].update(n_expected=161)),
        final(lambda end: end["runs"][0].update(files_sha256="changed")),
        final(lambda end: end.update(current=3)),
    ],
    "the_audit_chain_verifies": [final(lambda end: end.update(broken_audit=4))],
    "nothing_unfinished_is_left": [final(lambda end: end["unfinished"].update({"old.part": 90_000.0}))],
    "the_bank_recovered_from_every_fault": [line("fault", number="b-2", fault="crash point")],
}


def told(change: Callable[[list[Line]], object] | None = None) -> list[str]:
    lines = copy.deepcopy(TRUE)
    if change is not None:
        change(lines)
    return violations([{**one, "bank": "b"} for one in lines])


def test_a_true_history_breaks_nothing() -> None:
    assert told() == []


def test_every_invariant_has_a_false_history() -> None:
    assert set(FALSE) == {check.__name__ for check in CHECKS}


@pytest.mark.parametrize(("invariant", "number"), [(name, number) for name, changes in FALSE.items() for number in range(len(changes))])
def test_a_false_history_is_found_out(invariant: str, number: int) -> None:
    found = told(FALSE[invariant][number])

    assert found
    assert invariant in {one.split(": ")[1] for one in found}


def test_a_batch_twice_is_found_out() -> None:
    found = told(final(lambda end: end["batches"].append(end["batches"][0])))

    assert any("2 batches" in one for one in found)
