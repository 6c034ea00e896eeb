"""Erasing a client from the lake: every file that holds a row of theirs is written anew without it and takes the old one's place in every version of its table.

A deletion in a new version would leave the client in the versions that runs recorded, and a vacuum would take those versions from all the others of the bucket. And
the log itself names clients: in the least and greatest value of each file. So the entries of the log that name such a file are written anew. Each step can be
done again from any point: a file's successor has a name that follows from its own.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from bankseg.domain.errors import ArtefactError
from bankseg.domain.extracts import BUCKET, EXTRACTS, Extract
from bankseg.durable import flush_file, flush_folder, settle
from bankseg.faults import crash_point
from bankseg.lake.files import ERASURES, table_path
from bankseg.lake.kept_files import LOG
from bankseg.lake.places import digest_of_file, filesystem, is_remote, write_whole
from bankseg.lake.schemas import repeating_columns
from bankseg.lake.tables import current_files, open_lake

ROWS_AT_ONCE = 200_000
COMPRESSION_LEVEL = 1
DRAFT = ".part"


@dataclass(frozen=True, slots=True)
class Held:
    """A file of the lake that holds rows of a client: its table and path, and how many rows."""

    table: str
    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class Successor:
    """What takes the place of such a file: its path and SHA-256, its size in bytes and its rows."""

    path: str
    sha256: str
    size: int
    rows: int


def files_with(lake: str, client_id: str, bucket: int) -> list[Held]:
    """Every file on the disk, of whatever version, that holds rows of a client.

    Raises
    ------
    ArtefactError
        When a file cannot be read: what it holds must be known first.
    """
    found = []
    for extract in EXTRACTS:
        for path in _bucket_folder(lake, extract.name, bucket):
            rows = _rows_of(path, client_id)
            if rows:
                found.append(Held(extract.name, path, rows))
    return found


def is_known(lake: str, client_id: str, bucket: int) -> bool:
    """Whether any version of the lake's clients has this one."""
    return any(_rows_of(path, client_id) for path in _bucket_folder(lake, "clients", bucket))


def contracts_of(lake: str, client_id: str, bucket: int) -> list[dict[str, Any]]:
    """The client's contracts in any version: `account_id`, `opened_on`, `closed_on` as the latest record of each says. `Any`: cells."""
    columns = ["client_id", "account_id", "opened_on", "closed_on", "recorded_at", "recorded_until"]
    latest: dict[str, dict[str, Any]] = {}
    for path in _bucket_folder(lake, "accounts", bucket):
        system, inside = filesystem(path)
        for row in pq.read_table(inside, columns=columns, filters=[("client_id", "==", client_id)], filesystem=system, partitioning=None).to_pylist():
            known = latest.get(row["account_id"])
            if known is None or (row["recorded_until"] is None, row["recorded_at"]) >= (known["recorded_until"] is None, known["recorded_at"]):
                latest[row["account_id"]] = row
    return [latest[account_id] for account_id in sorted(latest)]


def rows_held(lake: str, client_id: str, bucket: int) -> dict[str, list[dict[str, Any]]]:
    """Every row of a client in the latest version of each table, corrected ones included. `Any`: cells."""
    held = open_lake(lake, 1)
    found: dict[str, list[dict[str, Any]]] = {}
    for extract in EXTRACTS:
        for path in current_files(held, extract.name).get(bucket, ()):
            system, inside = filesystem(path)
            rows = pq.read_table(inside, filters=[("client_id", "==", client_id)], filesystem=system, partitioning=None).to_pylist()
            if rows:
                found.setdefault(extract.name, []).extend(rows)
    return found


def write_without(held: Held, client_id: str, mark: str) -> Successor:
    """Write a file's successor, beside it: the same rows in the same order, without those of the client, whose keyed hash `mark` is."""
    system, source = filesystem(held.path)
    folder, _, name = held.path.rpartition("/")
    path = f"{folder}/{uuid5(NAMESPACE_URL, f'{name}:{mark}')}.parquet"
    target = filesystem(path)[1]
    extract = next(one for one in EXTRACTS if one.name == held.table)
    rows = 0
    with (
        pq.ParquetFile(source, filesystem=system, page_checksum_verification=True) as file,
        system.open_output_stream(target + DRAFT) as sink,
        _writer(sink, file.schema_arrow, extract) as writer,
    ):
        for batch in file.iter_batches(ROWS_AT_ONCE):
            kept = pa.Table.from_batches([batch]).filter(pc.invert(pc.is_in(batch.column("client_id"), value_set=pa.array([client_id]))))
            writer.write_table(kept)
            rows += kept.num_rows
    crash_point("erasure.successor_written")
    if is_remote(held.path):
        system.move(target + DRAFT, target)
    else:
        flush_file(Path(target + DRAFT))
        settle(Path(target + DRAFT), Path(target))
    size = int(system.get_file_info(target).size or 0)
    return Successor(path, digest_of_file(path), size, rows)


