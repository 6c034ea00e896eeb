"""The demo bank on disk: generate its extracts, mapping and planted truths, once per set of parameters."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pyarrow as pa

from bankseg.demo import extract_files as extracts
from bankseg.demo import reachability
from bankseg.demo.arrays import Column
from bankseg.demo.broken_rows import Fault, add_broken_rows
from bankseg.demo.calendar import Month, months_until
from bankseg.demo.campaigns import RETENTION
from bankseg.demo.clients import make_clients
from bankseg.demo.columns import pick
from bankseg.demo.people import BRANCHES, branch_of, rm_count, rm_id
from bankseg.demo.products import CROSS_SELL, target_name
from bankseg.demo.world import MonthRecord, World
from bankseg.demo.writers import Files
from bankseg.domain.errors import InputError

# Raised whenever the same seed would give other files.
FORMAT = 2
CHUNK_CLIENTS = 20_000
NUMBERS_A_CHUNK = 10**8  # ids of movements and contracts are 12 and 11 digits: too short to be taken for card numbers
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What decides every byte of a demo bank."""

    clients: int
    months: int
    seed: int
    last_month_end: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class DemoBank:
    """A demo bank on disk: the extracts to ingest, their mapping, and the truths that stay beside them."""

    directory: Path
    mapping: Path
    truth: Path
    rows: dict[str, int]  # well-formed rows by file
    broken: tuple[Fault, ...]

    @property
    def broken_rows(self) -> dict[str, int]:
        """Rows broken on purpose, by file, repeated ones included."""
        counts: dict[str, int] = {}
        for fault in self.broken:
            counts[fault.file] = counts.get(fault.file, 0) + fault.rows
        return counts


