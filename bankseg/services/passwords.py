"""Hashing and checking passwords with argon2id."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bankseg.domain.errors import InputError

SHORTEST = 10
LONGEST = 200  # characters: argon2 would hash megabytes as willingly


def hashed(password: str) -> str:
    """The argon2id hash of a password.

    Raises
    ------
    InputError
        When it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"a password of {len(password)} characters", f"{SHORTEST} to {LONGEST} characters", "choose a longer phrase")
    return PasswordHasher().hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash."""
    if len(password) > LONGEST:
        return False
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def refuse_in_equal_time(password: str) -> None:
    """Do the work of a check for a login that does not exist: the time of an answer must not tell which logins do."""
    matches(_nobody(), password)


@cache
def unknown_to_all() -> str:
    """The hash of a password that was forgotten when it was made: for people who never use one. Checking it takes as long as any."""
    return hashed(secrets.token_urlsafe())


@cache
def _nobody() -> str:
    return PasswordHasher().hash("a password nobody has")
