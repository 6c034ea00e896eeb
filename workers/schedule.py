"""What beat rings for by itself."""

from typing import Any

from bankseg.queue import CANARY, MONITOR, QUEUE_NAME, RECONCILE, REFRESH, WEBHOOK
from bankseg.settings import Settings


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:  # Any: Celery's schedule entries are of mixed types
    """Ring the reconciler, the monitor, the refresh of segments, the canary and, where one is set, the webhook; a ring that was not answered before the next one is dropped instead of piling up."""
    every = {RECONCILE: settings.reconcile_seconds, MONITOR: settings.monitor_seconds, REFRESH: settings.refresh_seconds, CANARY: settings.canary_seconds}
    if settings.webhook_url:
        every[WEBHOOK] = settings.webhook_seconds
    return {
        task.rpartition(".")[2]: {"task": task, "schedule": float(seconds), "options": {"queue": QUEUE_NAME, "expires": float(seconds)}}
        for task, seconds in every.items()
    }
