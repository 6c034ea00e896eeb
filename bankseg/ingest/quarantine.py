"""The quarantine file: every refused row with its number, column, value and reason, safe to open in a spreadsheet."""

import csv
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TextIO
from unicodedata import category

from bankseg.durable import make_folders, settle
from bankseg.faults import crash_point

HEADER = ("row_number", "column", "value", "reason", "text")
# Signs that make a spreadsheet run a cell as a formula, full-width forms included.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", "|", "%")
PLAIN_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?")
SHOWN_CHARACTERS = 500
OWNERLESS = frozenset({"unknown_client", "unknown_account"})
# Control and format characters: shown by their code points, for they show nothing themselves or turn what follows around.
INVISIBLE = ("Cc", "Cf")


class Quarantine:
    """Writer of one file's quarantine; streams to disk, and nothing is left behind when no row was refused."""

    def __init__(self, path: Path, erased: Callable[[str], str | None] | None = None) -> None:
        self.path = path
        self._erased = erased  # tells the pseudonym of an owner who was erased
        self.reasons: Counter[str] = Counter()
        self._draft = path.with_suffix(".part")
        self._stream: TextIO | None = None

    @property
    def count(self) -> int:
        """Rows refused so far."""
        return self.reasons.total()

    def add(self, row_number: int, column: str, value: str | None, reason: str, text: str) -> None:
        """Refuse one row. A row of somebody who was erased says so, and does not bring the identifier back."""
        pseudonym = self._erased(value) if self._erased is not None and value and reason in OWNERLESS else None
        if pseudonym is not None:
            value, reason, text = pseudonym, "erased_client", "of a client who was erased and must not come back"
        if self._stream is None:
            make_folders(self.path.parent, 0o700)
            self._stream = self._draft.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(HEADER)
        shown = column.removeprefix("attribute:").removeprefix("label:")
        self.reasons[f"{reason}: {shown}" if shown else reason] += 1
        csv.writer(self._stream).writerow((row_number, safe_cell(shown), safe_cell(value or ""), reason, text))

    def save(self) -> str | None:
        """Flush to disk and put in place in one step; null when there is nothing to keep."""
        if self._stream is None:
            return None
        with self._stream as stream:
            stream.flush()
            os.fsync(stream.fileno())
        crash_point("quarantine.before_rename")
        settle(self._draft, self.path)
        return str(self.path)

    def discard(self) -> None:
        """Leave nothing: the file as a whole was refused."""
        if self._stream is not None:
            self._stream.close()
            self._draft.unlink(missing_ok=True)


def safe_cell(value: str) -> str:
    r"""A value no spreadsheet takes for a formula; plain negative numbers stay as they are.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("-12,50")
    ("'=HYPERLINK(1)", '-12,50')
    >>> safe_cell("A\u202eB")
    'A<U+202E>B'
    """
    value = value[:SHOWN_CHARACTERS]
    is_formula = value.startswith(FORMULA_SIGNS) and not PLAIN_NUMBER.fullmatch(value)
    shown = "".join(letter if category(letter) not in INVISIBLE else f"<U+{ord(letter):04X}>" for letter in value)
    return "'" + shown if is_formula else shown
