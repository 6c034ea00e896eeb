"""A full disk in our own words, whoever met it first: Python, Arrow, DuckDB or the store."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bankseg.domain.errors import ServiceUnavailableError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What the libraries say where they carry no number.
SAID = ("No space left on device", "disk is full", "File too large", "Disk quota exceeded")


@contextmanager
def needs_space(doing: str, home: Path) -> Iterator[None]:
    """Tell a full disk as an error with a remedy; anything else passes as it is.

    Raises
    ------
    ServiceUnavailableError
        When the disk, or what this account may write on it, is full.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise ServiceUnavailableError(
            f"no space was left on the disk while {doing}",
            f"free space under {home}",
            "free some and do the same again: what is whole stays, what is half is not shown",
        ) from error


def is_full(error: BaseException) -> bool:
    """Whether an error says that nothing more can be written.

    Examples
    --------
    >>> is_full(OSError(28, "No space left on device")), is_full(OSError(2, "No such file or directory"))
    (True, False)
    """
    return (isinstance(error, OSError) and error.errno in FULL) or any(words in str(error) for words in SAID)
