"""A PostgreSQL database as in production: its roles made, its policies in force, and a URL for each role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Engine, make_url

from bankseg.storage import database_roles, schema
from bankseg.storage.database import make_engine
from tests.postgres import Server

PASSWORD = "of-a-role-in-tests-only"


@dataclass(frozen=True, slots=True)
class WalledStore:
    """URLs of one database: of the server's superuser, and of each role."""

    url: str
    _engines: dict[str, Engine] = field(default_factory=dict)

    def of(self, role: str) -> str:
        """The URL by which a role connects."""
        return make_url(self.url).set(username=role, password=PASSWORD).render_as_string(hide_password=False)

    def engine(self, role: str = "") -> Engine:
        """The engine of a role, or of the superuser."""
        if role not in self._engines:
            self._engines[role] = make_engine(self.of(role) if role else self.url)
        return self._engines[role]

    def close(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            engine.dispose()


@contextmanager
def walled_store(server: Server) -> Iterator[WalledStore]:
    """An empty database whose roles were made and whose schema the owner's role made, for as long as the block runs."""
    name = f"walled_{uuid4().hex[:12]}"
    store = WalledStore(server.database(name))
    try:
        with store.engine().begin() as connection:
            database_roles.make_roles(connection, dict.fromkeys(database_roles.LOGINS, PASSWORD))
        schema.upgrade(store.engine(database_roles.OWNER))
        yield store
    finally:
        store.close()
        server.drop(name)
