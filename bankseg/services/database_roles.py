"""PostgreSQL's roles made from password files, and which walls stand for a connection."""

from pathlib import Path

from sqlalchemy import make_url

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.settings import Settings
from bankseg.storage import database_roles, walls
from bankseg.storage.database import make_engine

SHORTEST_PASSWORD = 16


def sql_of_roles() -> str:
    """The statements as a script for psql."""
    return "".join(f"{statement};\n" for statement in database_roles.role_statements())


def apply_roles(settings: Settings, passwords: Path | None) -> dict[str, object]:
    """Make the roles by the connection of these settings, which is a superuser's; passwords come from files named `ROLE_password`.

    Raises
    ------
    ConfigurationError
        When the store is not PostgreSQL, or a password is short.
    InputError
        When the folder holds no password of a role.
    """
    if make_url(settings.store).get_backend_name() != "postgresql":
        raise ConfigurationError("the store is not PostgreSQL", "BANKSEG_OWNER_STORE_URL or BANKSEG_STORE_URL of a superuser", "SQLite has no roles")
    given = _passwords(passwords) if passwords else {}
    engine = make_engine(settings.store)
    try:
        with engine.begin() as connection:
            in_force = database_roles.make_roles(connection, given)
        found = walls.standing(engine)
    finally:
        engine.dispose()
    return {"roles": [*database_roles.LOGINS, database_roles.AUDIT], "passwords": sorted(given), "in_force": in_force and not found.unwalled}


def _passwords(folder: Path) -> dict[str, str]:
    paths = {role: folder / f"{role}_password" for role in database_roles.LOGINS}
    found = {role: path.read_text(encoding="utf-8").strip() for role, path in paths.items() if path.is_file()}
    if not found:
        raise InputError(f"{folder} holds no password", f"files such as {paths[database_roles.WEB].name}", "docs/how-to/postgresql.md says how to make them")
    short = sorted(role for role, password in found.items() if len(password) < SHORTEST_PASSWORD)
    if short:
        raise ConfigurationError(f"the password of {', '.join(short)} is short", f"{SHORTEST_PASSWORD} characters or more", "make it of random bytes")
    return found
