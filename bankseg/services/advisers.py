"""The advisers of the bank: loaded from a file, with every refused row told by its line."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bankseg.domain.assignment import CODE
from bankseg.domain.errors import InputError
from bankseg.storage import adviser, audit
from bankseg.storage.adviser import AdviserRow
from bankseg.storage.database import reading, transaction

COLUMNS = ("rm_id", "skills", "languages", "capacity", "branch_id")
MOST_CLIENTS = 100_000  # above it a capacity is a slip of the keyboard, and the column holds 32 bits
LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not loaded: the line of the file on which it ends, what was found, what was expected, and what to do."""

    line: int
    found: str
    expected: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows of a file: read = loaded + rejected."""

    read: int
    loaded: int
    rejected: tuple[Rejected, ...]


def load_advisers(engine: Engine, path: Path) -> Loaded:
    """Write the good rows in place of what was known of their advisers; advisers the file does not name stay.

    Raises
    ------
    InputError
        When the file is no CSV in UTF-8, or a column is missing.
    """
    good: dict[str, AdviserRow] = {}
    rejected: list[Rejected] = []
    for line, row in _rows(path):
        try:
            found = _adviser(row, good)
            good[found.rm_id] = found
        except InputError as error:
            rejected.append(Rejected(line, error.found, error.expected, error.remedy))
    done = Loaded(len(good) + len(rejected), len(good), tuple(rejected))
    with transaction(engine) as session:
        adviser.keep(session, list(good.values()))
        audit.record(session, "advisers_loaded", "advisers", loaded=done.loaded, rejected=len(rejected))
    return done


def known_advisers(engine: Engine) -> list[AdviserRow]:
    """Every adviser, by branch and code."""
    with reading(engine) as session:
        return adviser.known(session)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restval="")
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise InputError(f"{path.name} lacks {', '.join(missing)}", f"the columns {', '.join(COLUMNS)}", "add the columns to the first line")
            for row in rows:
                yield rows.line_num, {name: row[name].strip() for name in COLUMNS}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read: {error}", "a CSV file in UTF-8", "save it again as CSV in UTF-8") from error


def _adviser(row: dict[str, str], good: Mapping[str, AdviserRow]) -> AdviserRow:
    if row["rm_id"] in good:
        raise InputError(f"rm_id {row['rm_id']!r} a second time", "each adviser once", "keep one row of this adviser")
    for name in ("rm_id", "branch_id"):
        if not 0 < len(row[name]) <= LONGEST_ID:
            raise InputError(f"{name} {row[name][:LONGEST_ID]!r}", f"1 to {LONGEST_ID} characters", f"write the bank's own code as {name}")
    capacity = row["capacity"]
    if not re.fullmatch(r"[0-9]{1,6}", capacity) or int(capacity) > MOST_CLIENTS:
        raise InputError(f"capacity {capacity[:LONGEST_ID]!r}", f"a whole number from 0 to {MOST_CLIENTS}", "write how many clients the adviser can carry")
    return AdviserRow(rm_id=row["rm_id"], branch_id=row["branch_id"], skills=_codes(row, "skills"), languages=_codes(row, "languages"), capacity=int(capacity))


def _codes(row: dict[str, str], name: str) -> list[str]:
    codes = {code.strip() for code in row[name].split(";")} - {""}
    for code in sorted(codes):
        if not CODE.fullmatch(code):
            raise InputError(f"{name} {code[:LONGEST_ID]!r}", "codes of small letters, digits and _, parted by ;", "write for example wealth;business")
    return sorted(codes)