def generate(
    directory: Path,
    *,
    clients: int = 20_000,
    months: int = 36,
    seed: int = 20251231,
    last_month_end: date = date(2025, 12, 31),
    progress: Progress | None = None,
) -> DemoBank:
    """Write a demo bank under a directory (`extracts/` and `truth/`), or return the one already there for the same parameters."""
    _check(clients, months, last_month_end)
    parameters = Parameters(clients, months, seed, last_month_end.isoformat())
    home = Path(directory)
    if _parameters_of(home) == asdict(parameters):
        return _opened(home)
    unfinished = home.with_name(f"{home.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "extracts").mkdir(parents=True)
    (unfinished / "truth").mkdir()
    rows, faults = _write(unfinished, parameters, progress or (lambda _stage, _done, _total: None))
    manifest = {"parameters": asdict(parameters), "rows": rows, "broken": [list(fault) for fault in faults]}
    (unfinished / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    if home.exists():
        shutil.rmtree(home)
    unfinished.rename(home)
    return _opened(home)


def _check(clients: int, months: int, last_month_end: date) -> None:
    if clients < 1 or months < 1:
        raise InputError(f"a demo bank of {clients} clients and {months} months", "at least one of each", "raise --clients or --months")
    if Month(last_month_end.year, last_month_end.month).end != last_month_end:
        raise InputError(f"{last_month_end} is not a month end", "the last day of a month", f"use {Month(last_month_end.year, last_month_end.month).end}")


def _parameters_of(home: Path) -> object:
    try:
        return json.loads((home / "manifest.json").read_text(encoding="utf-8"))["parameters"]
    except (OSError, ValueError, KeyError):
        return None


def _opened(home: Path) -> DemoBank:
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    broken = tuple(Fault(*fault) for fault in manifest["broken"])
    return DemoBank(home / "extracts", home / "extracts" / "mapping.toml", home / "truth", manifest["rows"], broken)


def _write(home: Path, parameters: Parameters, progress: Progress) -> tuple[dict[str, int], list[Fault]]:
    last = date.fromisoformat(parameters.last_month_end)
    months = months_until(last, parameters.months)
    starts = range(0, parameters.clients, CHUNK_CLIENTS)
    with Files(home / "extracts", extracts.LATIN1) as files, Files(home / "truth", {}) as truth:
        _write_reference(files, parameters.clients)
        for chunk, start in enumerate(starts):
            count = min(CHUNK_CLIENTS, parameters.clients - start)
            rng = np.random.default_rng([parameters.seed, chunk])
            told = partial(_tell, progress, len(months) * chunk, len(months) * len(starts))
            Chunk(rng, start, count, months, rm_count(parameters.clients)).write(files, truth, told)
        faults = add_broken_rows(files, months[-1].label, last)
        rows = files.rows
    mapping = package_files("bankseg.demo").joinpath("mapping.toml").read_text(encoding="utf-8")
    (home / "extracts" / "mapping.toml").write_text(mapping.replace("extract_on = 2025-12-31", f"extract_on = {last.isoformat()}"), encoding="utf-8")
    return rows, faults


def _tell(progress: Progress, before: int, total: int, done: int) -> None:
    progress("demo bank", before + done, total)


def _write_reference(files: Files, clients: int) -> None:
    """Lists of branches and relationship managers, for people to read: the mapping does not need them."""
    codes, names = zip(*BRANCHES, strict=True)
    files.csv("agences.csv").write({"CD_AGENCE": pa.array(codes), "LIBELLE": pa.array(names)})
    numbers = range(1, rm_count(clients) + 1)
    files.csv("conseillers.csv").write(
        {"CD_CONS": pa.array([rm_id(number) for number in numbers]), "CD_AGENCE": pa.array([branch_of(number) for number in numbers])}
    )


class Chunk:
    """One chunk of clients on its way to the files; nothing of it stays in memory afterwards."""

    def __init__(self, rng: np.random.Generator, start: int, count: int, months: tuple[Month, ...], managers: int) -> None:
        self._rng, self._number, self._months = rng, start // CHUNK_CLIENTS, months
        self._clients = make_clients(rng, start + 1, count, months, managers)
        self._world = World(rng, self._clients, months)
        self._ids = pa.array(self._clients.client_ids(), pa.string())
        self._movements = self._interactions = 0

    def write(self, files: Files, truth: Files, progress: Callable[[int], None]) -> None:
        """Live through the months and append everything to the files."""
        for done, record in enumerate(self._world.live(), start=1):
            self._write_month(files, truth, record)
            progress(done)
        self._write_rest(files, truth)

    def _account_numbers(self) -> Column:
        first, count = 10**10 + self._number * NUMBERS_A_CHUNK // 10, len(self._world.book.contracts.closed)
        return pa.array(np.arange(first, first + count)).cast(pa.string())

    def _write_month(self, files: Files, truth: Files, record: MonthRecord) -> None:
        label, numbers, last = record.month.label, self._account_numbers(), self._months[-1].last
        first_id = self._number * NUMBERS_A_CHUNK + self._movements + 1
        files.parquet(f"mouvements_{label}.parquet").write(extracts.movement_columns(record.movements, numbers, first_id))
        self._movements += len(record.movements["day"])
        files.parquet(f"soldes_{label}.parquet").write(extracts.balance_columns(record.balances, record.month, numbers))
        files.parquet(f"digital_{label}.parquet").write(extracts.digital_columns(record.digital, self._ids))
        first_id = self._number * NUMBERS_A_CHUNK + self._interactions + 1
        files.csv("relations.csv").write(extracts.interaction_columns(record.interactions, self._ids, first_id, last))
        self._interactions += len(record.interactions["day"])
        if record.surveys:
            files.csv("enquetes.csv").write(extracts.survey_columns(record.surveys, self._ids, record.month))
        if record.scores:
            files.csv("notations.csv.gz").write(extracts.score_columns(record.scores, self._ids))
        planted: dict[str, Column] = {"client_id": pick(self._ids, record.truth["client"])}
        planted |= {name: pa.array(column) for name, column in record.truth.items() if name != "client"}
        truth.parquet(f"probability_{label}.parquet").write(planted)

    def _write_rest(self, files: Files, truth: Files) -> None:
        rng, clients, book, last = self._rng, self._clients, self._world.book, self._months[-1].last
        numbers, persuasion = self._account_numbers(), self._world.persuasion
        files.csv("tiers.csv").write(extracts.client_columns(rng, clients, book, last))
        files.csv("contrats.csv").write(extracts.account_columns(book, numbers, self._ids))
        files.csv("echeances.csv.gz").write(extracts.instalment_columns(self._world.due, numbers, last))
        files.csv("joignabilite.csv").write(reachability.contact_columns(rng, clients, self._ids))
        files.csv("consentements.csv").write(reachability.consent_columns(rng, clients, self._ids, last))
        if persuasion.rows:
            files.csv("campagnes.csv").write(extracts.campaign_columns(persuasion, book, self._ids, self._number * NUMBERS_A_CHUNK))
        offers: dict[str, Column] = {"client_id": self._ids, RETENTION: pa.array(persuasion.stay.astype(np.float32))}
        offers |= {target_name(product): pa.array(persuasion.sale[:, place].astype(np.float32)) for place, product in enumerate(CROSS_SELL)}
        truth.parquet("persuadability.parquet").write(offers)
