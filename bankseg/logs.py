"""How every long-lived process logs: one line an event, as text or JSON, with the ids of what it belongs to and no personal data.

An exception of a library is told by its class and its frames: its words may quote a row, and with it a client.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import MappingProxyType, TracebackType
from typing import Any, TextIO

from bankseg.domain.errors import BanksegError

# What a record may carry beside its message: ids, counts, codes. Anything else given as `extra` is not written.
FIELDS = ("request_id", "run_id", "job_id", "person_id", "job", "stage", "worker", "endpoint", "method", "status", "milliseconds")
MOST_FRAMES = 20

ExceptionInformation = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_IDS: ContextVar[Mapping[str, object]] = ContextVar("bankseg_log_ids", default=MappingProxyType({}))


@contextmanager
def bound(**ids: object) -> Iterator[None]:
    """Add these ids to every line this thread of work logs inside the block."""
    token = _IDS.set({**_IDS.get(), **ids})
    try:
        yield
    finally:
        _IDS.reset(token)


def bind(**ids: object) -> None:
    """Replace the ids of this thread of work: what a server's thread does when it takes the next request."""
    _IDS.set(ids)


def configure(log_format: str, level: str, stream: TextIO | None = None) -> logging.Handler:
    """Let the root logger write in this form, and nothing else beside it; returns the handler.

    Parameters
    ----------
    log_format
        ``plain`` or ``json``.
    level
        Least level that is written, by name.
    stream
        Where to; standard error when not given.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else Plain())
    handler.addFilter(hush_celery)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    return handler


def hush_celery(record: logging.LogRecord) -> bool:
    """Let Celery name the task that failed, and not repeat the words of its exception; every record passes."""
    context = vars(record).get("data")
    if isinstance(context, Mapping) and "exc" in context:
        record.msg, record.args = "Task %s[%s] %s", (context.get("name"), context.get("id"), context.get("description"))
    return True


class Plain(logging.Formatter):
    """A line for people: time, level, logger, event, then the ids."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        """The line and the ids behind it."""
        ids = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        return f"{super().formatMessage(record)} {ids}".rstrip()

    def formatException(self, ei: ExceptionInformation) -> str:  # noqa: N802  # the library's name
        """Class and frames."""
        return "\n".join(f"  {part}" for part in told(ei))


class JsonLines(logging.Formatter):
    """A line for machines: one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One object: time (UTC), level, logger, event, the ids, and an exception's class and frames."""
        line: dict[str, Any] = {  # JSON values
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = told(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """The ids and counts a record carries, those of the work around it included."""
    carried = {**_IDS.get(), **vars(record)}
    return {name: carried[name] for name in FIELDS if carried.get(name) is not None}


def told(information: ExceptionInformation) -> list[str]:
    """An exception by its class, its frames, and its words where they are ours.

    Examples
    --------
    >>> told((ValueError, ValueError("Zoé Petit"), None))
    ['ValueError']
    """
    kind, error, frames = information
    if kind is None:
        return []
    words = f"{kind.__name__}: {error}" if isinstance(error, BanksegError) else kind.__name__
    return [words, *(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in extract_tb(frames)[-MOST_FRAMES:])]
