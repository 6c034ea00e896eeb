"""The embedded broker: one per home, private, and gone with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.embedded.broker import client, is_answering, start_broker
from bankseg.queue import address
from bankseg.settings import Settings


def eventually(claim, within_seconds: float = 60.0) -> bool:
    end = time.monotonic() + within_seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.05)
    return bool(claim())


def test_a_second_start_uses_the_first_broker_and_leaves_it_alone(settings):
    with start_broker(settings) as first:
        with start_broker(settings) as second:
            assert second.url == first.url
            assert second.child is None

        assert first.is_alive()
    assert not is_answering(first.url)


def test_only_the_owner_may_reach_the_socket(settings):
    with start_broker(settings):
        folder = settings.broker_socket.parent

        assert folder.stat().st_mode & 0o777 == 0o700
        assert settings.broker_socket.stat().st_mode & 0o777 == 0o700


def test_messages_outlive_a_killed_broker(settings):
    with start_broker(settings) as broker:
        with client(broker.url) as connected:
            connected.rpush("kept", "message")
            connected.execute_command("WAITAOF", 1, 0, 5000)
        os.kill(broker.child.pid, signal.SIGKILL)
        broker.child.popen.wait()

    with start_broker(settings) as again, client(again.url) as connected:
        assert connected.lrange("kept", 0, -1) == [b"message"]


@pytest.mark.parametrize("name", ["x" * 120, "a folder with blanks, # and %20"])
def test_any_home_will_do(tmp_path, name):
    settings = Settings(home=tmp_path / name)

    with start_broker(settings) as broker:
        assert broker.is_alive()
        assert address(settings) == broker.url
        assert len(os.fsencode(_socket_of(broker.url))) <= 100
        assert _socket_of(broker.url).parent.stat().st_mode & 0o777 == 0o700
    assert _socket_of(broker.url).parent.exists() == (settings.broker_socket.parent == _socket_of(broker.url).parent)


def test_a_configured_broker_that_is_away_is_refused_with_a_remedy(tmp_path):
    settings = Settings(home=tmp_path, broker_url="redis://127.0.0.1:1/0")

    with pytest.raises(ServiceUnavailableError, match="unset BANKSEG_BROKER_URL"):
        start_broker(settings)


@pytest.mark.faults
def test_a_parent_killed_outright_leaves_no_broker(tmp_path):
    script = "import sys, time; from bankseg.settings import Settings; from bankseg.embedded.broker import start_broker; from pathlib import Path\n"
    script += "broker = start_broker(Settings(home=Path(sys.argv[1]))); print(broker.url, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert is_answering(url)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert eventually(lambda: not is_answering(url))


def _socket_of(url: str) -> Path:
    from urllib.parse import unquote

    return Path(unquote(url.removeprefix("redis+socket://")))
