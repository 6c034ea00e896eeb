"""The doorbell: rings workers by task name and never imports them; losing a ring loses nothing, because work is a row."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import KombuError, OperationalError

from bankseg import traces
from bankseg.settings import Settings

QUEUE_NAME = "bankseg"
RUN_JOB = "bankseg.run_job"
RECONCILE = "bankseg.reconcile"
MONITOR = "bankseg.monitor"
REFRESH = "bankseg.refresh_segments"
CANARY = "bankseg.canary"
WEBHOOK = "bankseg.webhook"
PING_SECONDS = 2.0
RING_SECONDS = 5  # longest wait for one broker operation of a ring; the caller has already committed and only wants to go on
VISIBILITY_SECONDS = 3600  # must exceed the longest time limit, or Redis hands a running task to a second worker

_log = logging.getLogger(__name__)


def ring(settings: Settings, job_ids: Sequence[int]) -> bool:
    """Ring once for every job; False when the broker could not be reached, and then the reconciler rings again."""
    if not job_ids:
        return True
    try:
        with traces.span("ring", jobs=len(job_ids)), _sender(settings) as (app, connection):
            for job_id in job_ids:
                app.send_task(RUN_JOB, kwargs={"job_id": int(job_id)}, queue=QUEUE_NAME, connection=connection, retry=False, headers=traces.headers())
    except (OperationalError, KombuError, OSError) as error:
        _log.warning("broker not reached (%s): %d jobs stay queued and the reconciler rings again", type(error).__name__, len(job_ids))
        return False
    return True


def workers_answering(settings: Settings, *, within_seconds: float = PING_SECONDS) -> tuple[str, ...]:
    """Names of the workers that answer on this broker; stops at the first answer, empty when nobody does or the broker is away."""
    try:
        with _sender(settings) as (app, connection):
            replies = app.control.broadcast("ping", reply=True, timeout=within_seconds, limit=1, connection=connection)
    except (OperationalError, KombuError, OSError):
        return ()
    return tuple(sorted(name for reply in replies or () for name in reply))


def address(settings: Settings) -> str:
    """Broker URL that Celery uses: the configured one, else what a running embedded broker wrote down, else the default socket."""
    if settings.broker_url:
        return settings.broker_url
    try:
        return address_file(settings).read_text(encoding="utf-8").strip() or settings.broker
    except OSError:
        return settings.broker


def address_file(settings: Settings) -> Path:
    """Where the embedded broker writes its URL down, because a long path cannot hold a socket."""
    return settings.broker_socket.parent / "address"


def queues() -> list[Queue]:
    """The one queue; declared, because creating missing queues on the fly is switched off."""
    return [Queue(QUEUE_NAME, routing_key=QUEUE_NAME)]


def transport_options() -> dict[str, Any]:  # Any: Celery's own option values are of mixed types
    """Options of the Redis transport that heal a half-open link and keep long tasks from being handed out twice."""
    return {
        "visibility_timeout": VISIBILITY_SECONDS,
        "unacked_restore_interval": 15,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


@contextmanager
def _sender(settings: Settings) -> Iterator[tuple[Celery, Connection]]:
    app = Celery("bankseg-doorbell", broker=address(settings), set_as_current=False)
    app.conf.update(
        task_queues=queues(),
        task_default_queue=QUEUE_NAME,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_serializer="json",
        broker_transport_options={
            **transport_options(),
            "socket_timeout": RING_SECONDS,
            "socket_connect_timeout": RING_SECONDS,
            "max_retries": 1,
            "interval_start": 0,
        },
        broker_connection_timeout=RING_SECONDS,
    )
    try:
        with app.connection_for_write() as connection:
            yield app, connection
    finally:
        app.close()
