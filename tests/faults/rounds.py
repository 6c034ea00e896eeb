"""One round: a bank's whole day, from an extract to a backup, with faults at every step."""

import os
import signal
import time
from pathlib import Path

from sqlmodel import col, select

from bankseg.domain.jobs import MAX_ATTEMPTS, JobState, Stage
from bankseg.faults import KILLED
from bankseg.storage.client_list import DRAFT, FROZEN, ClientList
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from bankseg.storage.run import Run
from tests.faults.bench import WAIT_SECONDS, Bench, file_limit, jobs_to_do, memory_limit
from tests.faults.facts import unfinished
from tests.faults.tiny_bank import AS_OF, write_movements

KILLS = 12  # of one step in a round
AGED_SECONDS = 2 * 24 * 3600
# What is done to the job of a stage beside killing it at its points; a round draws one of each.
BLOWS = ("random kill", "paused past its lease", "five deliveries", "out of memory", "disk full")


def whole_round(bench: Bench, number: int, *, retrain: bool, kills: int = KILLS) -> None:
    """Load, run, publish, list, export, back up; every step is killed up to `kills` times, a job once less than its budget."""
    load(bench, number, kills)
    run_to_the_end(bench, retrain=retrain, kills=min(kills, MAX_ATTEMPTS - 1))
    marketing(bench, number, kills)
    for attempt in range(kills + 1):
        if back_up(bench, f"round-{number}-{attempt}"):
            break
    bench.recovered()
    tidy(bench)


def load(bench: Bench, number: int, kills: int) -> None:
    """A new file, killed at the points of an import; then another that two imports take in at the same time."""
    write_movements(bench.tiny, f"round{number}", bench.rng, 25)
    bench.done("import", {}, most=kills + 3)
    write_movements(bench.tiny, f"twice{number}", bench.rng, 25)
    at_once = [bench.begin("import", {}) for _ in range(2)]
    bench.fault("two imports of one file at once")
    assert [bench.ended(process) for process in at_once] == [0, 0]
    bench.recovered()
    write_movements(bench.tiny, f"full{number}", bench.rng, 25)
    if bench.ended(bench.begin("import", {}, handicap=file_limit(2_000))) != 0:
        bench.fault("disk full", action="import")
    assert bench.ended(bench.begin("import", {})) == 0
    bench.recovered()


def run_to_the_end(bench: Bench, *, retrain: bool, kills: int) -> None:
    """Start a run and do its jobs until it is published, tried again by a person where it gave up."""
    given = {"retrain": retrain}
    bench.done("start", given, most=kills)
    blows = bench.rng.sample(BLOWS, len(BLOWS))
    poison = bench.rng.choice((Stage.SNAPSHOT, Stage.SCORE, Stage.SEGMENT, Stage.PUBLISH))
    damaged = bench.rng.choice((Stage.SCORE, Stage.SEGMENT, Stage.PUBLISH))
    end = time.monotonic() + 3 * WAIT_SECONDS
    while not is_over(bench):
        assert time.monotonic() < end, "the run does not end"
        if bench.rows(JobState.RUNNING):
            bench.wait_for_leases()  # what still runs now has lost its worker, and may be claimed again
        for job in jobs_to_do(bench):
            if job.stage == poison and job.attempt == 0:
                poison = None
                poisoned(bench, job)
            elif job.stage == damaged and job.attempt == 0:
                damaged = None
                damage(bench, job)
            elif blows and job.attempt == 0:
                blow(bench, job, blows.pop())
            else:
                one_job(bench, job, kills)
        if gave_up(bench):
            bench.note("gave up", run=gave_up(bench))
            bench.done("start", {}, most=0)
    bench.recovered()


def calmly(bench: Bench) -> str | None:
    """Do what there is to do until nothing is left; why the run gave up, when it did."""
    while jobs := list(jobs_to_do(bench)):
        if any(job.state == JobState.RUNNING for job in jobs):
            bench.wait_for_leases()
        for job in jobs:
            bench.ended(bench.begin("job", ask(job, "calm")))
    return gave_up(bench)


