"""Tasks: shells that hand an id to a service.

Services are imported inside the tasks: the parent of the pool forks, and must never have loaded LightGBM or a thread pool.
"""

import os
from typing import Any

from bankseg import traces
from bankseg.queue import CANARY, MONITOR, RECONCILE, REFRESH, RUN_JOB, WEBHOOK
from bankseg.settings import Settings
from workers.app import app


@app.task(name=RUN_JOB, bind=True)
def run_job(self: Any, job_id: int) -> None:  # Any: Celery's task class is untyped
    """Do one job; whether it is free to be done is decided by its row."""
    from bankseg.services.jobs import execute_job

    with traces.span("job", {"traceparent": self.request.get("traceparent") or ""}, job_id=job_id):
        execute_job(Settings(), int(job_id), f"{self.request.hostname}:{os.getpid()}")


@app.task(name=RECONCILE)
def reconcile() -> None:
    """Ring again for jobs that were never rung or that lost their worker."""
    from bankseg.services.jobs import reconcile as sweep

    sweep(Settings())


@app.task(name=MONITOR)
def monitor() -> None:
    """Observe what was published; doing it twice writes nothing twice."""
    from bankseg.services.monitor import monitor_bank

    monitor_bank(Settings())


@app.task(name=REFRESH)
def refresh_segments() -> None:
    """Keep the memberships that are due, write who moved, measure the warnings of a new run, forget files nobody loaded or finished; doing it twice writes nothing twice."""
    from bankseg.services.segment_memberships import refresh_bank
    from bankseg.services.unfinished import forget_unfinished
    from bankseg.services.upload_intake import forget_old_files
    from bankseg.services.warning_quality import measure_bank

    refresh_bank(Settings())
    measure_bank(Settings())
    forget_old_files(Settings())
    forget_unfinished(Settings())


@app.task(name=CANARY)
def canary() -> None:
    """Say that a worker does what it is asked."""
    from bankseg.services.canary import sing

    sing(Settings())


@app.task(name=WEBHOOK)
def webhook() -> None:
    """Tell the bank's own systems what happened; doing it twice tells nothing twice that was taken."""
    from bankseg.services.webhook import deliver_bank

    deliver_bank(Settings())
