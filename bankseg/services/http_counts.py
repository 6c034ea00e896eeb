"""Requests counted by every web process and added up on the broker, so that /metrics speaks of all of them whichever answers.

Losing them loses no work: after a broker that forgot, the counters start again at zero, which Prometheus knows how to read.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

import redis

from bankseg.embedded.broker import client
from bankseg.queue import address
from bankseg.services.exposition import Sample
from bankseg.settings import Settings

KEY = "bankseg:http"
BOUNDS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TELL_SECONDS = 5.0  # between two times a process tells the broker
ANSWER_SECONDS = 2.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HttpCounts:
    """What this process has counted and not told yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._told_at = 0.0

    def add(self, endpoint: str | None, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        name = endpoint or "none"
        with self._lock:
            self._held[f"n|{name}|{method if method in METHODS else 'OTHER'}|{status}"] += 1
            self._held[f"b|{name}|{status}|{bisect_left(BOUNDS_SECONDS, seconds)}"] += 1
            self._held[f"s|{name}|{status}"] += seconds

    def tell_now_and_then(self) -> None:
        """Tell the broker beside the request, when the last time is long enough ago."""
        with self._lock:
            if time.monotonic() - self._told_at < TELL_SECONDS:
                return
            self._told_at = time.monotonic()
        threading.Thread(target=self.tell, name="http-counts", daemon=True).start()

    def tell(self) -> bool:
        """Add what is held to the broker's counts; kept for the next time when it does not answer."""
        with self._lock:
            held, self._held = self._held, defaultdict(float)
        if not held:
            return True
        try:
            with client(address(self._settings), within_seconds=ANSWER_SECONDS) as broker, broker.pipeline(transaction=True) as together:
                for field, amount in held.items():
                    together.hincrbyfloat(KEY, field, amount)
                together.execute()
        except (redis.RedisError, OSError, ValueError):
            with self._lock:
                for field, amount in held.items():
                    self._held[field] += amount
            return False
        return True


def counted(settings: Settings) -> dict[str, float]:
    """Every process's counts, by field.

    Raises
    ------
    redis.RedisError
        When the broker does not answer.
    """
    with client(address(settings), within_seconds=ANSWER_SECONDS) as broker:
        found: Mapping[bytes, bytes] = broker.hgetall(KEY)
    return {field.decode(): float(amount) for field, amount in found.items()}


def request_samples(counts: Mapping[str, float]) -> tuple[Sample, ...]:
    """Requests by endpoint, method and status."""
    fields = sorted(field.split("|") for field in counts if field.startswith("n|"))
    return tuple(
        Sample(counts[f"n|{endpoint}|{method}|{status}"], {"endpoint": endpoint, "method": method, "status": status}) for _, endpoint, method, status in fields
    )


def latency_samples(counts: Mapping[str, float]) -> tuple[Sample, ...]:
    """The histogram of seconds by endpoint and status: cumulative buckets, sum and count.

    Examples
    --------
    >>> samples = latency_samples({"b|home|200|0": 3.0, "b|home|200|10": 1.0, "s|home|200": 12.5})
    >>> [(sample.suffix, sample.labels.get("le"), sample.value) for sample in samples[-4:]]
    [('_bucket', '10.0', 3.0), ('_bucket', '+Inf', 4.0), ('_sum', None, 12.5), ('_count', None, 4.0)]
    """
    samples: list[Sample] = []
    for _, endpoint, status in sorted(field.split("|") for field in counts if field.startswith("s|")):
        labels = {"endpoint": endpoint, "status": status}
        so_far = 0.0
        for place, bound in enumerate((*map(str, BOUNDS_SECONDS), "+Inf")):
            so_far += counts.get(f"b|{endpoint}|{status}|{place}", 0.0)
            samples.append(Sample(so_far, {**labels, "le": bound}, "_bucket"))
        samples += [Sample(counts[f"s|{endpoint}|{status}"], labels, "_sum"), Sample(so_far, labels, "_count")]
    return tuple(samples)