def is_over(bench: Bench) -> bool:
    """Whether the newest run is published."""
    run = newest_run(bench)
    return run is not None and run.state == "published" and not list(jobs_to_do(bench))


def gave_up(bench: Bench) -> str | None:
    """Why the newest run failed or was quarantined."""
    run = newest_run(bench)
    return run.error if run is not None and run.state in {"failed", "quarantined"} else None


def newest_run(bench: Bench) -> Run | None:
    bank = bench.tiny.opened()
    try:
        with reading(bank.engine) as session:
            return session.exec(select(Run).order_by(col(Run.id).desc()).limit(1)).one_or_none()
    finally:
        bank.engine.dispose()


def ask(job: Job, worker: str) -> dict[str, object]:
    return {"job_id": job.id, "worker": worker}


def one_job(bench: Bench, job: Job, kills: int) -> None:
    """A job killed at its next point while its budget allows, else left alone."""
    if job.attempt >= kills:
        bench.ended(bench.begin("job", ask(job, "calm")))
        return
    point, nth = bench.plan.next_of(job.stage, is_last=job.attempt == kills - 1)
    code = bench.ended(bench.begin("job", ask(job, "doomed"), f"{point}:{nth}"))
    bench.plan.told(job.stage, point, nth, was_reached=code == KILLED)
    if code == KILLED:
        bench.fault("crash point", action=job.stage, point=point, nth=nth)


def blow(bench: Bench, job: Job, kind: str) -> None:
    """One of the blows that are not a point in the code."""
    bench.note("blow", blow=kind, stage=job.stage)
    match kind:
        case "random kill":
            if bench.kill_at_random(bench.begin("job", ask(job, "doomed")), 1.0):
                bench.fault("SIGKILL at a random instant", action=job.stage)
        case "paused past its lease":
            paused(bench, job)
        case "five deliveries":
            bench.fault("five deliveries at once", action=job.stage)
            for process in [bench.begin("job", ask(job, f"copy {copy}")) for copy in range(5)]:
                bench.ended(process)
        case "out of memory":
            if bench.ended_or_killed(bench.begin("job", ask(job, "short of memory"), handicap=memory_limit(1_100))) != 0 or still_open(bench, job):
                bench.fault("out of memory", action=job.stage)
        case _:
            if bench.ended(bench.begin("job", ask(job, "short of disk"), handicap=file_limit(1_000))) != 0 or still_open(bench, job):
                bench.fault("disk full", action=job.stage)


def still_open(bench: Bench, job: Job) -> bool:
    return any(row.id == job.id for row in jobs_to_do(bench))


def paused(bench: Bench, job: Job) -> None:
    """SIGSTOP while the job runs; another worker takes it over after the lease; the first wakes up and must change nothing."""
    process = bench.begin("job", ask(job, "sleeper"))
    end = time.monotonic() + WAIT_SECONDS
    while process.exitcode is None and not any(row.id == job.id for row in bench.rows(JobState.RUNNING)):
        assert time.monotonic() < end
        process.join(0.02)
    if process.exitcode is not None:
        return
    os.kill(process.pid or 0, signal.SIGSTOP)
    bench.fault("SIGSTOP past the lease, then SIGCONT", action=job.stage)
    taken_over = None
    try:
        if bench.tiny.store_url:  # a stopped writer of SQLite may hold the file's one lock; PostgreSQL has no such lock
            bench.wait_for_leases()
            taken_over = bench.begin("job", ask(job, "heir"))
            taken_over.join(WAIT_SECONDS)
        else:
            process.join(bench.tiny.settings.lease_seconds + 1)
    finally:
        os.kill(process.pid or 0, signal.SIGCONT)
    assert bench.ended(process) == 0
    assert taken_over is None or taken_over.exitcode == 0


