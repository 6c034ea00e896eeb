"""The service as a program sees it: pages as iterators, work waited for, files streamed."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from bankseg.client.errors import UnavailableError
from bankseg.client.results import Account, Client, ClientList, Run, SavedView, Study, Upload
from bankseg.client.transport import API, Reply, Transport
from bankseg.client.uploads import UploadCalls

LARGEST_PAGE = 200
PIECE_BYTES = 1 << 16
Work = TypeVar("Work", Run, Study, Upload)


class Service:
    """One service, called with one person's token.

    Parameters
    ----------
    server
        Address such as https://bankseg.example.
    token
        Made on the page of the account; begins with bks_.

    Examples
    --------
    >>> service = Service("https://bankseg.example", "bks_...")
    >>> service.transport.server
    'https://bankseg.example'
    """

    def __init__(self, server: str, token: str, **options: Any) -> None:
        self.transport = Transport(server, token, **options)
        self.uploads = UploadCalls(self.transport)

    def account(self) -> Account:
        """Who calls."""
        return Account.of(self._get("/account"))

    def clients(self, **chosen: Any) -> Iterator[Client]:
        """Every client of your scope that matches, in the order asked for; parameters are those of `GET /clients`."""
        return (Client.of(row) for row in self.rows("/clients", "clients", **chosen))

    def client(self, client_id: str) -> dict[str, Any]:
        """One client with products, risk case and history."""
        return self._get(f"/clients/{_part(client_id)}")

    def cross_sell(self, product: str, **chosen: Any) -> Iterator[dict[str, Any]]:
        """A product's list, likeliest first."""
        return self.rows(f"/cross-sell/{_part(product)}", "clients", **chosen)

    def rows(self, path: str, name: str, **chosen: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list over all of its pages, fetched as they are read."""
        after: str | None = ""
        while after is not None:
            page = self._get(path, {"limit": LARGEST_PAGE, **chosen, "after": after})
            yield from page[name]
            after = page.get("next_after")

    def runs(self) -> list[Run]:
        """The latest runs, newest first."""
        return [Run.of(row) for row in self._get("/runs")["runs"]]

    def run(self, run_id: int) -> Run:
        """One run with its stages."""
        return Run.of(self._get(f"/runs/{run_id}"))

    def start_run(self, as_of: str | None = None, *, retrain: bool = False) -> Run:
        """Start a run; the same inputs are the same run."""
        return Run.of(self._send("POST", "/runs", {"as_of": as_of, "retrain": retrain}).document)

    def retry_run(self, run_id: int) -> Run:
        """Try a failed run again."""
        return Run.of(self._send("POST", f"/runs/{run_id}/retry").document)

    def stop_run(self, run_id: int) -> Run:
        """Stop a run that goes on."""
        return Run.of(self._send("POST", f"/runs/{run_id}/stop").document)

    def ask_for_study(self, kind: str, **asked: Any) -> Study:
        """Ask for a study of the published run."""
        return Study.of(self._send("POST", "/studies", {"kind": kind, **asked}).document)

    def study(self, study_id: int) -> Study:
        """One study; what it found is in `more`."""
        told = self._get(f"/studies/{study_id}")
        return Study.of({**told["study"], "result": told["result"], "refusal": told["refusal"]})

    def wait(self, work: Work, told: Callable[[Work], None] | None = None, *, most_seconds: float = 24 * 3600.0, every_seconds: float = 2.0) -> Work:
        """Wait until a run, a study or a load ends, and return it as it stands then; `told` hears of it each time.

        Raises
        ------
        UnavailableError
            When it goes on for longer.
        """
        until = time.monotonic() + most_seconds
        while not work.is_final:
            if told is not None:
                told(work)
            if time.monotonic() > until:
                raise UnavailableError(0, {"found": f"work that goes on after {most_seconds:.0f} s", "remedy": "ask again later: it goes on by itself"})
            self.transport.pause(every_seconds)
            work = self._again(work)
        if told is not None:
            told(work)
        return work

    def lists(self) -> list[ClientList]:
        """The lists you may see, newest first."""
        return [ClientList.of(row) for row in self._get("/lists")["lists"]]

    def keep_list(self, name: str, **terms: Any) -> ClientList:
        """Keep a list as a draft."""
        return ClientList.of(self._send("POST", "/lists", {"name": name, **terms}).document["list"])

    def views(self) -> list[SavedView]:
        """Your views of the list of clients."""
        return [SavedView.of(row) for row in self._get("/views")["views"]]

    def view(self, view_id: int) -> SavedView:
        """One view, with the tag to change it by."""
        reply = self.transport.call("GET", f"{API}/views/{view_id}")
        return SavedView.of({**reply.document, "etag": reply.etag})

    def keep_view(self, name: str, query: str) -> SavedView:
        """Keep a view under a name."""
        reply = self._send("POST", "/views", {"name": name, "query": query})
        return SavedView.of({**reply.document, "etag": reply.etag})

    def change_view(self, view: SavedView, *, name: str | None = None, query: str | None = None) -> SavedView:
        """Change a view as it was read.

        Raises
        ------
        ChangedError
            When it was changed since.
        """
        body = {"name": view.name if name is None else name, "query": view.query if query is None else query}
        reply = self._send("PUT", f"/views/{view.id}", body, view.etag)
        return SavedView.of({**reply.document, "etag": reply.etag})

    def download(self, path: str, target: Path, **query: Any) -> int:
        """Stream a file of `/files` (or a list's members) to a path, whole or not at all; its rows."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self.transport.stream(f"{API}{path}", query=query) as answer, part.open("wb") as file:
                while piece := answer.read(PIECE_BYTES):
                    file.write(piece)
                if answer.length:  # what the answer said it would still bring
                    raise UnavailableError(0, {"found": f"a file that broke off {answer.length} bytes before its end", "remedy": "fetch it again"})
                rows = int(answer.headers.get("X-Row-Count") or 0)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return rows

    def _again(self, work: Work) -> Work:
        match work:
            case Run():
                return self.run(work.run_id)
            case Study():
                return self.study(work.id)
            case Upload():
                return self.uploads.one(work.id)

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.transport.call("GET", f"{API}{path}", query=query).document
        return found

    def _send(self, method: str, path: str, body: Any = None, if_match: str | None = None) -> Reply:
        return self.transport.call(method, f"{API}{path}", body=body, if_match=if_match)


def _part(text: str) -> str:
    return quote(text, safe="")
