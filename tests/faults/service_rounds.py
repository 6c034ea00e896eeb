"""Real services under faults: worker, web, beat, broker and PostgreSQL killed, paused and cut off while runs go on."""

import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from bankseg.domain.jobs import JobState
from bankseg.embedded import process as processes
from bankseg.embedded.broker import _server_program, client, is_answering
from bankseg.embedded.supervise import ROOT, Services, embedded_services, free_port
from bankseg.queue import ring
from bankseg.services.runs import start_run
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from tests.faults import shim, store_faults
from tests.faults.bench import Bench
from tests.faults.links import Link, link_to
from tests.faults.rounds import gave_up, newest_run
from tests.faults.store_faults import until
from tests.faults.strikes import SKEWS
from tests.faults.tiny_bank import AS_OF, write_movements
from tests.postgres import Server

PAUSE_SECONDS = 6.0  # past a lease


@dataclass
class Redis:
    """A broker as a bank would run it, to be killed and started again on its port with nothing kept."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its answer."""
        command = [_server_program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: is_answering(f"redis://127.0.0.1:{self.port}/0"), "the broker does not start")

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@dataclass
class Site:
    """Everything a fault may hit."""

    bench: Bench
    services: Services
    broker: Redis
    link: Link
    server: Server
    beat: processes.Child | None = None

    @property
    def worker_pid(self) -> int:
        """Process id of the worker."""
        assert self.services.worker is not None
        return self.services.worker.pid


@contextmanager
def site_of(bench: Bench, server: Server) -> Iterator[Site]:
    """Services of a bank on PostgreSQL and a redis:// broker behind a link."""
    with ExitStack() as stack:
        broker = Redis(free_port("127.0.0.1"), bench.tiny.home)
        broker.start()
        stack.callback(broker.kill)
        link = stack.enter_context(link_to(broker.port))
        bench.tiny = replace(bench.tiny, broker_url=f"redis://127.0.0.1:{link.port}/0")
        services = stack.enter_context(embedded_services(bench.tiny.settings, web=True))
        site = Site(bench, services, broker, link, server)
        stack.callback(lambda: site.beat.stop(5) if site.beat else None)
        yield site


def services_round(bench: Bench, names: list[str], server: Server, end: float, *, at_once: float = 0.15) -> None:
    """Runs one after the other while these faults are injected, until all were or the time is over; each step is hit with the probability `at_once`."""
    with site_of(bench, server) as site:
        number = 0
        while names and time.monotonic() < end:
            number += 1
            new_run(site, number)
            while not is_over(site):
                if names and bench.rng.random() < at_once:
                    name = names.pop()
                    bench.fault(name)
                    FAULTS[name](site)
                site.services.pause(0.2)
                go_on(site)
            until(lambda: answers(site), "the web does not answer")
            bench.recovered()


