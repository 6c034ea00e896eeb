"""Reproducing a run: the same snapshots, models and scores computed again from what it recorded, and compared byte for byte."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from sqlmodel import select

from bankseg.domain.erasure import ErasedError
from bankseg.domain.errors import BanksegError, NotFoundError
from bankseg.domain.jobs import JobState, Stage
from bankseg.features.build import features_digest
from bankseg.lake.declarations import declarations_of
from bankseg.lake.parquet import write_whole
from bankseg.propensity.artefacts import load, read_card, save
from bankseg.services.bank import Bank
from bankseg.services.policy_in_force import recorded_policy
from bankseg.services.score import score_bucket, scores_path
from bankseg.services.shadow import shadow_models
from bankseg.services.snapshot import labels_path, lake_at, snapshot_path, write_bucket
from bankseg.services.train import REFUSALS, learn
from bankseg.services.tree_settings import setup_of_card
from bankseg.storage import client_erasure, recorded_document
from bankseg.storage.database import reading
from bankseg.storage.job import Job
from bankseg.storage.run import Run

SHOWN_DIGITS = 12
EQUAL, DIFFERENT, NOT_KEPT = "equal", "different", "not kept"

Report = Callable[[str, int, int], None]


class NotReproducibleError(BanksegError):
    """A run cannot be computed again with what is here, or came out different."""

    exit_code = 15
    status = 409


@dataclass(frozen=True, slots=True)
class Piece:
    """One file or model: its stage, its name, the SHA-256 recorded or kept, the one found now, and the verdict."""

    stage: str
    name: str
    recorded: str
    found: str

    @property
    def verdict(self) -> str:
        """`equal`, `different`, or `not kept` when the run's own piece is gone."""
        if not self.recorded:
            return NOT_KEPT
        return EQUAL if self.recorded == self.found else DIFFERENT


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run computed again: every piece compared."""

    run_id: int
    pieces: list[Piece]

    @property
    def is_equal(self) -> bool:
        """Whether every piece that could be compared is the same, and some could in each stage that has pieces."""
        verdicts = {stage: [piece.verdict for piece in self.pieces if piece.stage == stage] for stage in self.stages}
        return all(DIFFERENT not in found and EQUAL in found for found in verdicts.values()) and bool(verdicts)

    @property
    def stages(self) -> list[str]:
        """Stages that have pieces, in order."""
        return list(dict.fromkeys(piece.stage for piece in self.pieces))

    def counts(self, stage: str) -> dict[str, int]:
        """Pieces of a stage by verdict."""
        verdicts = [piece.verdict for piece in self.pieces if piece.stage == stage]
        return {verdict: verdicts.count(verdict) for verdict in (EQUAL, DIFFERENT, NOT_KEPT) if verdict in verdicts}


def reproduce(bank: Bank, run_id: int, scratch: Path | None = None, report: Report = lambda _stage, _done, _total: None) -> Reproduction:
    """Compute a run's snapshots, models and scores again in a scratch folder and compare them with what the run left.

    Everything is taken as the run recorded it: table versions and file hashes of the lake, the policy and the declarations by their hash, the seeds by the
    target's name, the settings of the trees by the model's card. Nothing of the bank is written.

    Parameters
    ----------
    scratch
        Folder to compute in; None: a temporary one, removed at the end.

    Raises
    ------
    NotFoundError
        When there is no such run.
    NotReproducibleError
        When the policy or the declarations were not kept, or the code defines features otherwise.
    ArtefactError
        When a file of the lake is no longer the one the run read, or a model is damaged.
    """
    if scratch is None:
        with tempfile.TemporaryDirectory(prefix="bankseg-reproduce-") as folder:
            return reproduce(bank, run_id, Path(folder), report)
    run, trained = _recorded_run(bank, run_id)
    _refuse_erased(bank, run)
    then = _as_it_was(bank, run)
    anew = Bank(_in(then, scratch), bank.engine, then.policy, then.declarations)
    pieces = [*_snapshots(then, anew, run, report), *_models(then, anew, run, trained, report), *_scores(then, anew, run, report)]
    return Reproduction(run_id, pieces)


def _recorded_run(bank: Bank, run_id: int) -> tuple[Run, dict[str, Mapping[str, Any]]]:
    """The run, and by target what its training left: a digest, or the reason of a refusal."""
    with reading(bank.engine) as session:
        run = session.get(Run, run_id)
        if run is None:
            raise NotFoundError(f"there is no run {run_id}", "a run", "bankseg status names the latest")
        jobs = session.exec(select(Job).where(Job.run_id == run_id, Job.stage == Stage.TRAIN, Job.state == JobState.DONE)).all()
    return run, {job.payload["target"]: job.result for job in jobs}


def _refuse_erased(bank: Bank, run: Run) -> None:
    """A run that read a client who was erased since cannot be made again: its models would come out otherwise, and rightly so."""
    with reading(bank.engine) as session:
        since = client_erasure.since(session, run.created_at)
    if since:
        day = datetime.fromtimestamp(since[0].decided_at or 0.0, UTC).date()
        raise ErasedError(
            f"a client was erased on {day} from what run {run.id} read (erasure {since[0].id})", "a run started since", "reproduce a later run: start one now"
        )


def _as_it_was(bank: Bank, run: Run) -> Bank:
    """The bank with the policy and the declarations of the run."""
    if features_digest()[:SHOWN_DIGITS] not in run.key.split(":"):
        raise NotReproducibleError(
            f"run {run.id} was computed with other feature definitions", "the code that computed it", "install the release of that day and try again"
        )
    with reading(bank.engine) as session:
        policy = recorded_policy(session, run.policy_sha256)
        declared = recorded_document.read(session, run.declarations_sha256)
    if policy is None or declared is None:
        raise NotReproducibleError(f"run {run.id} did not keep its policy", "a run of this release or a later one", "reproduce a later run")
    declarations = declarations_of(declared)
    return Bank(bank.settings, bank.engine, policy, declarations)


def _in(bank: Bank, scratch: Path) -> Any:  # settings of the same bank, whose files lie elsewhere
    key = bank.settings.key().decode()
    return bank.settings.model_copy(
        update={"home": scratch.absolute(), "lake_url": bank.settings.lake, "store_url": bank.settings.store, "secret_key": type(bank.settings.secret_key)(key)}
    )


def _snapshots(then: Bank, anew: Bank, run: Run, report: Report) -> Iterator[Piece]:
    lake = lake_at(anew, run)
    pairs = [(origin, bucket) for origin in _origins(run) for bucket in range(int(run.plan["buckets"]))]
    for done, (origin, bucket) in enumerate(pairs):
        report("snapshot", done, len(pairs))
        write_bucket(anew, run, lake, date.fromisoformat(origin), bucket)
        for kind, path in (("features", snapshot_path), ("outcomes", labels_path)):
            rebuilt = path(anew, run, origin, bucket)
            if rebuilt.exists():
                yield Piece("snapshot", f"{kind} {origin} bucket {bucket}", _digest(path(then, run, origin, bucket)), _digest(rebuilt))
    report("snapshot", len(pairs), len(pairs))


def _models(then: Bank, anew: Bank, run: Run, trained: Mapping[str, Mapping[str, Any]], report: Report) -> Iterator[Piece]:
    for done, (target, left) in enumerate(sorted(trained.items())):
        report("train", done, len(trained))
        digest = str(left.get("digest", ""))
        setup = setup_of_card(read_card(then.settings.artefacts, digest, then.settings.key())) if digest else None
        try:
            _, model, _ = learn(anew, run, target, setup=setup)
        except REFUSALS as refusal:
            yield Piece("train", target, digest or str(left.get("refused", "")), str(refusal))
            continue
        yield Piece("train", target, digest or str(left.get("refused", "")), save(model, anew.settings.artefacts, anew.settings.key()).digest)
    report("train", len(trained), len(trained))


def _scores(then: Bank, anew: Bank, run: Run, report: Report) -> Iterator[Piece]:
    """Scores of the models that the run recorded, so that a model that came out otherwise does not hide a score that did."""
    key = then.settings.key()
    models = {target: load(then.settings.artefacts, digest, key) for target, digest in sorted(run.models.items())}
    shadows = shadow_models(then, run)
    buckets = int(run.plan["buckets"])
    for bucket in range(buckets):
        report("score", bucket, buckets)
        kept = scores_path(then, run.id or 0, bucket)
        rebuilt = scores_path(anew, run.id or 0, bucket)
        write_whole(score_bucket(anew, run, models, bucket, shadows), rebuilt)
        yield Piece("score", f"bucket {bucket}", _digest(kept), _digest(rebuilt))
    report("score", buckets, buckets)


def _origins(run: Run) -> list[str]:
    planned = {day for plan in run.plan["targets"].values() if plan for day in (*plan["train"], plan["calibration"], plan["test"])}
    return sorted(planned | {run.as_of})


def _digest(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
