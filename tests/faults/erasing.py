"""A client is erased while everything goes wrong: in the end nothing of the client is left, the rest is whole, and it happened once."""

from sqlmodel import col, select

from bankseg.domain.jobs import MAX_ATTEMPTS, JobState
from bankseg.faults import KILLED
from bankseg.storage.client_erasure import ERASED, ClientErasure
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from tests.faults.bench import Bench
from tests.faults.hard_rounds import trouble
from tests.faults.rounds import ask, calmly
from tests.faults.tiny_bank import write_movements

ERASURES = 6


def erasing_round(bench: Bench, number: int, *, erasures: int = ERASURES, retrain: bool = False) -> None:
    """A new file and a run of it, several clients erased one after the other, each job hit as often as its budget allows, and a run of what is left."""
    write_movements(bench.tiny, f"before-erasing{number}", bench.rng, 25)
    assert bench.ended(bench.begin("import", {})) == 0
    assert bench.ended(bench.begin("start", {"retrain": retrain})) == 0
    assert calmly(bench) is None
    for place in range(erasures):
        erased(bench, f"C{(number - 1) * erasures + place:03d}")
    write_movements(bench.tiny, f"after-erasing{number}", bench.rng, 25)
    assert bench.ended(bench.begin("import", {})) == 0
    assert bench.ended(bench.begin("start", {})) == 0
    assert calmly(bench) is None


def erased(bench: Bench, client_id: str) -> None:
    """Ask, decide, and do the job, killed at its next points or under another trouble, until it is done; asked again where it gave up."""
    assert bench.ended(bench.begin("ask erasure", {"client_id": client_id})) == 0
    erasure, job = newest_erasure(bench)
    while erasure.state != ERASED or job.state != JobState.DONE:
        if job.state == JobState.RUNNING:
            bench.wait_for_leases()
        elif job.state in {JobState.FAILED, JobState.QUARANTINED}:
            bench.note("gave up", erasure=erasure.id, error=job.error)
            assert bench.ended(bench.begin("retry erasure", {"number": erasure.id})) == 0
        erasure, job = newest_erasure(bench)
        given = ask(job, "eraser")
        if job.attempt >= MAX_ATTEMPTS - 1:
            bench.ended(bench.begin("job", given))
        elif bench.rng.random() < 0.6:
            killed(bench, job)
        else:
            trouble(bench, "erase", given, of_job=True)
        erasure, job = newest_erasure(bench)
    bench.note("ack", what="erased", client_id=client_id, number=erasure.id, home=bench.tiny.home)
    bench.recovered()


def killed(bench: Bench, job: Job) -> None:
    """The job ended at its next point."""
    point, nth = bench.plan.next_of("erase")
    code = bench.ended(bench.begin("job", ask(job, "doomed"), f"{point}:{nth}"))
    bench.plan.told("erase", point, nth, was_reached=code == KILLED)
    if code == KILLED:
        bench.fault("crash point", action="erase", point=point, nth=nth)


def newest_erasure(bench: Bench) -> tuple[ClientErasure, Job]:
    """The erasure and its job as the store has them."""
    bank = bench.tiny.opened()
    try:
        with reading(bank.engine) as session:
            row = session.exec(select(ClientErasure).order_by(col(ClientErasure.id).desc()).limit(1)).one()
            return row, session.get_one(Job, row.job_id)
    finally:
        bank.engine.dispose()
