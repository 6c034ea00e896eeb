"""Files taken from browsers: kept aside until they are loaded, withdrawn, or a day old."""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, func, text
from sqlmodel import Field, Session, SQLModel, col, select

from bankseg.storage.person import Person

OPEN_STATES = ("waiting", "loading")


class ImportUpload(SQLModel, table=True):
    """One file with the mapping proposed for it; the same file is kept once."""

    __tablename__ = "import_upload"
    __table_args__ = (
        CheckConstraint("state in ('waiting','loading','loaded','withdrawn','expired')", name="import_upload_state"),
        Index(
            "ix_import_upload_open", "sha256", unique=True,
            sqlite_where=text("state in ('waiting','loading')"), postgresql_where=text("state in ('waiting','loading')"),
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    folder: str = Field(unique=True)  # server-made name under the folder of uploads
    file_name: str  # as the browser told it, for display
    kind: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    columns_sha256: str = Field(index=True)
    mapping: str = ""  # TOML
    trial: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # of this very mapping; empty: not tried
    state: str = "waiting"
    job_id: int | None = Field(default=None, foreign_key="job.id")
    created_at: float
    ended_at: float | None = None


def held(session: Session, sha256: str) -> ImportUpload | None:
    """The very file of this hash, where it is still here."""
    query = select(ImportUpload).where(ImportUpload.sha256 == sha256, col(ImportUpload.state).in_(OPEN_STATES))
    return session.exec(query.order_by(col(ImportUpload.id)).limit(1)).one_or_none()


def recent(session: Session, most: int) -> list[tuple[ImportUpload, str]]:
    """The latest files with the names of those who sent them, newest first, whatever became of them."""
    query = select(ImportUpload, Person.display_name).join(Person, col(Person.id) == col(ImportUpload.person_id))
    return [(upload, name) for upload, name in session.exec(query.order_by(col(ImportUpload.id).desc()).limit(most))]


def bytes_held(session: Session, person_id: int) -> int:
    """Bytes of a person's files that are still here."""
    query = select(func.sum(ImportUpload.size_bytes)).where(ImportUpload.person_id == person_id, col(ImportUpload.state).in_(OPEN_STATES))
    return int(session.scalar(query) or 0)


def mapping_for(session: Session, columns_sha256: str) -> str | None:
    """The mapping under which a file of the very same columns was loaded last."""
    query = select(ImportUpload.mapping).where(ImportUpload.columns_sha256 == columns_sha256, ImportUpload.state == "loaded")
    return session.exec(query.order_by(col(ImportUpload.id).desc()).limit(1)).one_or_none()


def waiting_since_before(session: Session, instant: float) -> list[ImportUpload]:
    """Files that nobody asked to load since."""
    query = select(ImportUpload).where(ImportUpload.state == "waiting", ImportUpload.created_at < instant).with_for_update(skip_locked=True)
    return list(session.exec(query))
