"""`bankseg init`: make or upgrade the store, and the first person."""

import click

from bankseg.cli.outcome import answer, reported
from bankseg.domain.people import Role
from bankseg.services.bank import open_unwalled
from bankseg.services.people import ensure_person
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import transaction


@click.command("init")
@click.option("--admin", "login", default=None, help="Make (or reset) an administrator with this login; the password is asked for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(login: str | None, *, as_json: bool) -> None:
    """Make the home folder, the secret key and the store, or upgrade the store's schema; safe to run again."""
    with reported(as_json=as_json):
        bank = open_unwalled(Settings().as_owner())
        bank.settings.key()
        schema.upgrade(bank.engine)
        if login:
            password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
            with transaction(bank.engine) as session:
                ensure_person(session, login, login, Role.ADMINISTRATOR, password=password)
        revision = schema.revision(bank.engine)
        answer(
            {"revision": revision, "store": bank.engine.dialect.name},
            as_json=as_json,
            text=f"the store ({bank.engine.dialect.name}) is ready, revision {revision}",
        )
