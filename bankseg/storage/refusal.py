"""What the store's own errors mean to a person."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from bankseg.domain.errors import ServiceUnavailableError


@contextmanager
def store_refusals_told() -> Iterator[None]:
    """Turn an error of the store's driver into one that says what to do.

    Raises
    ------
    ServiceUnavailableError
        In place of any driver error.
    """
    try:
        yield
    except DBAPIError as error:
        raise ServiceUnavailableError(
            f"the store did not answer: {str(error.orig).splitlines()[0]}",
            "a reachable store with the current schema",
            "see bankseg doctor; bankseg init upgrades the schema",
        ) from error
