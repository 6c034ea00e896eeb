"""Whether the store answers, for health checks and for the web's answer when it does not."""

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bankseg.storage.database import reading

StoreAwayError = OperationalError  # what a query raises when the store cannot be reached or does not answer in time


def is_reachable(engine: Engine) -> bool:
    """Whether the store answers a trivial question."""
    try:
        with reading(engine) as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
