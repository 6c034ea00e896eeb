"""The crash laboratory: `python tests/faults/laboratory.py --faults 500 --minutes 30 --seed 7 --record history.jsonl`.

Small banks, one after the other, are loaded, trained, scored, published, listed, exported and backed up while faults from a seeded plan hit every step. What
was injected, acknowledged and read is written down; a checker that knows nothing else then says whether any promise was broken.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bankseg.embedded.supervise import free_port
from tests.faults.bench import Bench, Plan
from tests.faults.checker import violations
from tests.faults.desk_reader import read_for_ever
from tests.faults.facts import final_facts_of
from tests.faults.history import History, Line, read_history
from tests.faults.rounds import whole_round
from tests.faults.service_rounds import drawn_faults, services_round
from tests.faults.tiny_bank import TinyBank, found, publish_first
from tests.postgres import running_server

ROUNDS_A_BANK = 3
READ_EVERY_SECONDS = 0.5
KILLS = 12


def main() -> int:
    """Run it, print what was done and found; 1 when a promise was broken."""
    asked = argparse.ArgumentParser(description="Injects faults into small banks and checks that every promise holds.")
    asked.add_argument("--faults", type=int, default=500, help="how many at least")
    asked.add_argument("--minutes", type=float, default=60.0, help="no new round is begun after this")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--record", type=Path, default=Path("history.jsonl"))
    asked.add_argument("--services", type=int, default=40, help="how many of the faults hit running services: worker, web, beat, broker, PostgreSQL")
    given = asked.parse_args()
    given.record.unlink(missing_ok=True)
    history = History(given.record)
    with tempfile.TemporaryDirectory(prefix="bankseg-laboratory-") as folder, ExitStack() as stack:
        end, plan, rng, bank = time.monotonic() + given.minutes * 60, Plan(), random.Random(given.seed), 0  # a plan, not a secret
        server = stack.enter_context(running_server())
        if given.services:
            one_bank(
                history,
                TinyBank(Path(folder) / "services", server.database("services"), port=free_port("127.0.0.1")),
                "services",
                rng,
                plan,
                lambda bench: services_round(bench, drawn_faults(rng, given.services), server, end),
            )
        while count(history) < given.faults and time.monotonic() < end:
            bank += 1
            store_url = server.database(f"bank{bank}") if bank % 3 == 0 else ""
            one_bank(
                history, TinyBank(Path(folder) / f"bank{bank}", store_url), f"bank{bank}", rng, plan, lambda bench: rounds(bench, history, given.faults, end)
            )
    return told(read_history(given.record))


def one_bank(history: History, tiny: TinyBank, name: str, rng: random.Random, plan: Plan, work: Callable[[Bench], None]) -> None:
    """Found a bank, read it all the while something is done to it, and write down what it holds at the end."""
    found(tiny, rng.randrange(1 << 30))
    publish_first(tiny)
    bench = Bench(tiny, history, name, rng, plan)
    bench.note("bank", store="postgresql" if tiny.store_url else "sqlite")
    reader = multiprocessing.get_context("spawn").Process(target=read_for_ever, args=(tiny, history.path, name, READ_EVERY_SECONDS), daemon=True)
    reader.start()
    try:
        work(bench)
    finally:
        reader.terminate()
        reader.join()
    history.note("final", bank=name, **final_facts_of(bench.tiny))


def rounds(bench: Bench, history: History, faults: int, end: float) -> None:
    """Whole rounds on one bank while faults are wanted and time is left."""
    for number in range(1, ROUNDS_A_BANK + 1):
        if count(history) >= faults or time.monotonic() > end:
            return
        whole_round(bench, number, kills=KILLS, retrain=number == 1)
        say(f"{bench.name}: round {number}, {count(history)} faults")


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
