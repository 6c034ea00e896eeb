"""Taking a file from a browser: streamed aside under a name of ours, measured, hashed, and looked at before anything reads it."""

import json
import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.durable import flush_folder
from bankseg.ingest.child import run_in_child
from bankseg.ingest.file_kind import FileKind, kind_of, refuse_bomb
from bankseg.ingest.header_match import likely_dialect, likely_encoding
from bankseg.ingest.text_stream import TextStream
from bankseg.services.upload_mapping import first_mapping
from bankseg.settings import Settings
from bankseg.storage import audit, import_batch, import_upload
from bankseg.storage.database import database_time, make_engine, reading, transaction
from bankseg.storage.import_upload import ImportUpload

MIB = 1 << 20
UNPACKED_TIMES = 8  # a packed file may unpack to this many times the largest file taken
LOOK_BYTES = 1 << 20
LONGEST_NAME = 120
LOOK_FILE, DATA_STEM = "look.json", "data"
LOOK_CHILD = "bankseg.ingest.look_child"
EXPIRES_SECONDS = 24 * 3600


class Incoming:
    """A file while it arrives: under the folder of uploads, readable by nobody else, gone when closed unless it was taken."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)  # whoever made it
        self._file = tempfile.NamedTemporaryFile(dir=folder, prefix="incoming-")  # noqa: SIM115  # its owner closes it with the request
        self._most_bytes = most_bytes
        self._hash = sha256()
        self.size = 0

    @property
    def path(self) -> Path:
        """Where it lies for now."""
        return Path(self._file.name)

    @property
    def sha256(self) -> str:
        """Hash of what arrived."""
        return self._hash.hexdigest()

    @property
    def is_too_large(self) -> bool:
        """Whether more came than is taken; what was beyond was not kept."""
        return self.size > self._most_bytes

    def write(self, block: bytes) -> int:
        """Take one block; beyond the limit blocks are counted and dropped."""
        self.size += len(block)
        if not self.is_too_large:
            self._hash.update(block)
            self._file.write(block)
        return len(block)

    def seek(self, place: int, whence: int = 0) -> int:
        """As the parser of forms asks at the end."""
        return self._file.seek(place, whence)

    def read(self, size: int = -1) -> bytes:
        """As any file."""
        return self._file.read(size)

    def keep(self, target: Path) -> None:
        """Give it its name; the other one goes when it is closed."""
        self._file.flush()
        os.fsync(self._file.fileno())
        os.link(self._file.name, target)
        flush_folder(target.parent)

    def close(self) -> None:
        """Leave nothing under the first name."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file: taken, known already (waiting here, or loaded by an import), or refused."""

    file_name: str
    upload_id: int | None = None
    is_new: bool = False
    batch_id: int | None = None
    refusal: InputError | None = None


def take(settings: Settings, engine: Engine, scope: Scope, incoming: Incoming, told_name: str) -> Taken:
    """Take one file that has arrived, or say why not; the same file twice changes nothing.

    Raises
    ------
    NotFoundError
        When the role loads no data.
    """
    require(scope, Right.LOAD)
    name = shown_name(told_name)
    with reading(engine) as session:
        known = _known(session, incoming.sha256, name)
        held = import_upload.bytes_held(session, scope.person_id)
    if known is not None:
        return known
    try:
        _refuse_too_much(settings, incoming, held, name)
        kind = kind_of(incoming.path, name)
        refuse_bomb(incoming.path, kind, name, UNPACKED_TIMES * settings.upload_mb * MIB)
        return _kept(settings, engine, scope, incoming, name, kind)
    except InputError as error:
        with transaction(engine) as session:
            audit.record(session, "upload_refused", f"file:{incoming.sha256[:12]}", person_id=scope.person_id, bytes=incoming.size)
        return Taken(name, refusal=error)


def shown_name(told: str) -> str:
    r"""A file's name as the browser told it, without folders and characters that mislead.

    Examples
    --------
    >>> shown_name("C:\\extracts\\tiers.csv"), shown_name("../../etc/passwd"), shown_name("")
    ('tiers.csv', 'passwd', 'file')
    """
    last = re.split(r"[\\/]", told)[-1]
    kept = "".join(letter for letter in unicodedata.normalize("NFC", last) if unicodedata.category(letter)[0] != "C")
    return kept.strip()[-LONGEST_NAME:] or "file"


def folder_of(settings: Settings, upload: ImportUpload) -> Path:
    """The folder a file and what we know of it lie in."""
    return settings.uploads / upload.folder


