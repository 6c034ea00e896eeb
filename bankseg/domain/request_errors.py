"""What a call of the API may be refused for besides what it asks."""

from bankseg.domain.errors import BanksegError


class ChangedMeanwhileError(BanksegError):
    """Somebody changed the thing since the caller read it: writing now would lose that change."""

    exit_code = 22
    status = 412


class RepeatedCallError(BanksegError):
    """The Idempotency-Key of a call stands for another call, or for one that has not ended."""

    exit_code = 23
    status = 409


class RunStateError(BanksegError):
    """A run is not in the state a step needs."""

    exit_code = 24
    status = 409