def follow_in_log(lake: str, table: str, successors: Mapping[str, Successor]) -> None:
    """Name the successors wherever the log of a table names the files before them.

    What removes a file comes to remove its successor too before anything adds one: no version ever shows a row twice.
    """
    root = table_path(lake, table)
    by_name = {path.removeprefix(f"{root}/"): successor for path, successor in successors.items()}
    system, folder = filesystem(f"{root}/{LOG}")
    names = sorted(info.path for info in system.get_file_info(fs.FileSelector(folder)) if info.type == fs.FileType.File)
    entries = [name for name in names if name.endswith(".json") and not name.rpartition("/")[2].startswith("_")]
    for name in reversed(entries):
        _rewrite(system, name, lambda action: [action, *_removed_too(action, by_name, root)])
    crash_point("erasure.log_removals")
    for name in entries:
        _rewrite(system, name, lambda action: [_added(action, by_name, root)])
        crash_point("erasure.log_entry")
    for name in names:
        if ".checkpoint" in name and name.endswith(".parquet"):
            _rewrite_checkpoint(system, name, by_name, root)


def tell_erased(lake: str, count: int) -> None:
    """Let every process know that files took the place of others: what it remembers of the lake is read again."""
    system, folder = filesystem(lake)
    write_whole(system, f"{folder}/{ERASURES}", json.dumps({"files_replaced": count}).encode())


def drop_files(paths: Iterable[str]) -> None:
    """Remove files that no version names any more."""
    for path in paths:
        system, inside = filesystem(path)
        if system.get_file_info(inside).type != fs.FileType.NotFound:
            system.delete_file(inside)
            crash_point("erasure.file_dropped")
        if not is_remote(path):
            flush_folder(Path(inside).parent)  # or the client would be back after a loss of power


def _bucket_folder(lake: str, table: str, bucket: int) -> Iterator[str]:
    root = f"{table_path(lake, table)}/{BUCKET}={bucket}"
    system, folder = filesystem(root)
    for info in sorted(system.get_file_info(fs.FileSelector(folder, allow_not_found=True)), key=lambda one: one.path):
        if info.path.endswith(".parquet"):
            yield f"{root}/{info.path.rpartition('/')[2]}"


def _rows_of(path: str, client_id: str) -> int:
    system, inside = filesystem(path)
    try:
        return pq.read_table(inside, columns=["client_id"], filters=[("client_id", "==", client_id)], filesystem=system, partitioning=None).num_rows
    except (OSError, pa.ArrowException) as error:
        raise ArtefactError(f"{path.rpartition('/')[2]} in the lake cannot be read: {error}", "the file that was written", "restore it from backup") from error


def _writer(sink: Any, schema: pa.Schema, extract: Extract) -> pq.ParquetWriter:  # a stream of any file system
    repeating = [name for name in repeating_columns(extract) if name in schema.names]
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=repeating,  # type: ignore[arg-type]  # the stubs know only a flag
        write_page_checksum=True,
    )


def _named(action: Mapping[str, Any], kind: str, by_name: Mapping[str, Successor]) -> Successor | None:
    return by_name.get(unquote(str((action.get(kind) or {}).get("path", ""))))


def _removed_too(action: Mapping[str, Any], by_name: Mapping[str, Successor], root: str) -> list[dict[str, Any]]:
    successor = _named(action, "remove", by_name)
    return [] if successor is None else [{"remove": {**action["remove"], "path": successor.path.removeprefix(f"{root}/"), "size": successor.size}}]


def _added(action: Mapping[str, Any], by_name: Mapping[str, Successor], root: str) -> dict[str, Any]:
    successor = _named(action, "add", by_name)
    return dict(action) if successor is None else {"add": _in_place(action["add"], successor, root)}


def _in_place(add: Mapping[str, Any], successor: Successor, root: str) -> dict[str, Any]:
    """The action of a file for its successor; the range of clients is left out."""
    stats = json.dumps({"numRecords": successor.rows, "minValues": {}, "maxValues": {}, "nullCount": {}})
    parsed = {"stats_parsed": None} if "stats_parsed" in add else {}
    return {**add, "path": successor.path.removeprefix(f"{root}/"), "size": successor.size, "stats": stats, **parsed}


def _rewrite(system: fs.FileSystem, name: str, follow: Any) -> None:  # a function of one action
    with system.open_input_stream(name) as stream:
        before = [json.loads(line) for line in stream.read().decode().splitlines() if line]
    after: list[dict[str, Any]] = []
    for action in before:
        after += [one for one in follow(action) if one == action or one not in before]
    if after != before:
        write_whole(system, name, "\n".join(json.dumps(action, separators=(",", ":")) for action in after).encode())


def _rewrite_checkpoint(system: fs.FileSystem, name: str, by_name: Mapping[str, Successor], root: str) -> None:
    table = pq.read_table(name, filesystem=system, partitioning=None)
    before = table.to_pylist()
    after = [{**row, "add": _in_place(row["add"], found, root)} if (found := _named(row, "add", by_name)) else row for row in before]
    if after != before:
        with pa.BufferOutputStream() as sink:
            pq.write_table(pa.Table.from_pylist(after, schema=table.schema), sink)
            write_whole(system, name, sink.getvalue().to_pybytes())
