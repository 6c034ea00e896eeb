"""Files sent to be loaded: sent, looked at, mapped, tried, loaded, or withdrawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bankseg.client.results import Sent, Upload
from bankseg.client.transport import API, Transport

PATH = f"{API}/uploads"


class UploadCalls:
    """The calls of one service about files to load; the token needs the right `load`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def waiting(self) -> dict[str, Any]:
        """The files sent lately, and what may be sent."""
        return dict(self._transport.call("GET", PATH).document)

    def send(self, file: Path, name: str | None = None) -> Sent:
        """Send a file, read as it goes; the same file twice changes nothing."""
        return Sent.of(self._transport.send(PATH, file, query={"file_name": name or file.name}).document)

    def one(self, upload_id: int) -> Upload:
        """One file as it stands."""
        return Upload.of(self._transport.call("GET", f"{PATH}/{upload_id}").document)

    def choose(self, upload_id: int, table: str, extract_on: str, *, sources: Mapping[str, str] | None = None, **more: Any) -> Upload:
        """Choose the table and the source of each column (none given: proposed from the headers); `more` is `dialect` and `codes`."""
        return self._asked("PUT", upload_id, "choices", {"table": table, "extract_on": extract_on, "sources": sources, **more})

    def write(self, upload_id: int, mapping: str) -> Upload:
        """Keep a mapping written as TOML."""
        return self._asked("PUT", upload_id, "mapping", {"text": mapping})

    def mapping(self, upload_id: int) -> str:
        """The mapping as `bankseg ingest` reads it."""
        return self._transport.text(f"{PATH}/{upload_id}/mapping.toml")

    def try_out(self, upload_id: int) -> Upload:
        """Run the checks of loading, and load nothing."""
        return self._asked("POST", upload_id, "trial")

    def load(self, upload_id: int) -> Upload:
        """Ask a worker to load a file that was tried; `Service.wait` waits for its end."""
        return self._asked("POST", upload_id, "load")

    def retry(self, upload_id: int) -> Upload:
        """Try a load that failed again."""
        return self._asked("POST", upload_id, "retry")

    def call_off(self, upload_id: int) -> Upload:
        """Take back a load nobody has begun, or that failed."""
        return self._asked("POST", upload_id, "call-off")

    def withdraw(self, upload_id: int) -> None:
        """Delete a file that waits."""
        self._transport.call("DELETE", f"{PATH}/{upload_id}")

    def _asked(self, method: str, upload_id: int, what: str, body: Any = None) -> Upload:
        return Upload.of(self._transport.call(method, f"{PATH}/{upload_id}/{what}", body=body).document)
