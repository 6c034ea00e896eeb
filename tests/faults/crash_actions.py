"""What the bank is asked to do in a child process that a fault may end; what came back whole is noted as acknowledged."""

import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bankseg.domain.list_terms import ListAsked
from bankseg.faults import VARIABLE
from bankseg.lake.parquet import digest_of
from bankseg.services import erasure, list_states
from bankseg.services.backup import make_backup
from bankseg.services.bank import Bank
from bankseg.services.export_list import export_portfolio
from bankseg.services.ingest import ingest_directory
from bankseg.services.jobs import execute_job, reconcile
from bankseg.services.list_exports import export_members
from bankseg.services.runs import start_run
from bankseg.services.unfinished import forget_unfinished
from bankseg.storage.portfolio import PortfolioFilter
from tests.faults import shim
from tests.faults.history import History
from tests.faults.tiny_bank import AS_OF, TinyBank

APPLICATION = "laboratory-{pid}"  # what PostgreSQL calls a child, so that its connections can be found
Action = Callable[..., None]
REASON = "Agreed by the committee of the laboratory"


@dataclass(frozen=True)
class Handicap:
    """What is wrong with a child: the point that ends or stops it, its limits, its clock; and the folder for what it made durable."""

    point: str = ""
    limits: Mapping[int, int] = field(default_factory=dict)
    skew_seconds: int = 0
    watched: Path | None = None


def act(tiny: TinyBank, history: History, action: str, given: dict[str, Any], handicap: Handicap) -> None:
    """Do one thing under a handicap; `Any`: arguments of the action."""
    os.environ[VARIABLE], os.environ["PGAPPNAME"] = handicap.point, APPLICATION.format(pid=os.getpid())
    for limit, value in handicap.limits.items():
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
    if handicap.skew_seconds:
        shim.skew(handicap.skew_seconds)
    if handicap.watched is not None:
        shim.watch(handicap.watched)
    ACTIONS[action](tiny, history, **given)


def _load(tiny: TinyBank, history: History) -> None:
    report = ingest_directory(tiny.settings, tiny.extracts, tiny.mapping, waits=True)
    for file in report.files:
        if file.state in {"loaded", "already_loaded"}:
            history.note("ack", what="import", table=file.table, sha256=file.sha256)


def _start(tiny: TinyBank, history: History, *, retrain: bool = False) -> None:
    with_bank(tiny, lambda bank: history.note("ack", what="run", run_id=start_run(bank, AS_OF, retrain=retrain)))


def _job(tiny: TinyBank, history: History, *, job_id: int, worker: str) -> None:
    del history
    execute_job(tiny.settings, job_id, worker)


def _sweep(tiny: TinyBank, history: History) -> None:
    del history
    reconcile(tiny.settings)


def _tidy(tiny: TinyBank, history: History) -> None:
    history.note("tidied", paths=forget_unfinished(tiny.settings))


def _draft(tiny: TinyBank, history: History, *, name: str) -> None:
    def ask(bank: Bank) -> None:
        asked = ListAsked(action="retain", control_share=0, channel="email", size=8)
        history.note("ack", what="draft", list_id=list_states.keep_draft(tiny.settings, bank.engine, tiny.scope("mark"), bank.policy, name, asked))

    with_bank(tiny, ask)


def _freeze(tiny: TinyBank, history: History, *, list_id: int) -> None:
    def ask(bank: Bank) -> None:
        history.note("ack", what="list", list_id=list_id, manifest=list_states.freeze(tiny.settings, bank.engine, tiny.scope("mark"), bank.policy, list_id))

    with_bank(tiny, ask)


def _release(tiny: TinyBank, history: History, *, list_id: int) -> None:
    def ask(bank: Bank) -> None:
        list_states.release(bank.engine, tiny.scope("mia"), list_id, REASON, AS_OF)
        history.note("ack", what="release", list_id=list_id)

    with_bank(tiny, ask)


def _export(tiny: TinyBank, history: History, *, list_id: int, name: str) -> None:
    def ask(bank: Bank) -> None:
        path = tiny.home / "exports" / f"{name}.csv"
        if list_id:
            rows = export_members(tiny.settings, bank.engine, tiny.scope("mark"), list_id, path).rows
        else:
            rows = export_portfolio(bank.engine, tiny.scope("mark"), PortfolioFilter(), path).rows
        history.note("ack", what="export", path=str(path), rows=rows, sha256=digest_of([path]))

    with_bank(tiny, ask)


def _ask_erasure(tiny: TinyBank, history: History, *, client_id: str) -> None:
    del history

    def ask(bank: Bank) -> None:
        number = erasure.ask(tiny.settings, bank.engine, tiny.scope("rita"), client_id, "legal_obligation", REASON)
        erasure.decide(tiny.settings, bank.engine, tiny.scope("ada"), number, approve=True, reason=REASON)

    with_bank(tiny, ask)


def _retry_erasure(tiny: TinyBank, history: History, *, number: int) -> None:
    del history
    with_bank(tiny, lambda bank: erasure.retry(tiny.settings, bank.engine, tiny.scope("ada"), number))


def _backup(tiny: TinyBank, history: History, *, name: str) -> None:
    def ask(bank: Bank) -> None:
        folder = tiny.home / "backups" / name
        history.note("ack", what="backup", folder=str(folder), files=len(make_backup(bank, folder).files))

    with_bank(tiny, ask)


def with_bank(tiny: TinyBank, ask: Callable[[Bank], Any]) -> None:  # Any: what is asked may return something nobody needs
    """Open the bank, ask, close it."""
    bank = tiny.opened()
    try:
        ask(bank)
    finally:
        bank.engine.dispose()


ACTIONS: dict[str, Action] = {
    "import": _load, "start": _start, "job": _job, "sweep": _sweep, "tidy": _tidy, "draft": _draft, "freeze": _freeze, "release": _release, "export": _export,
    "backup": _backup, "ask erasure": _ask_erasure, "retry erasure": _retry_erasure,
}  # fmt: skip
