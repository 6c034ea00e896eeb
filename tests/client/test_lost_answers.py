"""Calls whose answer gets lost on the way are made again, and done once."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bankseg.client import Service
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading
from bankseg.storage.saved_view import of_person
from tests.web.programs import token_for


class Cutter:
    """A door before the service that delivers every request, and loses the first answers."""

    def __init__(self, port: int, losses: int) -> None:
        self._port, self._left = port, losses
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller, socket.create_connection(("127.0.0.1", self._port)) as service:
                service.sendall(_whole_request(caller))
                answer = _until_closed(service)
                self._left -= 1
                if self._left < 0:
                    caller.sendall(answer)

    def close(self) -> None:
        """Close the door."""
        self._socket.close()


def _whole_request(caller: socket.socket) -> bytes:
    told = b""
    while b"\r\n\r\n" not in told:
        told += caller.recv(65_536)
    head, _, body = told.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        body += caller.recv(65_536)
    return head + b"\r\n\r\n" + body


def _until_closed(service: socket.socket) -> bytes:
    pieces = []
    while piece := service.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def cutter(address: str) -> Iterator[Cutter]:
    """A door that loses two answers."""
    cutter = Cutter(int(address.rpartition(":")[2]), 2)
    yield cutter
    cutter.close()


def test_a_change_whose_answer_was_lost_is_done_once(cutter: Cutter, home: Path) -> None:
    settings = Settings(home=home)
    service = Service(cutter.address, token_for(settings, "bob"), pause=lambda _: None)

    kept = service.keep_view("Once", "tier=gold")

    with reading(make_engine(settings.store)) as session:
        assert [(row.id, row.name) for row in of_person(session, 2)] == [(kept.id, "Once")]
    assert service.view(kept.id).query == "tier=gold"
