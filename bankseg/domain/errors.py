"""The errors bankseg raises: each says what was found, what was expected and what to do."""


class BanksegError(Exception):
    """Base of every error a person may be shown.

    `exit_code` is what the command line returns, `status` what the web answers.
    """

    exit_code = 1
    status = 500

    def __init__(self, found: str, expected: str = "", remedy: str = "") -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        parts = [found]
        if expected:
            parts.append(f"Expected: {expected}.")
        if remedy:
            parts.append(f"What to do: {remedy}.")
        super().__init__(" ".join(parts))


class ConfigurationError(BanksegError):
    """A setting, policy or mapping file is wrong."""

    exit_code = 3
    status = 500


class InputError(BanksegError):
    """A file or a value given by a person cannot be used."""

    exit_code = 4
    status = 400


class MissingDataError(BanksegError):
    """The data a computation needs was never loaded."""

    exit_code = 5
    status = 409


class NothingPublishedError(MissingDataError):
    """No run has been published yet, or none by the day asked for."""


class TooFewPositivesError(BanksegError):
    """A target has too few positives to train honestly."""

    exit_code = 6
    status = 409

    def __init__(self, target: str, found: int, needed: int, where: str) -> None:
        self.target, self.positives, self.needed = target, found, needed
        super().__init__(
            f"target {target} has {found} positives in {where}",
            f"at least {needed}",
            "load a longer history, lengthen the outcome window in the policy, or lower minimum_positives knowingly",
        )


class LeakageError(BanksegError):
    """A feature knows the outcome."""

    exit_code = 7
    status = 409

    def __init__(self, columns: list[str], why: str) -> None:
        self.columns = columns
        super().__init__(f"leakage: {', '.join(columns)} {why}", "features known before the outcome", "drop the named columns")


class ArtefactError(BanksegError):
    """A model or data file is damaged, swapped or unknown."""

    exit_code = 8
    status = 500


class NotFoundError(BanksegError):
    """The thing asked for does not exist, or is not for the person who asks."""

    exit_code = 9
    status = 404


class LostLeaseError(BanksegError):
    """Another worker owns the job now; this one must stop and write nothing."""

    exit_code = 10
    status = 409


class ServiceUnavailableError(BanksegError):
    """The store, broker or worker cannot be reached."""

    exit_code = 11
    status = 503
