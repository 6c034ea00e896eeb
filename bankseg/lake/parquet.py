"""Small Parquet files of our own making (snapshots, labels, scores): written whole or not at all, with page checksums."""

import glob
import os
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bankseg.domain.errors import ArtefactError
from bankseg.durable import make_folders, settle
from bankseg.faults import crash_point


def write_whole(table: pa.Table, path: Path) -> None:
    """Write under a temporary name, flush to disk, rename: a reader sees the whole file or none."""
    make_folders(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    repeating = [field.name for field in table.schema if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))]
    with part.open("wb") as stream:
        pq.write_table(table, stream, compression="zstd", use_dictionary=repeating, write_page_checksum=True)  # type: ignore[arg-type]  # the stubs know no list
        stream.flush()
        os.fsync(stream.fileno())
    crash_point("file.before_rename")
    settle(part, path)
    crash_point("file.after_rename")
    for left_behind in path.parent.glob(f".{glob.escape(path.name)}.*.part"):  # by a worker that was killed; one that still writes has lost its lease
        left_behind.unlink(missing_ok=True)


def read_checked(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a file and its page checksums.

    Raises
    ------
    ArtefactError
        When the file is damaged or missing.
    """
    try:
        return pq.read_table(path, columns=columns, page_checksum_verification=True, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError(f"{path.name} cannot be read: {error}", "the file that was written", "run the stage again; it writes the file anew") from error


def row_count(path: Path) -> int:
    """Rows of a file, from its footer."""
    return int(pq.read_metadata(path).num_rows)


def read_all(paths: Iterable[Path], columns: list[str] | None = None) -> pa.Table:
    """Read several files of one kind into one table; a column some lack is null there."""
    return pa.concat_tables([read_checked(path, columns) for path in paths], promote_options="permissive")


def digest_of(paths: Iterable[Path]) -> str:
    """One SHA-256 over several files in the given order."""
    whole = sha256()
    for path in paths:
        with path.open("rb") as stream:
            whole.update(file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def is_sound(path: Path) -> bool:
    """Whether a file is there and reads through without damage."""
    try:
        read_checked(path)
    except ArtefactError:
        return False
    return True


def null_counts(path: Path) -> dict[str, int]:
    """Nulls of each plain column as the file's own statistics tell them; a column without them, or within another, is left out."""
    about = pq.read_metadata(path)
    found: dict[str, int] = {}
    untold: set[str] = set()
    for place in range(about.num_row_groups):
        group = about.row_group(place)
        for number in range(group.num_columns):
            column = group.column(number)
            name, nulls = column.path_in_schema, column.statistics.null_count if column.statistics is not None else None
            if nulls is None or "." in name:
                untold.add(name)
            else:
                found[name] = found.get(name, 0) + nulls
    return {name: nulls for name, nulls in found.items() if name not in untold}
