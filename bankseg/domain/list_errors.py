"""Errors of marketing's lists."""

from bankseg.domain.errors import BanksegError


class ListStateError(BanksegError):
    """A list is not in the state a step needs, or the person is not the one who may take it."""

    exit_code = 21
    status = 409
