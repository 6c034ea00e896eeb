"""Bytes on the disk change or go: what reads them must say so in words and publish nothing of it, and go on once they are restored."""

import shutil
from collections.abc import Callable
from pathlib import Path

from deltalake import DeltaTable
from sqlalchemy import func
from sqlmodel import select

from bankseg.services.reproduce import reproduce
from bankseg.storage.database import reading
from bankseg.storage.run import Run
from tests.faults.bench import REFUSED, Bench
from tests.faults.tiny_bank import write_movements

Harm = Callable[[bytes, int], bytes | None]
# What becomes of a file's bytes at a place in it; None: the file is gone.
HARMS: dict[str, Harm] = {
    "flipped": lambda whole, place: whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :],
    "truncated": lambda whole, place: whole[:place],
    "half written": lambda whole, _: whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
    "gone": lambda *_: None,
}
TARGETS = ("data file", "log entry", "newest log entry", "checkpoint", "checkpoint hint", "layout", "declarations")


def lake_target(bench: Bench, target: str) -> Path | None:
    """A file of the lake of this kind; None when the lake has none."""
    lake = Path(bench.tiny.settings.lake)
    table = lake / bench.rng.choice(("clients", "accounts", "transactions", "transactions"))
    log = table / "_delta_log"
    if target in {"checkpoint", "checkpoint hint"}:
        DeltaTable(str(table)).create_checkpoint()
    found = {
        "data file": lambda: [Path(table / path) for path in DeltaTable(str(table)).file_uris()],
        "log entry": lambda: sorted(log.glob("*.json")),
        "newest log entry": lambda: sorted((lake / "transactions" / "_delta_log").glob("*.json"))[-1:],
        "checkpoint": lambda: sorted(log.glob("*.checkpoint.parquet"))[-1:],
        "checkpoint hint": lambda: [log / "_last_checkpoint"],
        "layout": lambda: [lake / "_lake.json"],
        "declarations": lambda: [lake / "_attributes.json"],
    }[target]()
    return bench.rng.choice(found) if found else None


def harm(bench: Bench, path: Path) -> tuple[str, bytes]:
    """Do one of the harms to a file; which, and the bytes it had."""
    name, whole = bench.rng.choice(sorted(HARMS)), path.read_bytes()
    changed = HARMS[name](whole, bench.rng.randrange(len(whole)))
    path.unlink() if changed is None else path.write_bytes(changed)
    return name, whole


def lake_harmed(bench: Bench, number: str, target: str, run_to_end: Callable[[Bench], str | None]) -> None:
    """A new file, damage before or after the run recorded its files, the run's end, the file restored, and the run whole.

    `run_to_end` does a run's jobs until it is published or given up, and returns why it was given up.
    """
    write_movements(bench.tiny, number, bench.rng, 20)
    assert bench.ended(bench.begin("import", {})) == 0
    is_recorded = bench.rng.random() < 0.5
    if is_recorded:
        assert bench.ended(bench.begin("start", {})) == 0
    path = lake_target(bench, target)
    assert path is not None, f"no {target}"
    manner, whole = harm(bench, path)
    fault = bench.fault(f"lake {target} {manner}", recorded=is_recorded, file=path.name)
    told = None
    if not is_recorded:
        code = bench.ended(bench.begin("start", {}))
        told = {0: None, REFUSED: "refused at the start"}.get(code, "")
    told = run_to_end(bench) if told is None else told
    path.write_bytes(whole)
    assert bench.ended(bench.begin("start", {})) == 0
    assert run_to_end(bench) is None
    run_id = newest_run_id(bench)
    bench.note("met lake damage", number=fault, told=told, file=path.name, run_id=run_id, is_equal=is_reproduced(bench, run_id))
    bench.recovered()


def newest_run_id(bench: Bench) -> int:
    """The run whose end was waited for."""
    bank = bench.tiny.opened()
    try:
        with reading(bank.engine) as session:
            return session.exec(select(func.max(Run.id))).one() or 0
    finally:
        bank.engine.dispose()


def is_reproduced(bench: Bench, run_id: int) -> bool:
    """Whether a published run comes out the same from what the lake holds now."""
    bank = bench.tiny.opened()
    scratch = bench.tiny.home.with_name(f"{bench.tiny.home.name}-again")
    try:
        return reproduce(bank, run_id, scratch).is_equal
    finally:
        bank.engine.dispose()
        shutil.rmtree(scratch, ignore_errors=True)
