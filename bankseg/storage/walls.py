"""Which walls stand between a connection and the clients: what the role may pass, and whether every table is closed."""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from bankseg.domain.errors import ConfigurationError
from bankseg.storage.database import make_engine
from bankseg.storage.row_security import CLIENT_TABLES

_log = logging.getLogger(__name__)
LOOK = """
    SELECT current_user::text, rolsuper, rolbypassrls,
        EXISTS (SELECT 1 FROM pg_class WHERE relname = ANY(%(tables)s) AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
            AND pg_has_role(current_user, relowner, 'MEMBER')),
        ARRAY(SELECT relname::text FROM pg_class WHERE relname = ANY(%(tables)s) AND relkind = 'r' AND relnamespace = current_schema()::regnamespace
            AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname)
    FROM pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a PostgreSQL role can pass by; `unwalled` names tables about clients whose policies are not in force."""

    role: str
    is_superuser: bool
    bypasses: bool
    owns: bool
    unwalled: tuple[str, ...]

    @property
    def gaps(self) -> list[str]:
        """Why row security does not hold for this role; empty when it does."""
        powers = (("is a superuser", self.is_superuser), ("bypasses row security", self.bypasses), ("owns tables about clients", self.owns))
        found = [f"{self.role} {power}" for power, has in powers if has]
        return [*found, f"no policy is in force on {', '.join(self.unwalled)}"] if self.unwalled else found


def standing(engine: Engine) -> Standing:
    """Ask PostgreSQL who we are to it."""
    with engine.connect() as connection:
        return _standing(connection.connection.driver_connection)


def require(url: str) -> None:
    """Refuse to start where row security does not hold; a store that is away is asked again at the first connection.

    Raises
    ------
    ConfigurationError
        Naming what the role may pass, or the tables without a policy in force.
    """
    engine = make_engine(url)
    refuse_gaps(engine)
    try:
        if engine.dialect.name == "postgresql":
            engine.connect().close()
    except OperationalError:
        _log.warning("the store does not answer: its walls are looked at when it does")
    finally:
        engine.dispose()


def refuse_gaps(engine: Engine) -> None:
    """Refuse every new PostgreSQL connection of a role that row security does not hold for; SQLite is left alone."""
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _refuse)


def _refuse(driver: Any, record: object) -> None:  # psycopg's connection and SQLAlchemy's event signature
    del record
    gaps = _standing(driver).gaps
    driver.rollback()
    if gaps:
        raise ConfigurationError(
            f"row security does not hold on this connection: {'; '.join(gaps)}",
            "the role app_web for the web, app_worker for workers, on a migrated store",
            "run bankseg database roles and put the role's URL into BANKSEG_WEB_STORE_URL or BANKSEG_STORE_URL; BANKSEG_DEVELOPMENT=true allows it where no client is real",
        )


def _standing(driver: Any) -> Standing:  # psycopg's connection
    row = driver.execute(LOOK, {"tables": list(CLIENT_TABLES)}).fetchone()
    return Standing(row[0], row[1], row[2], row[3], tuple(row[4]))