def drawn_faults(rng: random.Random, count: int) -> list[str]:
    """So many faults in a random order, each kind as often as any other."""
    names = [*FAULTS] * (count // len(FAULTS) + 1)
    rng.shuffle(names)
    return names[:count]


def new_run(site: Site, number: int) -> None:
    """One more file, and a run asked for."""
    write_movements(site.bench.tiny, f"live{number}", site.bench.rng, 20)
    assert site.bench.ended(site.bench.begin("import", {})) == 0
    assert site.bench.ended(site.bench.begin("start", {"retrain": number % 3 == 0})) == 0


def is_over(site: Site) -> bool:
    """Whether the newest run is published and nothing waits; a store that is away says nothing."""
    try:
        run = newest_run(site.bench)
        waiting = site.bench.rows(JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
    except OperationalError:
        return False
    return run is not None and run.state == "published" and not waiting


def go_on(site: Site) -> None:
    """What the people and the supervisor of an installation do: start what died, ask again for what gave up."""
    site.services.ensure()
    try:
        if why := gave_up(site.bench):
            site.bench.note("gave up", run=why)
            bank = site.bench.tiny.opened()
            start_run(bank, AS_OF)
            bank.engine.dispose()
    except OperationalError:
        return


def answers(site: Site) -> bool:
    """Whether the web server answers."""
    site.services.ensure()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.bench.tiny.port}/healthz", timeout=5) as reply:
            return int(reply.status) == 200
    except OSError:
        return False


def kill_child_of_worker(site: Site) -> None:
    """SIGKILL one process of the pool."""
    children = Path(f"/proc/{site.worker_pid}/task/{site.worker_pid}/children").read_text(encoding="ascii").split()
    if children:
        os.kill(int(site.bench.rng.choice(children)), signal.SIGKILL)


def kill_worker(site: Site) -> None:
    """SIGKILL the worker and its children."""
    assert site.services.worker is not None
    os.killpg(site.worker_pid, signal.SIGKILL)
    site.services.worker.popen.wait()


def pause_worker(site: Site) -> None:
    """SIGSTOP worker and children past their leases, then SIGCONT."""
    os.killpg(site.worker_pid, signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    os.killpg(site.worker_pid, signal.SIGCONT)


def worker_with_wrong_clock(site: Site) -> None:
    """The worker is replaced by one whose clock is hours or days off; the next that is killed is followed by one whose clock is right."""
    kill_worker(site)
    skewed = {shim.PRELOAD: str(shim.built()), shim.SKEW: str(site.bench.rng.choice(SKEWS))}
    with patch.dict(os.environ, skewed):
        until(lambda: "worker" in site.services.ensure(), "no worker with a wrong clock could be started")


def kill_backend(site: Site) -> None:
    """SIGKILL of one PostgreSQL backend of the bank."""
    store_faults.kill_backend(site.server, site.bench.tiny.store_url, 0, site.bench.rng)


def kill_web(site: Site) -> None:
    """SIGKILL the web server."""
    assert site.services.web is not None
    os.killpg(site.services.web.pid, signal.SIGKILL)
    site.services.web.popen.wait()


def second_beat(site: Site) -> None:
    """A second scheduler beside the worker's own; killed when there is one already."""
    if site.beat is not None and site.beat.is_alive():
        os.killpg(site.beat.pid, signal.SIGKILL)
        site.beat.popen.wait()
        return
    settings = site.bench.tiny.settings
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "beat", "--loglevel", "WARNING", "--pidfile", ""]
    site.beat = processes.start("beat", command, processes.environment(settings), log=settings.home / "logs" / "beat.log", cwd=ROOT)


def kill_broker(site: Site) -> None:
    """SIGKILL the broker; it comes back on its port with nothing kept."""
    site.broker.kill()
    time.sleep(site.bench.rng.uniform(0, 2))
    site.broker.start()


def forgetful_broker(site: Site) -> None:
    """Every message and key is gone."""
    with client(f"redis://127.0.0.1:{site.broker.port}/0") as broker:
        broker.flushall()


def pause_broker(site: Site) -> None:
    """SIGSTOP the broker for some seconds."""
    assert site.broker.process is not None
    site.broker.process.send_signal(signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    site.broker.process.send_signal(signal.SIGCONT)


def freeze_link(site: Site) -> None:
    """No byte between the services and the broker for some seconds."""
    site.link.freeze()
    time.sleep(PAUSE_SECONDS)
    site.link.thaw()


def half_open_link(site: Site) -> None:
    """Every connection there is stays open and is deaf from now on."""
    site.link.half_open()


def ring_five_times(site: Site) -> None:
    """Five messages for every job there ever was."""
    try:
        bank = site.bench.tiny.opened()
        with reading(bank.engine) as session:
            job_ids = [job_id for job_id in session.exec(select(Job.id).order_by(col(Job.id))) if job_id is not None]
        bank.engine.dispose()
    except OperationalError:
        return
    for _ in range(5):
        ring(site.bench.tiny.settings, job_ids)


FAULTS: dict[str, Callable[[Site], None]] = {
    "SIGKILL of a worker's child": kill_child_of_worker,
    "SIGKILL of the worker": kill_worker,
    "SIGSTOP of the worker past its leases": pause_worker,
    **({"worker with a wrong clock": worker_with_wrong_clock} if shim.built() else {}),
    "SIGKILL of a PostgreSQL backend": kill_backend,
    "SIGKILL of the web": kill_web,
    "second scheduler started or killed": second_beat,
    "SIGKILL of the broker, nothing kept": kill_broker,
    "FLUSHALL": forgetful_broker,
    "SIGSTOP of the broker": pause_broker,
    "frozen broker link": freeze_link,
    "half-open broker link": half_open_link,
    "every message five times": ring_five_times,
    "SIGKILL of the postmaster": lambda site: store_faults.kill_postmaster(site.server),
}
