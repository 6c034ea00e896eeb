"""The Celery application: an entry point, `celery -A workers.app worker`."""

import signal
import sys
from typing import Any

from celery import Celery, signals

from bankseg import logs, traces
from bankseg.domain.errors import ConfigurationError
from bankseg.embedded.leash import end_with_parent
from bankseg.queue import QUEUE_NAME, VISIBILITY_SECONDS, address, queues, transport_options
from bankseg.settings import Settings
from bankseg.starting import leave_alone
from workers.schedule import schedule

SOFT_LIMIT_SECONDS = 1500
HARD_LIMIT_SECONDS = 1800  # below VISIBILITY_SECONDS, or a running task would be handed out again
SOFT_SHUTDOWN_SECONDS = 25
TASKS_PER_CHILD = 50
CHILD_MEMORY_KIB = 1_500_000


def make_app(settings: Settings) -> Celery:
    """Build the application of one process from its settings; nothing connects yet."""
    app = Celery("bankseg", broker=address(settings), include=["workers.tasks"])
    app.conf.update(
        broker_transport_options=transport_options(),
        visibility_timeout=VISIBILITY_SECONDS,  # all three places, or the shortest wins
        result_backend_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker that is away for an hour must not end the worker
        task_acks_late=True,
        task_reject_on_worker_lost=True,  # safe only because claiming a job counts its attempts in the store
        task_soft_time_limit=SOFT_LIMIT_SECONDS,
        task_time_limit=HARD_LIMIT_SECONDS,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,  # status lives in the store
        result_expires=None,  # there are no results, so beat needs no nightly cleaning of them
        task_default_queue=QUEUE_NAME,
        task_queues=queues(),
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=SOFT_SHUTDOWN_SECONDS,
        worker_max_tasks_per_child=TASKS_PER_CHILD,
        worker_max_memory_per_child=CHILD_MEMORY_KIB,
        worker_hijack_root_logger=False,
        beat_scheduler="celery.beat:Scheduler",  # in memory: the persistent one keeps a pickle, and one short interval needs no memory
        beat_schedule=schedule(settings),
    )
    return app


@signals.worker_process_init.connect
@signals.beat_embedded_init.connect
def end_with_worker(**unused: Any) -> None:  # Any: what Celery's signals carry
    """A killed worker's children would wait for its pipe for ever, and hold what it held: they end with it, and their leases run out."""
    del unused
    end_with_parent(signal.SIGKILL)


@signals.worker_process_init.connect
def trace_what_this_process_does(**unused: Any) -> None:  # Any: what Celery's signals carry
    """In every child anew: a thread that sends spans does not survive a fork."""
    del unused
    traces.configure(Settings().traces_url, "bankseg-worker")


@signals.worker_init.connect
def refuse_a_role_without_walls(**unused: Any) -> None:  # Any: what Celery's signals carry
    """End before the first job where row security does not hold; an error raised here would only be logged."""
    del unused
    settings = Settings()
    if settings.development or settings.store.startswith("sqlite"):
        return
    from bankseg.storage import walls

    try:
        walls.require(settings.store)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


@signals.worker_init.connect
def leave_what_was_imported_alone(**unused: Any) -> None:  # Any: what Celery's signals carry
    """Nothing of it is garbage."""
    del unused
    leave_alone()


@signals.setup_logging.connect
def log_as_everywhere(**unused: Any) -> None:  # Any: what Celery's signals carry
    """Write as the web does; Celery sets up no logging of its own when this signal is heard."""
    del unused
    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)


app = make_app(Settings())
