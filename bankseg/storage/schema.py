"""The store's schema: upgraded by Alembic, inside one transaction, as often as one likes."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from bankseg.storage import tables

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the schema to the newest revision, or to an earlier one that a backup is of; does nothing when it is there."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def revision(engine: Engine) -> str | None:
    """Revision the store is at; None before the first upgrade."""
    with engine.connect() as connection:
        found: str | None = MigrationContext.configure(connection).get_current_revision()
        return found


def newest_revision() -> str | None:
    """Revision this release brings."""
    found: str | None = ScriptDirectory.from_config(_config()).get_current_head()
    return found


def differences(engine: Engine) -> list[object]:
    """What the tables in code have that the store has not, or the other way round."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.METADATA))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
