"""The policy in force: the default, the bank's file over it, the version two persons agreed on over both."""

from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from bankseg.domain.policy import Policy, load_policy
from bankseg.settings import Settings
from bankseg.storage import policy_version, recorded_document
from bankseg.storage.database import make_engine
from bankseg.storage.policy_version import PolicyVersion


def policy_in_force(settings: Settings, session: Session) -> Policy:
    """What the next run will use.

    Raises
    ------
    ConfigurationError
        When the file or the version does not hold; a version is checked again, for the file may have changed since it was approved.
    """
    return policy_under(settings, policy_version.in_force(session))


def policy_of(settings: Settings) -> Policy:
    """The same for a caller that holds no session."""
    engine = make_engine(settings.store)
    try:
        return policy_under(settings, policy_version.in_force_of(engine))
    finally:
        engine.dispose()


def policy_under(settings: Settings, version: PolicyVersion | None) -> Policy:
    """The policy with one version laid over default and file."""
    path = settings.policy_file
    changed_ns = path.stat().st_mtime_ns if path and path.exists() else 0
    return _loaded(path, changed_ns, version.entries if version else "", version.id if version else None)


def recorded_policy(session: Session, sha256: str) -> Policy | None:
    """The policy a run recorded; None when it kept none."""
    values = recorded_document.read(session, sha256) if sha256 else None
    return Policy(values, sha256) if values is not None else None


@lru_cache(maxsize=8)
def _loaded(path: Path | None, changed_ns: int, entries: str, version: int | None) -> Policy:
    del changed_ns  # only part of what is remembered
    return load_policy(path, entries, version)
