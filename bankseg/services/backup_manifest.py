"""The manifest of a backup: what it holds, byte for byte and row for row, sealed with the bank's key."""

import hmac
import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from bankseg.domain.errors import BanksegError

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.seal"


class BackupError(BanksegError):
    """A backup could not be made whole, or does not restore to what was backed up."""

    exit_code = 16
    status = 500


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; instants in epoch seconds by the store's clock."""

    release: str
    made_at: float
    store: str  # sqlite | postgresql
    revision: str
    columns: dict[str, list[str]]  # by table, those that others refer to first
    rows: dict[str, int]  # store table -> rows
    files: dict[str, dict[str, Any]]  # path in the backup -> bytes, sha256
    lake: dict[str, dict[str, int]]  # lake table -> version, rows
    published: dict[str, Any] | None  # run_id, as_of, n_rows
    champions: dict[str, str]  # target -> digest
    audit: dict[str, Any]  # entries, head of the chain
    left_out: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(int(entry["bytes"]) for entry in self.files.values())


def write(manifest: Manifest, folder: Path, key: bytes) -> None:
    """Write manifest and seal: the last thing a backup does."""
    content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
    (folder / MANIFEST).write_bytes(content)
    (folder / SEAL).write_text(_seal(content, key), encoding="ascii")


def read(folder: Path, key: bytes) -> Manifest:
    """Read a manifest that is sealed with this key.

    Raises
    ------
    BackupError
        When it is absent, changed, of another format, or sealed with another key.
    """
    try:
        content, seal = (folder / MANIFEST).read_bytes(), (folder / SEAL).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{folder} holds no readable manifest", "a folder that `bankseg backup` wrote to its end", "take another backup") from error
    if not hmac.compare_digest(seal.encode(), _seal(content, key).encode()):
        raise BackupError(
            "the manifest does not carry this bank's seal",
            "the manifest as it was written, and the key of that day",
            "set BANKSEG_SECRET_KEY to that key, or take another backup",
        )
    document = json.loads(content)
    if document["format"] != FORMAT:
        raise BackupError(f"the backup has format {document['format']}", f"format {FORMAT}", "restore it with the release that made it")
    return Manifest(**document)


def _seal(content: bytes, key: bytes) -> str:
    return hmac.new(key, b"bankseg-backup:" + content, sha256).hexdigest()
