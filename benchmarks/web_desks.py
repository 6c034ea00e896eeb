"""What people ask for at their desks, and a browser that is signed in to one."""

import http.client
import random
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from web_bank import PASSWORD, Size

from bankseg.domain.buckets import bucket_of
from bankseg.settings import Settings

TOO_MANY = 429
# By login the pages of a desk with how often each is asked for; `{client}` is a client in scope, `{next}` the page after the one asked for last.
MANAGER = {
    "/my-day": 3, "/clients": 3, "{next}": 3, "/clients?tier=gold&sort=-balance": 1, "/portfolio": 1, "/clients/{client}": 6, "/clients/{client}/activity": 2, "/clients/{client}/ties": 2,
    "/clients/{client}/past": 2, "/clients/{client}/movements": 2, "/api/v1/clients/{client}": 2, "/api/v1/clients": 2,
}  # fmt: skip
DESKS: Mapping[str, Mapping[str, int]] = {
    "bench.manager": MANAGER,
    "bench.second": MANAGER,
    "bench.head": {"/clients": 2, "{next}": 2, "/portfolio": 1, "/clients/{client}": 1},
    "bench.marketer": {"/clients": 1, "{next}": 1, "/cross-sell": 1, "/cross-sell/credit_card": 1, "/lists/new?about=product:credit_card&size=10000": 1, "/segments": 1, "/api/v1/segments": 1},
    "bench.risk": {"/risk": 3, "{next}": 2, "/risk/overview": 1, "/clients/{client}": 2, "/api/v1/risk-queue": 2},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer: the page as the table names it."""

    page: str
    seconds: float
    status: int
    text: str = ""


class Browser:
    """One person's connection, signed in when a login is given."""

    def __init__(self, port: int, login: str = "") -> None:
        self._connection, self._cookie, self.login, self._next = http.client.HTTPConnection("127.0.0.1", port, timeout=120), "", login, ""
        if login:
            token = re.search(r'name="form_token" value="(\w+)"', self.get("/sign-in").text)
            form = urlencode({"form_token": token[1] if token else "", "login": login, "password": PASSWORD})
            while self._ask("POST", "/sign-in", form)[0] == TOO_MANY:  # so many people at one address sign in one after the other
                time.sleep(5)

    def get(self, address: str, page: str = "") -> Visit:
        """Ask for a page, and read it whole."""
        start = time.perf_counter()
        status, text = self._ask("GET", address)
        return Visit(page or address, time.perf_counter() - start, status, text)

    def visit(self, chance: random.Random, clients: Mapping[str, Sequence[str]], drawn: str = "") -> Visit:
        """One of the desk's pages: the one given, or one drawn by how often each is asked for."""
        desk = DESKS[self.login]
        drawn = drawn or chance.choices(list(desk), list(desk.values()))[0]
        if drawn == "{next}":
            address = self._next or "/clients"
            page = "next page" if self._next else address
        else:
            address = page = drawn
        answer = self.get(address.replace("{client}", chance.choice(clients[self.login])) if "{client}" in address else address, f"{self.login}  {page}")
        self._next = next(iter(re.findall(r'href="([^"]*[?&;]after=[^"]*)"', answer.text)), self._next).replace("&amp;", "&")
        return answer

    def _ask(self, method: str, address: str, form: str = "") -> tuple[int, str]:
        headers = {"Cookie": self._cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        try:
            self._connection.request(method, address, body=form or None, headers=headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # the server ended an idle connection: a browser opens another
            self._connection.close()
            self._connection.request(method, address, body=form or None, headers=headers)
            answer = self._connection.getresponse()
        except TimeoutError:
            self._connection.close()
            return 0, "no answer within two minutes"
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            kept = dict(part.split("=", 1) for part in self._cookie.split("; ") if part) | dict([cookie.split(";")[0].split("=", 1)])
            self._cookie = "; ".join(f"{name}={value}" for name, value in kept.items())
        return answer.status, answer.read().decode()


def visible_clients(settings: Settings, size: Size) -> dict[str, list[str]]:
    """By login the clients it may see whose facts are there: of a portfolio, of a branch, of the risk queue."""
    store = sqlite3.connect(settings.home / "store.sqlite")
    where = {
        "bench.manager": "rm_id = 'RM001'",
        "bench.second": "rm_id = 'RM001-001'",
        "bench.head": "branch_id = 'AG01'",
        "bench.marketer": "client_id < 'C00000500'",
        "bench.risk": "is_high_risk LIMIT 20000",
    }
    return {
        login: [row[0] for row in store.execute(f"SELECT client_id FROM published_client WHERE {rule}") if bucket_of(row[0], size.buckets) < size.filled]
        for login, rule in where.items()
    }
