"""Loading a file that a browser sent: asked for once, done by a worker with the intake of the command line, tried again or called off where that is safe."""

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update
from sqlmodel import Session, col, select

from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.jobs import JobState, Stage
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.queue import ring
from bankseg.services.bank import Bank
from bankseg.services.import_trial import Trial, try_in_child
from bankseg.services.ingest import ingest_directory
from bankseg.services.jobs import Claim
from bankseg.services.upload_intake import data_path, folder_of
from bankseg.services.upload_mapping import checked_mapping, for_the_folder
from bankseg.settings import Settings
from bankseg.storage import audit, import_batch
from bankseg.storage.database import database_time, db_now, reading, transaction
from bankseg.storage.import_upload import ImportUpload
from bankseg.storage.job import Job

MAPPING_FILE = "mapping.toml"
ENDED_BADLY = (JobState.FAILED, JobState.QUARANTINED)


def upload_of(session: Session, scope: Scope, upload_id: int, *states: str) -> ImportUpload:
    """A file somebody sent, in one of these states; those who load data finish one another's work.

    Raises
    ------
    NotFoundError
        When there is none, or the role loads no data.
    MissingDataError
        When it is no longer in a state in which this can be asked.
    """
    require(scope, Right.LOAD)
    upload = session.get(ImportUpload, upload_id)
    if upload is None:
        raise NotFoundError(f"no file {upload_id}")
    if states and upload.state not in states:
        raise MissingDataError(f"{upload.file_name} is {upload.state}", f"a file that is {' or '.join(states)}", "open its page again")
    return upload


def try_out(settings: Settings, engine: Engine, scope: Scope, upload_id: int) -> Trial:
    """The dry run, kept with the file until its mapping changes."""
    with reading(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting")
    trial = try_in_child(settings, data_path(settings, upload), _mapping_in_folder(settings, upload), upload.file_name)
    with transaction(engine) as session:
        row = upload_of(session, scope, upload_id, "waiting")
        row.trial = {**{name: getattr(trial, name) for name in Trial.__slots__}, "reasons": [list(one) for one in trial.reasons]}
        audit.record(session, "upload_tried", f"upload:{upload_id}", person_id=scope.person_id, read=trial.read, accepted=trial.accepted)
    return trial


def ask_to_load(settings: Settings, engine: Engine, scope: Scope, upload_id: int) -> int:
    """Queue the load of a file that was tried; asked twice it is done once. Returns the job's number."""
    with transaction(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting", "loading")
        if upload.state == "loading":
            return upload.job_id or 0
        if not upload.trial:
            raise InputError(f"{upload.file_name} was not tried with this mapping", "a dry run whose counts somebody saw", "try it first")
        now = database_time(session)
        job = Job(
            key=f"import:{upload.id}:{int(now * 1000)}", stage=Stage.IMPORT, state=JobState.QUEUED, payload={"upload_id": upload.id},
            total=int(upload.trial["read"]), created_at=now, rung_at=now,
        )  # fmt: skip
        session.add(job)
        session.flush()
        upload.state, upload.job_id = "loading", job.id
        audit.record(session, "import_asked_for", f"upload:{upload.id}", person_id=scope.person_id, sha256=upload.sha256, job=job.key)
        job_id = job.id or 0
    ring(settings, [job_id])
    return job_id


def import_job(bank: Bank, claim: Claim) -> dict[str, Any]:
    """Load one file; done twice it changes nothing, because a file is known by its hash. `Any`: JSON of the job's result."""
    with reading(bank.engine) as session:
        upload = session.get_one(ImportUpload, int(claim.payload["upload_id"]))
    if upload.state == "loaded":
        return {}
    path, mapping_path, total = data_path(bank.settings, upload), _mapping_in_folder(bank.settings, upload), int(upload.trial.get("read", 0))
    report = ingest_directory(bank.settings, path.parent, mapping_path, progress=lambda _, rows: claim.progress(rows, max(rows, total), "reading"), waits=True)
    if report.refused:
        raise InputError(report.refused[0].message)
    with transaction(bank.engine) as session:
        claim.hold(session)
        row = session.get_one(ImportUpload, upload.id)
        row.state, row.ended_at = "loaded", database_time(session)
        batches = import_batch.of_file(session, upload.sha256)
        for batch in batches:
            batch.file_name = upload.file_name if batch.file_name == path.name else batch.file_name
        counts = {"accepted": sum(file.accepted for file in report.files), "quarantined": sum(file.quarantined for file in report.files)}
        audit.record(session, "import_loaded", f"upload:{upload.id}", person_id=upload.person_id, sha256=upload.sha256, **counts)
    shutil.rmtree(folder_of(bank.settings, upload), ignore_errors=True)
    return {"batches": [batch.id for batch in batches]}


def load_again(settings: Settings, engine: Engine, scope: Scope, upload_id: int) -> None:
    """Queue a load that failed once more, with its attempts given back."""
    with transaction(engine) as session:
        upload = upload_of(session, scope, upload_id, "loading")
        job = session.exec(select(Job).where(Job.id == upload.job_id).with_for_update()).one()
        if job.state not in ENDED_BADLY:
            raise MissingDataError(f"the load of {upload.file_name} is {job.state}", "one that failed", "open its page again")
        job.state, job.attempt, job.error, job.done, job.rung_at = JobState.QUEUED, 0, None, 0, database_time(session)
        audit.record(session, "import_retried", f"upload:{upload_id}", person_id=scope.person_id, job=job.key)
    ring(settings, [job.id or 0])


def call_off(engine: Engine, scope: Scope, upload_id: int) -> None:
    """Take a load back that no worker has begun, or that failed; the file waits again.

    Raises
    ------
    MissingDataError
        When a worker is at it: a commit to the lake is not broken off.
    """
    with transaction(engine) as session:
        upload = upload_of(session, scope, upload_id, "loading")
        free = update(Job).where(col(Job.id) == upload.job_id, col(Job.state).in_([JobState.QUEUED.value, *(state.value for state in ENDED_BADLY)]))
        values = {"state": JobState.FAILED.value, "error": "called off", "finished_at": db_now()}
        if session.connection().execute(free.values(**values)).rowcount == 0:
            raise MissingDataError(f"{upload.file_name} is being loaded", "a load nobody has begun", "wait for its end")
        upload.state, upload.job_id = "waiting", None
        audit.record(session, "import_called_off", f"upload:{upload_id}", person_id=scope.person_id)


def withdraw(settings: Settings, engine: Engine, scope: Scope, upload_id: int) -> None:
    """Delete a file that waits."""
    with transaction(engine) as session:
        upload = upload_of(session, scope, upload_id, "waiting")
        upload.state, upload.ended_at = "withdrawn", database_time(session)
        audit.record(session, "upload_withdrawn", f"upload:{upload_id}", person_id=scope.person_id, sha256=upload.sha256)
    shutil.rmtree(folder_of(settings, upload), ignore_errors=True)


def _mapping_in_folder(settings: Settings, upload: ImportUpload) -> Path:
    path = folder_of(settings, upload) / MAPPING_FILE
    checked_mapping(upload.mapping)
    path.write_text(for_the_folder(upload.mapping, data_path(settings, upload).name), encoding="utf-8")
    return path
