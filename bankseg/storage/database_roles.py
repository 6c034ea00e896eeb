"""PostgreSQL's roles: the owner migrates, web and worker work through the row policies, backup reads past them, the trail is only added to."""

from collections.abc import Mapping

from psycopg import sql
from sqlalchemy import Connection, text
from sqlmodel import Session

from bankseg.storage.client_holder import ClientHolder, follow
from bankseg.storage.row_security import CLIENT_TABLES, WORKER_POLICY

OWNER, WEB, WORKER, AUDIT, BACKUP = "app_owner", "app_web", "app_worker", "app_audit", "app_backup"
LOGINS = (OWNER, WEB, WORKER, BACKUP)  # the audit role is held by others and logs in nowhere
TRAIL, REVISION_TABLE = "audit_entry", "alembic_version"
REDACTED = ("subject", "details", "redacted_by")  # of the trail, all that an erasure may change: the chain pins it
WEB_READS_ONLY = (TRAIL, REVISION_TABLE, "client_holder", "current_run", "product_propensity", "published_client", "risk_case")
WORKER_READS_ONLY = (TRAIL, REVISION_TABLE, "person")
NOT_FOR_WORKER = ("access_token", "openid_attempt", "openid_identity", "websession")
# Plans through policies look dearer than they are: compiling them takes longer than running them.
WEB_SETTINGS = {"statement_timeout": "5s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "60s", "jit": "off"}
ATTRIBUTES = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT"
MAINTAIN_FROM = 170_000  # the first version in which another than the owner may be let measure a table


def role_statements() -> list[str]:
    """SQL that makes the roles without passwords, gives the owner what this database holds, and lets the others in; again changes nothing.

    It needs a superuser. Roles belong to the whole server: databases on it share them.
    """
    found = []
    for role in (*LOGINS, AUDIT):
        logs_in, passes = "LOGIN" if role in LOGINS else "NOLOGIN", "BYPASSRLS" if role == BACKUP else "NOBYPASSRLS"
        missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
        found += [f"DO $$ BEGIN IF {missing} THEN CREATE ROLE {role}; END IF; END $$", f"ALTER ROLE {role} {ATTRIBUTES} {logs_in} {passes}"]
    found.append(f"GRANT {AUDIT} TO {WEB}, {WORKER}, {BACKUP}")
    found += [f"ALTER ROLE {WEB} SET {name} = '{value}'" for name, value in WEB_SETTINGS.items()]
    of_database = (
        ("REVOKE ALL", "FROM PUBLIC"),
        ("GRANT CONNECT", f"TO {', '.join(LOGINS)}"),
        ("GRANT TEMPORARY", f"TO {WEB}, {WORKER}"),  # rows are copied beside a table first
    )
    found += [f"DO $$ BEGIN EXECUTE '{right} ON DATABASE ' || quote_ident(current_database()) || ' {whom}'; END $$" for right, whom in of_database]
    others = f"SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> '{OWNER}'"  # noqa: S608  # names of ours
    give = f"EXECUTE 'ALTER TABLE public.' || quote_ident(name) || ' OWNER TO {OWNER}'"  # its sequences follow
    return [
        *found,
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {WEB}, {WORKER}, {AUDIT}, {BACKUP}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}",
        f"DO $$ DECLARE name text; BEGIN FOR name IN {others} LOOP {give}; END LOOP; END $$",
    ]


def make_roles(connection: Connection, passwords: Mapping[str, str]) -> bool:
    """Make the roles, set the passwords that are given, and put the rights and policies in force; False where there are no tables yet."""
    for statement in role_statements():
        connection.exec_driver_sql(statement)
    for role, password in passwords.items():
        connection.exec_driver_sql(f"ALTER ROLE {role} PASSWORD {_literal(connection, password)}")
    return grant(connection)


def grant(connection: Connection) -> bool:
    """Let each role do its work on the tables there are and put the row policies in force; True when the database belongs to the owner's role and we act for it.

    Part of every migration, done by that role; again changes nothing. A worker that finds the schema new enough comes here too, and has no rights to give.
    """
    owned = text("""
        SELECT 1 FROM pg_tables
        WHERE schemaname = 'public' AND tablename = :table AND tableowner = :owner AND pg_has_role(current_user, tableowner, 'MEMBER')""")
    if connection.execute(owned, {"table": REVISION_TABLE, "owner": OWNER}).first() is None:
        return False
    tables = set(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
    for statement in _grants(tables, int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())):
        connection.exec_driver_sql(statement)
    for table in sorted(tables & set(CLIENT_TABLES)):
        _wall(connection, table)
    return True


def _wall(connection: Connection, table: str) -> None:
    """With FORCE, or the table's owner would see every row. A table that is walled already is not locked again."""
    found = connection.execute(text("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = to_regclass(:table)"), {"table": table})
    if found.scalar_one():
        return
    if table == ClientHolder.__tablename__:
        shown = connection.exec_driver_sql("SELECT run_id FROM current_run WHERE kind = 'portfolio'").scalar()
        with Session(connection) as session:
            follow(session, int(shown or 0))
    connection.exec_driver_sql(f"CREATE POLICY {WORKER_POLICY} ON {table} TO {WORKER} USING (true) WITH CHECK (true)")
    connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def _grants(tables: set[str], version: int) -> list[str]:
    everyone = f"{WEB}, {WORKER}, {BACKUP}"
    found = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everyone}, {AUDIT}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {everyone}, {AUDIT}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {everyone}",
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {BACKUP}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WEB}, {WORKER}, {AUDIT}",
    ]
    for role, untouched in ((WEB, WEB_READS_ONLY), (WORKER, (*WORKER_READS_ONLY, *NOT_FOR_WORKER))):
        if written := sorted(tables - set(untouched)):
            found.append(f"GRANT INSERT, UPDATE, DELETE ON {_listed(written)} TO {role}")
    found += [f"REVOKE ALL ON {_listed(hidden)} FROM {WORKER}" for hidden in [sorted(tables & set(NOT_FOR_WORKER))] if hidden]
    if TRAIL in tables:
        found += [f"GRANT INSERT ON {TRAIL} TO {AUDIT}", f"GRANT UPDATE ({', '.join(REDACTED)}) ON {TRAIL} TO {WORKER}"]
    if version >= MAINTAIN_FROM:
        found += [f"GRANT MAINTAIN ON {_listed(loaded)} TO {WORKER}" for loaded in [sorted(tables & set(CLIENT_TABLES))] if loaded]
    return found


def _listed(tables: list[str]) -> str:
    return ", ".join(f'"{table}"' for table in tables)


def _literal(connection: Connection, value: str) -> str:
    return sql.Literal(value).as_string(connection.connection.driver_connection)
