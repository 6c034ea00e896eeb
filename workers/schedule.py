"""What beat rings for by itself."""

from typing import Any

from bankseg.queue import QUEUE_NAME, RECONCILE
from bankseg.settings import Settings


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:  # Any: Celery's schedule entries are of mixed types
    """Ring the reconciler; a ring that was not answered before the next one is dropped instead of piling up."""
    return {
        "reconcile": {
            "task": RECONCILE,
            "schedule": float(settings.reconcile_seconds),
            "options": {"queue": QUEUE_NAME, "expires": float(settings.reconcile_seconds)},
        }
    }
