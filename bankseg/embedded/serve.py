"""Runs broker, worker and web server together until somebody says stop."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from bankseg.embedded.supervise import embedded_services, free_port
from bankseg.settings import Settings

LOOK_SECONDS = 2.0
MOST_RESTARTS = 10  # in a row with no quiet minute between; more means that something is broken for good
QUIET_LOOKS = 30


def serve(settings: Settings, *, announce: Callable[[str], None], note: Callable[[str], None]) -> None:
    """Start what is missing, announce the address, start again what dies, and stop everything on SIGINT or SIGTERM."""
    settings = settings if settings.port else settings.model_copy(update={"port": free_port(settings.host)})
    with _stop_signals() as stop, embedded_services(settings, worker=True, web=True) as services:
        announce(web_address(settings))
        restarts = quiet = 0
        while not stop.wait(LOOK_SECONDS) and restarts < MOST_RESTARTS:
            started = services.ensure()
            restarts += len(started)
            quiet = 0 if started else quiet + 1
            if quiet >= QUIET_LOOKS:
                restarts = 0
            for name in started:
                note(f"{name} had stopped and was started again")
        if not stop.is_set():
            note("giving up: a service stops as soon as it is started; see the logs folder under home")


def web_address(settings: Settings) -> str:
    """What a person types into a browser."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  # compares, binds nothing
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event set by SIGINT or SIGTERM; a second signal ends the process at once."""
    stop = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, hear)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
