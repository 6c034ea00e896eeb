"""A live service of the small bank, and clients of it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from waitress.server import create_server

from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine
from bankseg.web.app import create_app
from tests.web.conftest import furnish


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the small bank."""
    home = tmp_path_factory.mktemp("bank")
    engine = make_engine(Settings(home=home).store)
    schema.upgrade(engine)
    furnish(engine, Settings(home=home))
    engine.dispose()
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The address of the service, on a port of its own."""
    server, is_over = create_server(create_app(Settings(home=home)), host="127.0.0.1", port=0, threads=2), threading.Event()

    def serve() -> None:
        try:
            server.run()
        except OSError:  # a kept-alive connection that is closed under the loop which waits for it
            if not is_over.is_set():
                raise

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    is_over.set()
    server.close()
    thread.join(60)