def data_path(settings: Settings, upload: ImportUpload) -> Path:
    """The file itself."""
    return folder_of(settings, upload) / f"{DATA_STEM}.{upload.kind}"


def read_look(settings: Settings, upload: ImportUpload) -> dict[str, Any]:
    """What was seen of a file: columns, first rows, values of columns with few. `Any`: JSON values."""
    return dict(json.loads((folder_of(settings, upload) / LOOK_FILE).read_text(encoding="utf-8")))


def look_again(settings: Settings, path: Path, kind: FileKind | str, dialect: dict[str, str], told_name: str) -> dict[str, Any]:
    """Look at a file in a child, in a dialect, and keep what was seen beside it. `Any`: JSON values."""
    form = kind.partition(".")[0]
    question = {"path": str(path), "format": form, "dialect": dialect, "most_bytes": UNPACKED_TIMES * settings.upload_mb * MIB}
    found = run_in_child(LOOK_CHILD, question, told_name) | {"dialect": dialect}
    target = path.parent / LOOK_FILE
    target.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    target.chmod(0o600)
    return found


def forget_old_files(settings: Settings) -> None:
    """The same, for a process that holds no store."""
    engine = make_engine(settings.store)
    try:
        forget_old(settings, engine)
    finally:
        engine.dispose()


def forget_old(settings: Settings, engine: Engine) -> int:
    """Delete files that nobody asked to load for a day; returns how many."""
    with transaction(engine) as session:
        now = database_time(session)
        old = import_upload.waiting_since_before(session, now - EXPIRES_SECONDS)
        for upload in old:
            upload.state, upload.ended_at = "expired", now
            audit.record(session, "upload_expired", f"upload:{upload.id}", sha256=upload.sha256)
    for upload in old:
        shutil.rmtree(folder_of(settings, upload), ignore_errors=True)
    return len(old)


def _known(session: Session, digest: str, name: str) -> Taken | None:
    waiting = import_upload.held(session, digest)
    if waiting is not None:
        return Taken(name, upload_id=waiting.id)
    batch = import_batch.loaded_from(session, digest)
    return Taken(name, batch_id=batch.id) if batch is not None else None


def _refuse_too_much(settings: Settings, incoming: Incoming, held: int, name: str) -> None:
    if incoming.is_too_large:
        remedy = "send it in parts, or load it by the command line: bankseg ingest"
        raise InputError(f"{name} is larger than {settings.upload_mb} MiB", f"at most {settings.upload_mb} MiB a file", remedy)
    if held + incoming.size > settings.upload_quota_mb * MIB:
        raise InputError(
            f"with {name} more than {settings.upload_quota_mb} MiB of yours would wait here",
            "files that are loaded or withdrawn",
            "load or withdraw some first",
        )


def _kept(settings: Settings, engine: Engine, scope: Scope, incoming: Incoming, name: str, kind: FileKind) -> Taken:
    folder = settings.uploads / token_hex(16)
    folder.mkdir(mode=0o700)
    try:
        path = folder / f"{DATA_STEM}.{kind}"
        incoming.keep(path)
        seen = look_again(settings, path, kind, _likely(path, kind), name)
        upload = ImportUpload(
            person_id=scope.person_id, folder=folder.name, file_name=name, kind=kind, size_bytes=incoming.size, sha256=incoming.sha256,
            columns_sha256=sha256(json.dumps([kind, seen["columns"]]).encode()).hexdigest(), created_at=0.0,
        )  # fmt: skip
        return Taken(name, upload_id=_recorded(settings, engine, upload, seen), is_new=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _likely(path: Path, kind: FileKind) -> dict[str, str]:
    if kind not in {"csv", "csv.gz"}:
        return {}
    with TextStream(path, "utf-8", collapse_blanks=False) as stream:
        head = stream.read(LOOK_BYTES)
    encoding = likely_encoding(head)
    return {"encoding": encoding, **likely_dialect(head.decode(encoding, errors="ignore"))}


def _recorded(settings: Settings, engine: Engine, upload: ImportUpload, seen: dict[str, Any]) -> int:
    with transaction(engine) as session:
        upload.mapping = import_upload.mapping_for(session, upload.columns_sha256) or first_mapping(settings, session, seen, upload.file_name)
        upload.created_at = database_time(session)
        session.add(upload)
        session.flush()
        audit.record(session, "upload_taken", f"upload:{upload.id}", person_id=upload.person_id, sha256=upload.sha256, bytes=upload.size_bytes)
        return upload.id or 0
