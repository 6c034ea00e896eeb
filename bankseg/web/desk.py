"""What a view reaches for: the store, the settings, and the person who asks."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, g

from bankseg.domain.people import Role, Scope
from bankseg.domain.policy import Policy
from bankseg.services.policy_in_force import policy_in_force
from bankseg.settings import Settings
from bankseg.storage.database import reading
from bankseg.storage.person import Person
from bankseg.storage.row_security import limited

if TYPE_CHECKING:  # the web names the store's types and nothing else of it
    from sqlalchemy import Engine
    from sqlmodel import Session

EXTENSION = "bankseg"


@dataclass(frozen=True, slots=True)
class Desk:
    """The composition of one application: its settings, its store and the key that signs its forms."""

    settings: Settings
    engine: "Engine"
    form_key: bytes


def of(app: Flask) -> Desk:
    """The desk of an application."""
    return cast("Desk", app.extensions[EXTENSION])


def desk() -> Desk:
    """The desk of the application that serves this request; once a person is known, its store shows their clients only."""
    whole = of(current_app)
    if "scope" not in g:
        return whole
    if "desk" not in g:
        g.desk = replace(whole, engine=limited(whole.engine, g.scope))
    return cast("Desk", g.desk)


def policy() -> Policy:
    """The policy in force, in the request's read when one is open, else in a read of its own: a read begun here would stand in the way of what is written next."""
    here = desk()
    if "session" in g:  # beside an open read a second one can wait for a writer that waits for the first
        return policy_in_force(here.settings, cast("Session", g.session))
    with reading(here.engine) as session:
        return policy_in_force(here.settings, session)


def read() -> "Session":
    """The request's one read of the store, opened on first use and closed with the request: a page never mixes two runs."""
    if "reading" not in g:
        g.reading = reading(desk().engine)
        g.session = g.reading.__enter__()
    return cast("Session", g.session)


def close_read(error: BaseException | None = None) -> None:
    """Close the request's read."""
    del error
    held = g.pop("reading", None)
    g.pop("session", None)
    if held is not None:
        held.__exit__(None, None, None)


def person() -> Person | None:
    """Who is signed in."""
    return cast("Person | None", g.get("person"))


def scope() -> Scope:
    """The scope of the person who asks."""
    return cast("Scope", g.scope)


def role() -> Role | None:
    """The role of the person who asks."""
    return Role(g.person.role) if g.get("person") else None


def language() -> str:
    """The language of this page."""
    return cast("str", g.get("language", "en"))
