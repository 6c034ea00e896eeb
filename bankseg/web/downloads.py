"""Sending an exported file and leaving nothing behind."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flask import Response, send_file

from bankseg.delivery.columns import FORMATS, Format
from bankseg.domain.errors import InputError
from bankseg.web.desk import desk

MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


class Written(Protocol):
    """What an export says of the file it wrote."""

    @property
    def rows(self) -> int: ...
    @property
    def as_of(self) -> str: ...


def file_format(asked: str) -> Format:
    """The format asked for.

    Raises
    ------
    InputError
        When it is not one we write.
    """
    for known in FORMATS:
        if known == asked:
            return known
    raise InputError(f"format {asked[:20]!r}", ", ".join(FORMATS), "choose one of these")


def download(name: str, asked: Format, export: Callable[[Path], Written]) -> Response:
    """Write the file under the exports folder, stream it, and remove it: the store is not held while a slow browser reads."""
    folder = desk().settings.exports
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / f"list.{asked}"
        done = export(path)
        stream = path.open("rb")  # readable to its end although its name is gone with the folder
    safe = re.sub(r"[^a-z0-9_-]+", "-", name.lower())
    response = send_file(stream, mimetype=MEDIA_TYPES[asked], as_attachment=True, download_name=f"{safe}-{done.as_of}.{asked}")
    response.headers["X-Row-Count"] = str(done.rows)
    return response