def poisoned(bench: Bench, job: Job) -> None:
    """A job that ends its process each time is given up after its budget, with a reason; others and a later try are not hurt."""
    for _ in range(job.max_attempts):
        assert bench.ended(bench.begin("job", ask(job, "poisoned"), "job.claimed:1")) == KILLED
        bench.fault("poison", action=job.stage)
        bench.wait_for_leases()
    [row] = [row for row in bench.rows(JobState.QUARANTINED) if row.id == job.id]
    assert row.error, "given up without a reason"


def damage(bench: Bench, job: Job) -> None:
    """Bytes of what the job reads are changed: it must end in words, and a new try must find whole files again."""
    home = bench.tiny.home
    run = newest_run(bench)
    assert run is not None
    found: list[Path] = {
        Stage.SCORE: sorted(home.glob("models/*/model.txt")) + sorted((home / "snapshots" / str(AS_OF)).glob("*/bucket=*.parquet")),
        Stage.SEGMENT: sorted((home / "snapshots" / "runs" / str(run.id) / "scores").glob("bucket=*.parquet")),
        Stage.PUBLISH: [home / "snapshots" / "runs" / str(run.id) / "clients.parquet"],
    }[Stage(job.stage)]
    path = bench.rng.choice(found)
    whole = path.read_bytes()
    how = bench.rng.choice(("flipped", "truncated", "half written"))
    place = bench.rng.randrange(len(whole))
    changed = {
        "flipped": whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :],
        "truncated": whole[:place],
        "half written": whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2),
    }[how]
    path.write_bytes(changed)
    bench.fault(f"damaged file, {how}", action=job.stage, file=path.name)
    code = bench.ended(bench.begin("job", ask(job, "reader of damage")))
    bench.note("met damage", file=path.name, code=code, run_error=gave_up(bench))
    if path.name == "model.txt":
        path.write_bytes(whole)  # "restore it from backup"


def marketing(bench: Bench, number: int, kills: int) -> None:
    """A list from draft to release, and two exports."""
    bench.done("draft", {"name": f"list {number}"}, most=kills)
    for action, state in (("freeze", DRAFT), ("release", FROZEN)):
        list_id = newest_list(bench, DRAFT, FROZEN)
        bench.note("list", list_id=list_id, action=action, state=state)
        bench.done(action, {"list_id": list_id}, most=kills)
    bench.done("export", {"list_id": newest_list(bench, "released"), "name": f"list-{number}"}, most=kills)
    bench.done("export", {"list_id": 0, "name": f"portfolio-{number}"}, most=kills)


def newest_list(bench: Bench, *states: str) -> int:
    bank = bench.tiny.opened()
    try:
        with reading(bank.engine) as session:
            return session.exec(select(ClientList.id).where(col(ClientList.state).in_(states)).order_by(col(ClientList.id).desc()).limit(1)).one() or 0
    finally:
        bank.engine.dispose()


def back_up(bench: Bench, name: str) -> bool:
    """One backup under a name of its own, killed at its next point; whether it was done."""
    point, nth = bench.plan.next_of("backup")
    code = bench.ended(bench.begin("backup", {"name": name}, f"{point}:{nth}"))
    bench.plan.told("backup", point, nth, was_reached=code == KILLED)
    if code == KILLED:
        bench.fault("crash point", action="backup", point=point, nth=nth)
    return code == 0


def tidy(bench: Bench) -> None:
    """Two days pass for everything unfinished; the sweep and the next backup leave none of it."""
    for name in unfinished(bench.tiny):
        path = bench.tiny.home / name
        long_ago = time.time() - AGED_SECONDS
        os.utime(path, (long_ago, long_ago))
    assert bench.ended(bench.begin("tidy", {})) == 0
    assert bench.ended(bench.begin("backup", {"name": f"last-{time.monotonic_ns()}"})) == 0
