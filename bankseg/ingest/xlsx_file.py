"""XLSX workbooks: read by a child process with limits, so that a hostile workbook takes nothing down."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from bankseg.domain.errors import InputError
from bankseg.ingest.csv_file import CHUNK_ROWS, MOST_COLUMNS
from bankseg.ingest.rows import ORDINAL, Rows

CHILD_SECONDS = 300


class XlsxFile:
    """One sheet of a workbook; every cell becomes text in the extract's own dialect."""

    header_rows = 1

    def __init__(self, path: Path, *, sheet: str | None, decimal: str, date_format: str) -> None:
        self.path = path
        self._rows = self._converted(sheet or "", decimal, date_format)
        self.columns = tuple(self._rows.schema.names)
        if len(self.columns) > MOST_COLUMNS:
            raise InputError(f"{path.name} has {len(self.columns)} columns", f"at most {MOST_COLUMNS}", "drop columns you do not map")
        repeated = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if repeated:
            raise InputError(f"{path.name} has the header {repeated[0]!r} more than once", "each column name once", "rename the columns in the sheet")

    def only(self, columns: set[str]) -> None:
        """Keep no other columns."""
        self._rows = self._rows.select([name for name in self.columns if name in columns])

    def read(self) -> Iterator[Rows]:
        """Rows in order."""
        ordinals = pa.array(np.arange(1, len(self._rows) + 1, dtype=np.int64))
        table = self._rows.append_column(ORDINAL, ordinals)
        for first in range(0, max(len(table), 1), CHUNK_ROWS):
            yield Rows(table.slice(first, CHUNK_ROWS), is_suspicious=True)

    def _converted(self, sheet: str, decimal: str, date_format: str) -> pa.Table:
        with tempfile.TemporaryDirectory(prefix="bankseg-xlsx-") as folder:
            target = Path(folder) / "sheet.arrow"
            command = [sys.executable, "-m", "bankseg.ingest.xlsx_child", str(self.path), sheet, decimal, date_format, str(target)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
            except subprocess.TimeoutExpired as error:
                raise self._refusal(f"took more than {CHILD_SECONDS} s to read") from error
            if done.returncode != 0:
                reason = done.stderr.strip().splitlines()
                raise self._refusal(reason[-1][:200] if reason and done.returncode == 1 else "took more memory or time than a workbook may")
            with pa.memory_map(str(target)) as source:
                return pyarrow.ipc.open_file(source).read_all().combine_chunks()

    def _refusal(self, why: str) -> InputError:
        return InputError(
            f"{self.path.name} cannot be read as a workbook: {why}", "an .xlsx workbook with one header row", "save the sheet as CSV and load that"
        )
