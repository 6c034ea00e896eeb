"""Erasing a client: the grounds on which it is asked, what stands against it, and by what a client is known afterwards."""

import hmac
from collections.abc import Iterable
from datetime import date
from hashlib import sha256

from bankseg.domain.errors import BanksegError

# Article 17(1) of Regulation (EU) 2016/679 (GDPR), points (a) to (e).
GROUNDS = ("no_longer_needed", "consent_withdrawn", "objection", "unlawful", "legal_obligation")
LEAST_REASON, LONGEST_REASON = 10, 500
PSEUDONYM_CHARACTERS = 32  # of a SHA-256 in hexadecimal: 128 bits
DOMAIN = b"bankseg erasure"


class KeptByDutyError(BanksegError):
    """A duty to keep stands against an erasure, or the person may not take this step of it."""

    exit_code = 35
    status = 409


class ErasedError(BanksegError):
    """What is asked for held a client who was erased: it cannot be made again as it was."""

    exit_code = 36
    status = 409


def pseudonym_of(key: bytes, identifier: str) -> str:
    """Keyed hash of a client's or an account's identifier: the same for the same bank, and no way back without its key.

    Examples
    --------
    >>> pseudonym_of(b"k", "C1") == pseudonym_of(b"k", "C1"), pseudonym_of(b"k", "C1") == pseudonym_of(b"other", "C1")
    (True, False)
    """
    own = hmac.new(key, DOMAIN, sha256).digest()
    return hmac.new(own, identifier.encode(), sha256).hexdigest()[:PSEUDONYM_CHARACTERS]


def kept_until(closed: Iterable[date | None], years: int) -> date | None:
    """Day up to which a former client's facts must be kept: so many years after the last contract was closed.

    Parameters
    ----------
    closed
        Day each contract was closed; null for one that is open.

    Returns
    -------
    date or None
        `date.max` while a contract is open; None for who never had one.

    Examples
    --------
    >>> kept_until([date(2015, 3, 1), date(2020, 2, 29)], 5), kept_until([None], 5) == date.max, kept_until([], 5)
    (datetime.date(2025, 2, 28), True, None)
    """
    days = list(closed)
    if not days:
        return None
    known = [day for day in days if day is not None]
    return date.max if len(known) < len(days) else _years_after(max(known), years)


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)
