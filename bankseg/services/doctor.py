"""Examines an installation: what was found, and what to do about it. It reads; it makes and mends nothing."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import redis
from sqlalchemy import Engine, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from bankseg.domain.errors import BanksegError
from bankseg.domain.policy import load_policy
from bankseg.embedded import broker, openmp
from bankseg.lake.files import table_versions
from bankseg.queue import address, workers_answering
from bankseg.services import webhook
from bankseg.services.cluster_state import cluster_state
from bankseg.services.metrics import since_backup
from bankseg.services.policy_in_force import policy_of
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import database_time, make_engine, reading, wal_is_safe
from bankseg.storage.revisions import newest_revision, suits
from bankseg.storage.tables import METADATA
from bankseg.storage.walls import standing

LEAST_FREE_BYTES = 200_000_000  # below this a model or a snapshot may not be written whole
ENOUGH_FREE_BYTES = 2_000_000_000  # about what the demo bank and its history take
CLOCK_SECONDS = 5.0
OLDEST_BACKUP_SECONDS = 93_600  # a nightly backup and two hours
LOOPBACK = ("", "127.0.0.1", "::1", "localhost")


class State(StrEnum):
    """Verdict of one check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `remedy` is empty when nothing needs doing."""

    name: str
    state: State
    found: str
    remedy: str = ""


def examine(settings: Settings, now: float, variables: dict[str, str]) -> list[Check]:
    """Look at everything; `now` is seconds since the epoch by this machine's clock, `variables` its environment."""
    looks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("configuration", lambda: _configuration(settings, variables)),
        ("secret key", lambda: _secret(settings)),
        ("policy", lambda: _policy(settings)),
        ("home", lambda: _home(settings)),
        ("store", lambda: _store(settings)),
        ("walls", lambda: _walls(settings)),
        ("clock", lambda: _clock(settings, now)),
        ("SQLite", lambda: _sqlite(settings)),
        ("broker", lambda: _broker(settings)),
        ("worker", lambda: _worker(settings)),
        ("lake", lambda: _lake(settings)),
        ("cluster", lambda: _cluster(settings)),
        ("webhook", lambda: _webhook(settings)),
        ("backup", lambda: _backup(settings)),
        ("model folder", lambda: _artefacts(settings)),
        ("OpenMP", _openmp),
    )
    return [_looked(name, look) for name, look in looks]


