"""The store's schema: upgraded by Alembic, inside one transaction, as often as one likes."""

import time
from collections.abc import Callable

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.storage import database_roles, tables
from bankseg.storage.revisions import MIGRATIONS

HEAD = "head"
LOCK_NOT_AVAILABLE = "55P03"
ATTEMPTS = 30  # each waits two seconds for its locks, so that whoever reads or writes meanwhile waits no longer behind it
PAUSE_SECONDS = 1.0


def upgrade(engine: Engine, to: str = HEAD, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Bring the schema to the newest revision, or to an earlier one that a backup is of; does nothing when it is there.

    The service may go on meanwhile: a lock that is not to be had at once is given up and asked for again.

    Raises
    ------
    ServiceUnavailableError
        When somebody holds a table all the time; nothing was changed.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _upgrade_once(engine, to)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            if attempt == ATTEMPTS:
                raise ServiceUnavailableError(
                    f"a table was in use at each of {ATTEMPTS} attempts", "a moment without a long transaction", "end it, or upgrade at a quieter hour"
                ) from error
            pause(PAUSE_SECONDS)
        else:
            return


def _upgrade_once(engine: Engine, to: str) -> None:
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        if to == HEAD and connection.dialect.name == "postgresql":
            database_roles.grant(connection)


def revision(engine: Engine) -> str | None:
    """Revision the store is at; None before the first upgrade."""
    with engine.connect() as connection:
        found: str | None = MigrationContext.configure(connection).get_current_revision()
        return found


def differences(engine: Engine) -> list[object]:
    """What the tables in code have that the store has not, or the other way round."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.METADATA))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
