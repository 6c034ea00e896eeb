"""`bankseg database`: PostgreSQL's roles."""

from pathlib import Path

import click

from bankseg.cli.outcome import answer, reported
from bankseg.services.database_roles import apply_roles, sql_of_roles
from bankseg.settings import Settings


@click.group("database")
def command() -> None:
    """Prepare PostgreSQL for production."""


@command.command("roles")
@click.option("--print", "prints", is_flag=True, help="Print the SQL that makes the roles, and connect to nothing.")
@click.option(
    "--passwords",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="Folder with a file ROLE_password for each role that logs in.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def roles(passwords: Path | None, *, prints: bool, as_json: bool) -> None:
    """Make the roles app_owner, app_web, app_worker, app_audit and app_backup with their rights, and put row security in force; safe to run again."""
    if prints:
        click.echo(sql_of_roles(), nl=False)
        return
    with reported(as_json=as_json):
        done = apply_roles(Settings().as_owner(), passwords)
        state = "row security is in force" if done["in_force"] else "there are no tables yet: row security comes into force with bankseg init"
        answer(done, as_json=as_json, text=f"the roles stand; {state}")
