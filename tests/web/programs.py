"""Programs that call the API with the token of a person."""

from typing import Any

from bankseg.services import access_tokens
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading
from bankseg.storage.person import by_login


def token_for(settings: Settings, login: str, *rights: str) -> str:
    """A new token of a person; without rights named, with all the person may give."""
    engine = make_engine(settings.store)
    with reading(engine) as session:
        person = by_login(session, login)
    assert person is not None
    given = rights or tuple(str(right) for right in access_tokens.grantable(person.scope))
    secret = access_tokens.issue(engine, person.scope, "program", given).secret
    engine.dispose()
    return secret


class Program:
    """A program that calls the API as a person."""

    def __init__(self, browsers: Any, login: str, *rights: str) -> None:
        self.headers = {"Authorization": f"Bearer {token_for(browsers.settings, login, *rights)}"}
        self._browsers = browsers

    def __call__(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None):
        http = self._browsers.stranger()
        return http.open(f"/api/v1{path}", method=method, json=body, headers={**self.headers, **(headers or {})}, buffered=True)
