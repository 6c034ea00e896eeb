"""The crash laboratory: `python tests/faults/laboratory.py --faults 500 --minutes 30 --seed 7 --record history.jsonl`.

Small banks, one after the other, are loaded, trained, scored, published, listed, exported and backed up while faults from a seeded plan hit every step. What
was injected, acknowledged and read is written down; a checker that knows nothing else then says whether any promise was broken.
"""

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bankseg.embedded.supervise import free_port
from tests.faults.bench import Bench, Plan
from tests.faults.checker import violations
from tests.faults.disk import own_disk
from tests.faults.erasing import erasing_round
from tests.faults.facts import final_facts_of
from tests.faults.hard_rounds import hard_round
from tests.faults.history import History, Line, read_history
from tests.faults.rounds import whole_round
from tests.faults.service_rounds import drawn_faults, services_round
from tests.faults.store_faults import kill_postmaster
from tests.faults.tiny_bank import TinyBank, found, publish_first
from tests.postgres import Server, running_server

ROUNDS_A_BANK = 2


def main() -> int:
    """Run it, print what was done and found; 1 when a promise was broken."""
    asked = argparse.ArgumentParser(description="Injects faults into small banks and checks that every promise holds.")
    asked.add_argument("--faults", type=int, default=500, help="how many at least")
    asked.add_argument("--minutes", type=float, default=60.0, help="no new round is begun after this")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--record", type=Path, default=Path("history.jsonl"))
    asked.add_argument("--services", type=int, default=40, help="how many of the faults hit running services: worker, web, beat, broker, PostgreSQL")
    asked.add_argument("--lanes", type=int, default=2, help="banks at the same time, each lane with a PostgreSQL, a disk and a seed of its own")
    given = asked.parse_args()
    given.record.unlink(missing_ok=True)
    end = time.time() + given.minutes * 60
    lanes = [multiprocessing.get_context("spawn").Process(target=one_lane, args=(lane, given, end)) for lane in range(given.lanes)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    broken = told(read_history(given.record))
    return broken or int(any(lane.exitcode for lane in lanes))


def one_lane(lane: int, given: argparse.Namespace, end: float) -> None:
    """Bank after bank until enough was injected by all lanes together; the first lane begins with the services, the next two with an erasing bank."""
    history, rng = History(given.record), random.Random(f"{given.seed}-{lane}")  # a plan, not a secret
    with tempfile.TemporaryDirectory(prefix="bankseg-laboratory-") as folder, ExitStack() as stack:
        disk = stack.enter_context(own_disk(Path(folder) / "disk"))
        server = stack.enter_context(running_server())
        if server.process is not None:
            kill_postmaster(server)  # the tests' own settings end here
        laboratory = Laboratory(Path(folder) / "disk", disk, server, history, rng)

        def is_enough() -> bool:
            return count(history) >= given.faults or time.time() > end

        def served(bench: Bench) -> None:
            services_round(bench, drawn_faults(rng, given.services), server, time.monotonic() + (end - time.time()) / 2)

        if lane == 0 and given.services:
            laboratory.one_bank(f"lane{lane}-services", True, served, port=free_port("127.0.0.1"))
        number = 0
        while not is_enough():
            is_on_postgres = (lane + number // 2) % 2 == 0
            kinds = (erasing_round,) if number % 4 == (1 if lane in {1, 2} else 3) - 1 else (hard_round, whole_round)
            laboratory.one_bank(f"lane{lane}-bank{number + 1}", is_on_postgres, lambda bench, kinds=kinds: rounds(bench, kinds, is_enough))
            number += 1


def rounds(bench: Bench, kinds: tuple[Callable[..., None], ...], is_enough: Callable[[], bool]) -> None:
    """Rounds of these kinds in turn while faults are wanted and time is left."""
    for number in range(1, ROUNDS_A_BANK + 1):
        for kind in kinds:
            if is_enough():
                return
            kind(bench, number, retrain=number == 1)
            say(f"{bench.name}: {kind.__name__} {number}, {count(bench.history)} faults by now")


@dataclass
class Laboratory:
    """Where banks are founded, what may be killed, and where it is written down."""

    folder: Path
    disk: Path | None
    server: Server
    history: History
    rng: random.Random
    plan: Plan = field(default_factory=Plan)

    def one_bank(self, name: str, is_on_postgres: bool, work: Callable[[Bench], None], port: int = 0) -> None:  # noqa: FBT001  # with its name
        """Found a bank, read it all the while something is done to it, and write down what it holds at the end."""
        tiny = TinyBank(self.folder / name, self.server.database(name) if is_on_postgres else "", port=port)
        found(tiny, self.rng.randrange(1 << 30))
        publish_first(tiny)
        bench = Bench(tiny, self.history, name, self.rng, self.plan)
        bench.server, bench.disk = self.server, self.disk
        bench.note("bank", store="postgresql" if is_on_postgres else "sqlite")
        with bench.reader:
            work(bench)
        self.history.note("final", bank=name, **final_facts_of(bench.tiny, self.history.path))
        shutil.rmtree(tiny.home)


def count(history: History) -> int:
    """Faults injected so far."""
    return sum(line["kind"] == "fault" for line in read_history(history.path)) if history.path.exists() else 0


def say(line: str) -> None:
    """One line for who runs this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def told(lines: list[Line]) -> int:
    """Print the summary of a history; 1 when a promise was broken."""
    broken = violations(lines)
    kinds = Counter(f"{line['fault']}: {line['action']}" if "action" in line else line["fault"] for line in lines if line["kind"] == "fault")
    seconds = sorted(line["seconds"] for line in lines if line["kind"] == "recovered")
    for kind, times in sorted(kinds.items()):
        say(f"{times:5d}  {kind}")
    say(f"{sum(kinds.values()):5d}  faults in {len({line['bank'] for line in lines if 'bank' in line})} banks")
    say(f"{sum(line['kind'] == 'read' for line in lines):5d}  reads, {sum(line['kind'] == 'ack' for line in lines)} acknowledgements")
    points = {(line["point"], line["action"]) for line in lines if "point" in line}
    say(f"{len(points):5d}  pairs of a point and an action, up to pass {max((line['nth'] for line in lines if 'nth' in line), default=0)}")
    if seconds:
        say(f"recovered in {seconds[len(seconds) // 2]:.1f} s (median), {seconds[int(len(seconds) * 0.95)]:.1f} s (95 %), {seconds[-1]:.1f} s (longest)")
    say(f"{len(broken):5d}  violations")
    for one in broken:
        say(f"       {one}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
