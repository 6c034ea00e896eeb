"""The tests' own object store: moto's S3 server in a process of its own, on the loopback address.

Run as a program it serves until it is killed. One request that writes at a time: moto looks whether a name is free and takes it in two steps, a store does in one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from urllib.request import Request, urlopen

import pytest

ACCESS_KEY, SECRET_KEY = "AKIATESTOFBANKSEG", "a-secret-nobody-may-read"
PARTS = ("moto", "flask_cors")


@dataclass(frozen=True, slots=True)
class Store:
    """A running store and how a process reaches it."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a process that may read and write there."""
        return {
            "BANKSEG_LAKE_ENDPOINT": self.url,
            "BANKSEG_LAKE_REGION": "us-east-1",
            "BANKSEG_LAKE_ACCESS_KEY": ACCESS_KEY,
            "BANKSEG_LAKE_SECRET_KEY": SECRET_KEY,
        }

    def bucket(self, name: str) -> str:
        """Make an empty bucket and return the URL of a lake in it."""
        self.put(name, b"")
        return f"s3://{name}/lake"

    def put(self, path: str, content: bytes) -> None:
        """Write an object, or make a bucket."""
        asked = Request(f"{self.url}/{path}", data=content, method="PUT", headers={"Content-Type": "application/octet-stream"})  # noqa: S310  # our own address
        with urlopen(asked) as answer:  # noqa: S310  # the same
            assert answer.status == 200

    def upload(self, folder: Path, lake: str) -> None:
        """Copy a folder to a place."""
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(f"{lake.removeprefix('s3://')}/{file.relative_to(folder)}", file.read_bytes())


@contextmanager
def running_store(log: Path, **environment: str) -> Iterator[Store]:
    """A store in a process of its own; skipped where moto is not installed, and failed in continuous integration."""
    if any(find_spec(part) is None for part in PARTS):
        reason = "moto is not installed: pip install --require-hashes -r requirements/test.lock"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.object_store"],
            stdout=subprocess.PIPE,
            stderr=stream,
            env={**os.environ, **environment},
            cwd=Path(__file__).parent.parent,
        )
    try:
        assert process.stdout is not None
        yield Store(json.loads(process.stdout.readline())["url"])
    finally:
        process.kill()
        process.communicate()


def serve() -> None:
    """Serve on a free port, and say which."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    store, writing = DomainDispatcherApplication(create_backend_app), Lock()

    def one_writer(environ: Mapping[str, str], start):
        if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return store(environ, start)
        with writing:
            return list(store(environ, start))

    server = make_server("127.0.0.1", 0, one_writer, threaded=True)
    print(json.dumps({"url": f"http://127.0.0.1:{server.port}"}), flush=True)  # noqa: T201  # what the parent reads
    server.serve_forever()


if __name__ == "__main__":
    serve()
