"""What calls answer, as values. Money is in minor units; null is None and means no data. A field this release does not know is kept in `more`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Result:
    """A document with its unknown fields."""

    more: dict[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From JSON: fields of the class by name, the rest in `more`; a missing one is None."""
        names = {one.name for one in fields(cls)} - {"more"}
        return cls(more={name: value for name, value in document.items() if name not in names}, **{name: document.get(name) for name in names})


@dataclass(frozen=True, slots=True)
class Client(Result):
    """A client of the portfolio; a field the role may not see is None."""

    client_id: str
    name: str | None
    tier: str | None
    segment: str | None
    churn: float | None
    churn_band: str | None
    value_12m_minor: int | None
    balance_minor: int | None
    best_product: str | None
    best_propensity: float | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Run(Result):
    """A run; of one run, `stages` tell how far each is."""

    run_id: int
    as_of: str
    state: str
    is_current: bool
    clients: int | None
    error: str | None
    stages: list[dict[str, Any]] | None

    @property
    def is_final(self) -> bool:
        """Whether it goes on no more."""
        return self.state != "running"

    @property
    def share(self) -> float:
        """How far it is, in [0, 1]: the mean of its stages."""
        return sum(stage["share"] for stage in self.stages) / len(self.stages) if self.stages else 0.0


@dataclass(frozen=True, slots=True)
class Study(Result):
    """A study and how far it is."""

    id: int
    kind: str
    state: str
    share: float

    @property
    def is_final(self) -> bool:
        """Whether it goes on no more."""
        return self.state not in {"waiting", "queued", "running"}


@dataclass(frozen=True, slots=True)
class Sent(Result):
    """What became of a file that was sent: it waits as `upload_id`, or the import `batch_id` loaded the very same one before."""

    file_name: str
    upload_id: int | None
    batch_id: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Upload(Result):
    """A file sent to be loaded: its rows, its mapping, what the dry run counted (None: not tried), and how far the load is."""

    upload: dict[str, Any]
    columns: list[str]
    rows: list[list[str | None]]
    table: str
    extract_on: str | None
    sources: dict[str, str]
    mapping: str
    error: str | None
    trial: dict[str, Any] | None
    rejects: list[dict[str, str]]
    job_error: str | None
    share: float
    is_loading: bool
    has_failed: bool
    batches: list[int]

    @property
    def id(self) -> int:
        """Its number."""
        return int(self.upload["id"])

    @property
    def state(self) -> str:
        """waiting, loading, loaded, withdrawn or expired."""
        return str(self.upload["state"])

    @property
    def is_final(self) -> bool:
        """Whether no worker is at it or will be."""
        return not self.is_loading


@dataclass(frozen=True, slots=True)
class ClientList(Result):
    """A list of marketing's."""

    id: int
    name: str
    state: str
    as_of: str
    funnel: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account(Result):
    """Who calls, and what the token may open."""

    person: dict[str, Any]
    rights: list[str]


@dataclass(frozen=True, slots=True)
class SavedView(Result):
    """A view kept of the list of clients; `etag` is what a change of it is held against."""

    id: int
    name: str
    query: str
    etag: str | None
