"""What an installation's cluster is made of, and what is wrong with it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bankseg.lake.cluster import Scheduler, Worker, workers
from bankseg.services.bucket_work import scheduler_of
from bankseg.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LEAST_WORKER_BYTES = 4_000_000_000  # a bucket's DuckDB at its default limit, what Python holds of the bucket, and half as much again
MIB = 2**20


def cluster_state(settings: Settings) -> tuple[str, str]:
    """What was found, and what to do about it (empty: nothing).

    Raises
    ------
    ServiceUnavailableError, ConfigurationError
        When the scheduler does not answer, or its package is missing.
    """
    scheduler = scheduler_of(settings)
    return told_of(scheduler, workers(scheduler)) if scheduler else ("none: this machine does the bucket work", "")


def told_of(scheduler: Scheduler, found: Sequence[Worker]) -> tuple[str, str]:
    """The same of a cluster that answered.

    Examples
    --------
    >>> told_of(Scheduler("tcp://127.0.0.1:8786"), [Worker("tcp://127.0.0.1:40001", 1, 4_000_000_000)])
    ('the scheduler answers; 1 workers, 3814 MiB each at least', '')
    """
    if not found:
        return "the scheduler answers and has no worker", "start workers (docs/scale.md): until then jobs wait and give up"
    least = min(worker.memory_bytes for worker in found)
    words = (
        f"the scheduler answers; {len(found)} workers, {least // MIB} MiB each at least" if least else f"{len(found)} workers, some without a bound of memory"
    )
    if not scheduler.url.startswith("tls://") and urlsplit(scheduler.url).hostname not in LOOPBACK:
        return f"{words}; the connection is not encrypted", "whoever reaches the scheduler can run code as bankseg: use tls:// with BANKSEG_SCHEDULER_TLS_CA"
    if any(worker.threads > 1 for worker in found):
        return f"{words}; some run more than one thread", "start workers with --nthreads 1: buckets of several threads share one bound of memory"
    if least < LEAST_WORKER_BYTES:
        return words, f"start workers with --memory-limit {LEAST_WORKER_BYTES // 10**9}GB or more, or set BANKSEG_DUCKDB_MEMORY lower"
    return words, ""
