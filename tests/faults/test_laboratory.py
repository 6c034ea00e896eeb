"""A bounded piece of the laboratory with a fixed seed: one round on each store, and services under the faults that no other test injects."""

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bankseg.embedded.supervise import free_port
from tests.faults.bench import POINTS, Bench, Plan
from tests.faults.checker import violations
from tests.faults.disk import own_disk
from tests.faults.erasing import erasing_round
from tests.faults.facts import final_facts_of
from tests.faults.hard_rounds import hard_round
from tests.faults.history import History, read_history
from tests.faults.rounds import whole_round
from tests.faults.service_rounds import services_round
from tests.faults.tiny_bank import TinyBank, found, publish_first
from tests.postgres import Server

pytestmark = [pytest.mark.slow, pytest.mark.faults]
SEED = 20_251_231
# Of a lake on object storage: tests/lake/test_object_storage.py; of the webhook: tests/services/test_webhook.py.
VISITED_ELSEWHERE = {"copies.before_rename", "webhook.sent"}
BEFORE_SECONDS = 600.0


@contextmanager
def benched(home: Path, store_url: str, record: Path) -> Iterator[Bench]:
    """A published bank that is read all the while; at the end its history, kept where no fault is done, must break no promise."""
    tiny = found(TinyBank(home, store_url, port=free_port("127.0.0.1")), SEED)
    publish_first(tiny)
    bench = Bench(tiny, History(record), "bank", random.Random(SEED), Plan())  # a plan, not a secret
    with bench.reader:
        yield bench
    bench.note("final", **final_facts_of(bench.tiny, bench.history.path))
    lines = read_history(bench.history.path)
    assert violations(lines) == []
    assert any(line["kind"] == "read" and line["run_id"] for line in lines)


@pytest.mark.parametrize(("store", "kills"), [("sqlite", 2), ("postgresql", 1)])
def test_no_promise_is_broken_when_every_step_of_a_day_is_killed(tmp_path: Path, store: str, kills: int, request: pytest.FixtureRequest) -> None:
    store_url = str(request.getfixturevalue("fresh_postgres_url")) if store == "postgresql" else ""

    with benched(tmp_path / "home", store_url, tmp_path / "history.jsonl") as bench:
        whole_round(bench, 1, kills=kills, retrain=False)

    assert bench.faults >= 10 * kills


def test_no_promise_is_broken_by_lost_power_wrong_clocks_a_full_disk_and_damage(tmp_path: Path) -> None:
    with own_disk(tmp_path / "disk") as disk, benched(tmp_path / "disk" / "home", "", tmp_path / "history.jsonl") as bench:
        bench.disk = disk
        hard_round(bench, 1, times=1, harms=1)

    assert bench.faults >= 10


def test_nothing_of_an_erased_client_is_left_whatever_happens_meanwhile(tmp_path: Path) -> None:
    with benched(tmp_path / "home", "", tmp_path / "history.jsonl") as bench:
        erasing_round(bench, 1, erasures=1)


def test_no_promise_is_broken_when_postgresql_dies_a_link_freezes_and_two_schedulers_ring(tmp_path: Path, postgres_server: Server) -> None:
    if postgres_server.process is None:
        pytest.skip("this PostgreSQL was given and cannot be killed")
    faults = ["SIGKILL of the web", "every message five times", "SIGKILL of the postmaster", "frozen broker link", "second scheduler started or killed"]

    with benched(tmp_path / "home", postgres_server.database("laboratory"), tmp_path / "history.jsonl") as bench:
        services_round(bench, faults, postgres_server, time.monotonic() + BEFORE_SECONDS, at_once=0.5)

    assert bench.faults == 5
    postgres_server.drop("laboratory")


def test_every_crash_point_in_the_code_is_one_the_laboratory_visits() -> None:
    source = Path(__file__).parents[2] / "bankseg"
    named = {point for path in source.rglob("*.py") for point in re.findall(r'crash_point\("([^"]+)"\)', path.read_text(encoding="utf-8"))}

    assert named - VISITED_ELSEWHERE == {point for points in POINTS.values() for point in points}
