"""A hard day: the same steps as in a round, but what happens is done to the world and not to the process alone."""

from bankseg.domain.jobs import MAX_ATTEMPTS, JobState
from tests.faults import disk, shim
from tests.faults.bench import REFUSED, Bench, jobs_to_do
from tests.faults.harm import TARGETS, lake_harmed
from tests.faults.power import power_lost
from tests.faults.rounds import ask, calmly, gave_up, is_over, newest_list, tidy
from tests.faults.strikes import BACKEND, CONNECTIONS, HASTY_HEIR, HEIR, POSTMASTER, Given, skewed, struck
from tests.faults.tiny_bank import write_movements

WRONG_CLOCK, POWER, FULL = "wrong clock", "power lost", "disk full to the last byte"
OF_POSTGRES, OF_JOBS, OF_SHIM, OF_DISK = (POSTMASTER, BACKEND, CONNECTIONS), (HEIR, HASTY_HEIR), (WRONG_CLOCK, POWER, HASTY_HEIR), (FULL, POWER)
KINDS = (POSTMASTER, BACKEND, CONNECTIONS, HEIR, HASTY_HEIR, WRONG_CLOCK, POWER, FULL)
TIMES = 4
HARMS_A_ROUND = 2


def hard_round(bench: Bench, number: int, *, times: int = TIMES, harms: int = HARMS_A_ROUND, retrain: bool = False) -> None:
    """Load, run, publish, list, export and back up under troubles, `times` a step; then damage in the lake, `harms` times."""
    write_movements(bench.tiny, f"hard{number}", bench.rng, 25)
    troubled(bench, "import", {}, times)
    troubled(bench, "start", {"retrain": retrain}, times)
    hard_run(bench, min(times, MAX_ATTEMPTS - 1))
    troubled(bench, "draft", {"name": f"hard list {number}"}, times)
    for action, states in (("freeze", ("draft", "frozen")), ("release", ("draft", "frozen"))):
        troubled(bench, action, {"list_id": newest_list(bench, *states)}, times)
    troubled(bench, "export", {"list_id": newest_list(bench, "released"), "name": f"hard-{number}"}, times)
    troubled(bench, "backup", {"name": f"hard-{number}"}, times)
    for place in range(harms):
        lake_harmed(bench, f"harm{number}-{place}", bench.deck("lake", TARGETS), calmly)
    tidy(bench)


def troubled(bench: Bench, action: str, given: Given, times: int) -> None:
    """Do an action under one trouble after the other until it ends whole, and once more if it never did."""
    for _ in range(times):
        trouble(bench, action, given)
    code = bench.ended(bench.begin(action, given))
    assert code in {0, REFUSED}, f"{action} ended with {code}"
    bench.recovered()


def hard_run(bench: Bench, times: int) -> None:
    """The jobs of a run, each under as many troubles as its budget allows, asked for again where it gave up."""
    while not is_over(bench):
        if bench.rows(JobState.RUNNING):
            bench.wait_for_leases()
        for job in jobs_to_do(bench):
            if job.attempt < times:
                trouble(bench, job.stage, ask(job, "troubled"), of_job=True)
            else:
                bench.ended(bench.begin("job", ask(job, "calm")))
        if why := gave_up(bench):
            bench.note("gave up", run=why)
            bench.done("start", {}, most=0)
    bench.recovered()


def trouble(bench: Bench, action: str, given: Given, *, of_job: bool = False) -> None:
    """One trouble of those that this bank can have, the one that this action had least lately."""
    kind = bench.deck(action, [kind for kind in KINDS if can_be(bench, kind, of_job=of_job)])
    match kind:
        case "wrong clock":
            skewed(bench, action, given)
        case "power lost":
            assert bench.disk is not None
            power_lost(bench, action, given, bench.disk / "power")
        case "disk full to the last byte":
            full(bench, action, given)
        case _:
            struck(bench, action, given, kind)


def can_be(bench: Bench, kind: str, *, of_job: bool) -> bool:
    """Whether a bank can have such a trouble."""
    has_server = bool(bench.tiny.store_url) and bench.server is not None and bench.server.process is not None
    lacks = {OF_POSTGRES: not has_server, OF_JOBS: not of_job, OF_SHIM: shim.built() is None, OF_DISK: bench.disk is None}
    return not any(kind in kinds and is_lacking for kinds, is_lacking in lacks.items())


def full(bench: Bench, action: str, given: Given) -> None:
    """The file system has no byte left, or a few, while the action runs; then it has."""
    assert bench.disk is not None
    disk.fill(bench.disk, bench.rng)
    try:
        code = bench.ended(bench.begin(action, given))
    finally:
        disk.empty(bench.disk)
    bench.fault(FULL, action=action, ended=code)
