"""A file that leaves with a picture's figures or clients: written whole, counted, and recorded with who took it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.services.export_list import Exported
from bankseg.services.stamp import Stamp
from bankseg.storage import audit
from bankseg.storage.database import transaction

STAMP = (Column("run_id", "run_id", "integer"), Column("as_of", "as_of"))
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class File:
    """Where a file goes, in which format, and what the record calls it."""

    path: Path
    file_format: Format
    subject: str


def taken(engine: Engine, scope: Scope, stamp: Stamp, columns: Sequence[Column], rows: Iterable[dict[str, Any]], file: File) -> Exported:
    """Write rows, each marked with its run, under the columns the person may see; without the record there is no file."""
    as_of = stamp.as_of.isoformat()
    shown = [column for column in columns if sees(scope.role, column.field)]
    with Delivery(file.path, file.file_format, (*STAMP, *shown)) as delivery:
        delivery.write_all({**row, "run_id": stamp.run_id, "as_of": as_of} for row in rows)
    try:
        with transaction(engine) as session:
            told = {"rows": delivery.rows, "run_id": stamp.run_id, "format": file.file_format}
            audit.record(session, "export", file.subject[:LONGEST_SUBJECT], person_id=scope.person_id, **told)
    except BaseException:
        file.path.unlink(missing_ok=True)
        raise
    return Exported(file.path, delivery.rows, stamp.run_id, as_of)
