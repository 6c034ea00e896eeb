"""Artefacts: a model as LightGBM text, a JSON card and golden rows, named by their hash and sealed with a key. Never pickle."""

import hashlib
import hmac
import json
import math
import os
import shutil
import subprocess  # the sandbox is a fresh process: LightGBM does not survive fork
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bankseg.domain.errors import ArtefactError
from bankseg.durable import flush_folder
from bankseg.faults import crash_point
from bankseg.propensity.predict import Propensity
from bankseg.propensity.structure import check_structure
from bankseg.propensity.train import Trained

MODEL, CARD, GOLDEN, SEAL = "model.txt", "card.json", "golden.json", "seal.txt"
CONTENT = (MODEL, CARD, GOLDEN)
MOST_BYTES = 256 * 1024**2
DIGEST_LENGTH = 64
GOLDEN_TOLERANCE = 1e-12
SANDBOX_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Artefact:
    """A stored model: the hash that names it and the folder that holds it."""

    digest: str
    path: Path


def save(trained: Trained, directory: Path, key: bytes) -> Artefact:
    """Write a model under its own hash; the folder appears whole or not at all, and saving it again changes nothing.

    Parameters
    ----------
    trained
        From `train`.
    directory
        Folder of artefacts; made with mode 0700.
    key
        Secret that seals the hash; kept outside store and folder.
    """
    content = {MODEL: trained.booster_text.encode(), CARD: canonical_json(trained.card), GOLDEN: canonical_json(trained.golden)}
    digest = _digest(content)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    home = directory / digest
    if home.is_dir():
        return Artefact(digest, home)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=directory))  # mkdtemp makes it 0700
    try:
        for name, data in {**content, SEAL: _seal(digest, key).encode()}.items():
            _write(draft / name, data)
        flush_folder(draft)
        crash_point("model.before_rename")
        draft.rename(home)
        crash_point("model.after_rename")
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not home.is_dir():  # another worker may have saved the same model first
            raise
    flush_folder(directory)
    return Artefact(digest, home)


def load(directory: Path, digest: str, key: bytes) -> Propensity:
    """A propensity model ready to score; hash, seal and structure are checked before LightGBM sees a byte.

    Raises
    ------
    ArtefactError
        When the artefact is absent, damaged, swapped, or sealed with another key.
    """
    content = _verified(directory, digest, key)
    card = _card(content)
    text = content[MODEL].decode()
    check_structure(text, len(card["features"]))
    return Propensity(text, card)


def read_card(directory: Path, digest: str, key: bytes) -> dict[str, Any]:
    """The card alone, after the same checks of hash and seal. `Any`: JSON."""
    return _card(_verified(directory, digest, key))


def verify_in_child(directory: Path, digest: str, key: bytes) -> None:
    """Load the model in a fresh child process with limits and compare its golden rows; only then may it be registered as loadable.

    Raises
    ------
    ArtefactError
        When any check fails, the child dies, or a golden score differs.
    """
    content = _verified(directory, digest, key)
    text = content[MODEL].decode()
    check_structure(text, len(_card(content)["features"]))
    golden = json.loads(content[GOLDEN])
    scores = _scores_in_child(text, golden["rows"])
    if len(scores) != len(golden["raw"]):
        _refuse(digest, f"{len(scores)} golden scores came back, {len(golden['raw'])} are stored")
    worst = max((abs(score - stored) for score, stored in zip(scores, golden["raw"], strict=True)), default=math.inf)
    if not worst <= GOLDEN_TOLERANCE:
        _refuse(digest, f"a golden score differs by {worst:.3g}")


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no NaN: the same value has the same bytes. `Any`: JSON."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _scores_in_child(text: str, rows: list[list[float | None]]) -> list[float]:
    package_home = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [package_home, os.environ.get("PYTHONPATH", "")])),
    }
    request = json.dumps({"model": text, "rows": rows})
    command = [sys.executable, "-m", "bankseg.propensity.sandbox"]
    try:
        done = subprocess.run(command, input=request, capture_output=True, text=True, env=environment, timeout=SANDBOX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ArtefactError("the model did not score its golden rows in time", "an answer", "train again") from error
    if done.returncode != 0:
        _refuse("", f"the child process ended with {done.returncode} while loading the model {done.stderr[-300:]}")
    return [float.fromhex(score) for score in json.loads(done.stdout)]


def _verified(directory: Path, digest: str, key: bytes) -> dict[str, bytes]:
    if len(digest) != DIGEST_LENGTH or not set(digest) <= set("0123456789abcdef"):
        _refuse(digest[:DIGEST_LENGTH], "the name is not a SHA-256")
    content = {name: _read(directory / digest / name, digest) for name in CONTENT}
    if not hmac.compare_digest(_digest(content), digest):
        _refuse(digest, "its content does not have its hash")
    if not hmac.compare_digest(_read(directory / digest / SEAL, digest), _seal(digest, key).encode()):
        _refuse(digest, "its seal was not made with this key")
    return content


def _card(content: Mapping[str, bytes]) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(content[CARD])
    return card


def _digest(content: Mapping[str, bytes]) -> str:
    lines = "".join(f"{name} {len(content[name])} {hashlib.sha256(content[name]).hexdigest()}\n" for name in CONTENT)
    return hashlib.sha256(lines.encode()).hexdigest()


def _seal(digest: str, key: bytes) -> str:
    return hmac.new(key, f"bankseg-model:{digest}".encode(), hashlib.sha256).hexdigest()


def _read(path: Path, digest: str) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ArtefactError(
            f"model {digest[:12]}: {path.name} cannot be read ({error.strerror})", "a plain file", "restore the artefact from backup"
        ) from error
    with os.fdopen(handle, "rb") as stream:
        if os.fstat(handle).st_size > MOST_BYTES:
            _refuse(digest, f"{path.name} is too large")
        return stream.read()


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _refuse(digest: str, why: str) -> None:
    raise ArtefactError(f"model {digest[:12]} is refused: {why}", "the artefact as it was saved", "restore it from backup, or train again")
