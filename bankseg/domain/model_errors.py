"""What model governance refuses."""

from bankseg.domain.errors import BanksegError


class NotAllowedError(BanksegError):
    """A person may not take a decision: it belongs to somebody else."""

    exit_code = 13
    status = 409


class GateError(BanksegError):
    """A version does not meet its gates, or a reason is missing."""

    exit_code = 14
    status = 409