def _looked(name: str, look: Callable[[], Check]) -> Check:
    """A check that cannot be carried out is itself a finding, never a stack trace."""
    try:
        return look()
    except BanksegError as error:
        return Check(name, State.PROBLEM, error.found, error.remedy or error.expected)
    except (OSError, SQLAlchemyError, redis.RedisError, ValueError) as error:
        return Check(name, State.PROBLEM, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", "see the message")


def _configuration(settings: Settings, variables: dict[str, str]) -> Check:
    known = {f"BANKSEG_{name.upper()}" for name in type(settings).model_fields}
    known |= {f"{name}_FILE" for name in known}
    unknown = sorted(name for name in variables if name.startswith("BANKSEG_") and not name.startswith("BANKSEG_TEST_") and name not in known)
    if unknown:
        return Check(
            "configuration", State.WARNING, f"unknown variables: {', '.join(unknown)}", "correct or unset them; docs/reference/settings.md lists every setting"
        )
    return Check("configuration", State.OK, f"{len(settings.model_fields_set)} settings given, the rest by default")


def _secret(settings: Settings) -> Check:
    made = settings.home / "secret.key"
    given = settings.secret_key.get_secret_value()
    if not given and not made.exists():
        return Check("secret key", State.OK, "none yet: one is made under home at the first start")
    settings.key()
    if not given and stat.S_IMODE(made.stat().st_mode) & 0o077:
        return Check("secret key", State.PROBLEM, f"{made.name} can be read by other accounts", f"chmod 600 {made}")
    return Check("secret key", State.OK, "given and long enough" if given else "made under home, mode 0600")


def _policy(settings: Settings) -> Check:
    base = f"{settings.policy_file or 'the default policy'}"
    load_policy(settings.policy_file)  # the file first: what is wrong with it is told as the file's
    policy = policy_of(settings)
    over = f", under version {policy.version} that two persons agreed on" if policy.version else ""
    return Check("policy", State.OK, f"{base}{over}, {policy.sha256[:12]} in force")


def _home(settings: Settings) -> Check:
    existing = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        return Check("home", State.PROBLEM, f"{existing} cannot be written", "set BANKSEG_HOME to a folder of yours")
    free = shutil.disk_usage(existing).free
    found = f"{settings.home}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Check("home", State.PROBLEM, found, "free some space: models and snapshots may not be written whole")
    if free < ENOUGH_FREE_BYTES:
        return Check("home", State.WARNING, found, "free some space, or set BANKSEG_HOME to a larger disk")
    return Check("home", State.OK, found)


def _store(settings: Settings) -> Check:
    if _is_missing_sqlite(settings):
        return Check("store", State.WARNING, "there is no store yet", "run bankseg init")
    with _engine(settings) as engine:
        inspector = inspect(engine)
        present = set(inspector.get_table_names())
        lacking = sorted(set(METADATA.tables) - present)
        lacking += [
            f"{table.name}.{column}"
            for table in METADATA.sorted_tables
            if table.name in present
            for column in sorted({column.name for column in table.columns} - {column["name"] for column in inspector.get_columns(table.name)})
        ]
        at, newest = schema.revision(engine), newest_revision()
    if lacking or not suits(at):
        missing = f", {', '.join(lacking[:5])} missing ({len(lacking)} in all)" if lacking else ""
        return Check(
            "store", State.PROBLEM, f"the schema is at {at or 'no revision'}, this release brings {newest}{missing}", "run bankseg init, which also upgrades"
        )
    return Check("store", State.OK, f"{make_url(settings.store).get_backend_name()} answers, schema at {at}")


def _walls(settings: Settings) -> Check:
    """Which of the two walls between a person and others' clients stand: the predicate of every query, and PostgreSQL's row security."""
    first = "every query of clients carries its person's scope"
    if settings.store.startswith("sqlite"):
        return Check("walls", State.OK, f"{first}; SQLite has no second wall")
    gaps = []
    for process, url in (("web", settings.as_web().store), ("worker", settings.store)):
        engine = make_engine(url)
        try:
            gaps += [f"{process}: {gap}" for gap in standing(engine).gaps]
        finally:
            engine.dispose()
    if not gaps:
        return Check("walls", State.OK, f"{first}, and row security holds for web and worker")
    remedy = "run bankseg database roles and connect as app_web and app_worker; docs/how-to/postgresql.md"
    return Check("walls", State.WARNING if settings.development else State.PROBLEM, f"{first}; row security does not hold ({'; '.join(gaps)})", remedy)


def _clock(settings: Settings, now: float) -> Check:
    if settings.store.startswith("sqlite"):
        return Check("clock", State.OK, "the store shares this machine's clock")
    with _engine(settings) as engine, reading(engine) as session:
        skew = abs(database_time(session) - now)
    if skew > CLOCK_SECONDS:
        return Check("clock", State.PROBLEM, f"the store's clock and ours are {skew:.0f} s apart", "let both machines follow the same time server")
    return Check("clock", State.OK, f"within {CLOCK_SECONDS:.0f} s of the store's")


def _sqlite(settings: Settings) -> Check:
    if not settings.store.startswith("sqlite"):
        return Check("SQLite", State.OK, "not used")
    version = sqlite3.sqlite_version
    if wal_is_safe():
        return Check("SQLite", State.OK, f"{version}, write-ahead log in use")
    if not _is_missing_sqlite(settings):
        with _engine(settings) as engine, engine.connect() as connection:
            mode = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
        if mode.lower() == "wal":
            return Check(
                "SQLite",
                State.PROBLEM,
                f"{version} has the WAL-reset fault and the store is in WAL mode",
                "stop everything, then set journal_mode=DELETE or use SQLite 3.51.3 or newer",
            )
    return Check("SQLite", State.OK, f"{version} has the WAL-reset fault, so journal_mode=DELETE is used")


def _broker(settings: Settings) -> Check:
    url = address(settings)
    if not broker.is_answering(url):
        if settings.broker_url:
            return Check("broker", State.PROBLEM, "the configured broker does not answer", "start it, or unset BANKSEG_BROKER_URL to use the embedded one")
        return Check("broker", State.OK, f"embedded ({' '.join(broker.version().split()[:3])}), not running: `bankseg up` starts it")
    with broker.client(url) as connected:
        policy = connected.config_get("maxmemory-policy", "appendonly")
    wrong = [f"{name} is {policy.get(name)}" for name, wanted in (("maxmemory-policy", "noeviction"), ("appendonly", "yes")) if policy.get(name) != wanted]
    if wrong:
        return Check(
            "broker",
            State.WARNING,
            f"answers, but {' and '.join(wrong)}",
            "set appendonly yes and maxmemory-policy noeviction, or rings are lost when it restarts or fills",
        )
    if _is_open(settings.broker_url):
        return Check(
            "broker", State.PROBLEM, "the broker is on another address and takes no password", "set requirepass there and put it into BANKSEG_BROKER_URL"
        )
    return Check("broker", State.OK, "answers, keeps its messages on disk and evicts nothing")


def _worker(settings: Settings) -> Check:
    answering = workers_answering(settings)
    if answering:
        return Check("worker", State.OK, f"{answering[0]} answers")
    return Check("worker", State.WARNING, "no worker answers: jobs wait until one is started", "run bankseg up, or celery -A workers.app worker --beat")


def _lake(settings: Settings) -> Check:
    versions = table_versions(settings.lake)
    if not versions:
        return Check("lake", State.WARNING, "empty", "run bankseg ingest DIRECTORY --mapping FILE, or bankseg demo")
    return Check("lake", State.OK, ", ".join(f"{table} v{version}" for table, version in sorted(versions.items())))


def _cluster(settings: Settings) -> Check:
    found, remedy = cluster_state(settings)
    return Check("cluster", State.WARNING if remedy else State.OK, found, remedy)


def _webhook(settings: Settings) -> Check:
    if webhook.webhook_of(settings) is None:
        return Check("webhook", State.OK, "none is set")
    if _is_missing_sqlite(settings):
        return Check("webhook", State.OK, "set; there is no store yet")
    with _engine(settings) as engine, reading(engine) as session:
        told = webhook.standing(session)
    if told is None:
        return Check("webhook", State.OK, "set; a worker's first round begins it")
    if told.attempts:
        found = f"{told.waiting} messages wait after {told.attempts} attempts: {told.answer}"
        return Check("webhook", State.WARNING, found, "see the receiver; bankseg webhook test posts one message, bankseg webhook deliver tries at once")
    return Check("webhook", State.OK, f"{told.waiting} messages wait" if told.waiting else "all was taken")


def _backup(settings: Settings) -> Check:
    if _is_missing_sqlite(settings):
        return Check("backup", State.OK, "there is nothing to back up yet")
    with _engine(settings) as engine, reading(engine) as session:
        age = since_backup(session)
    if age is None:
        return Check("backup", State.WARNING, "none was ever taken", "run bankseg backup DIRECTORY every night, and bankseg restore-drill behind it")
    found = f"the last one is {age / 3600:.0f} h old"
    if age > OLDEST_BACKUP_SECONDS:
        return Check("backup", State.WARNING, found, "see why the nightly bankseg backup did not end")
    return Check("backup", State.OK, found)


def _artefacts(settings: Settings) -> Check:
    folder = settings.artefacts
    if not folder.exists():
        return Check("model folder", State.OK, "not made yet")
    found = folder.stat()
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        return Check(
            "model folder",
            State.PROBLEM,
            "other accounts may change models before they are read",
            f"chmod 700 {folder}, owned by the account that runs bankseg",
        )
    return Check("model folder", State.OK, "mode 0700")


def _openmp() -> Check:
    if openmp.is_loadable():
        return Check("OpenMP", State.OK, "libgomp is found")
    if (openmp.directory() / openmp.LIBRARY).exists():
        return Check("OpenMP", State.PROBLEM, "libgomp is linked but not on the loader's path", f"start with LD_LIBRARY_PATH={openmp.directory()}")
    return Check(
        "OpenMP",
        State.PROBLEM,
        "libgomp.so.1 is missing: LightGBM cannot be loaded",
        "install the package libgomp1, or run python3 run.py setup, which links a bundled copy",
    )


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.store)
    try:
        yield engine
    finally:
        engine.dispose()


def _is_missing_sqlite(settings: Settings) -> bool:
    url = make_url(settings.store)
    return url.get_backend_name() == "sqlite" and bool(url.database) and not Path(str(url.database)).exists()


def _is_open(url: str) -> bool:
    if not url.startswith(("redis://", "rediss://")):
        return False
    parts = make_url(url)
    return parts.password is None and (parts.host or "") not in LOOPBACK
