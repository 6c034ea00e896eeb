"""The stamp every page and export carries: which run its numbers come from, and as of when."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from bankseg.domain.errors import NothingPublishedError
from bankseg.storage import run as runs


@dataclass(frozen=True, slots=True)
class Stamp:
    """The published run behind a number."""

    run_id: int
    as_of: date
    published_at: float | None


def stamp(session: Session) -> Stamp:
    """The stamp of the published run.

    Raises
    ------
    NothingPublishedError
        Before the first publication.
    """
    run = runs.current(session)
    if run is None or run.id is None:
        raise NothingPublishedError(
            "no run has been published yet",
            "a published run",
            "load extracts with `bankseg ingest`, then `bankseg run --as-of DATE`; `bankseg status` shows how far it is",
        )
    return Stamp(run.id, date.fromisoformat(run.as_of), run.published_at)


def segment_labels(session: Session) -> dict[str, dict[str, str]]:
    """The names of the published run's segments by code and language, as its policy gave them."""
    run = runs.current(session)
    scheme = run.summary.get("scheme", []) if run else []
    return {str(entry["code"]): {"en": str(entry["label_en"]), "fr": str(entry["label_fr"])} for entry in scheme}


def outcome_labels(session: Session) -> dict[str, dict[str, str]]:
    """The names the bank gave its own outcomes, by target and language."""
    run = runs.current(session)
    declared = run.summary.get("outcomes", []) if run else []
    return {
        f"label:{entry['name']}": {"en": str(entry["label_en"]), "fr": str(entry["label_fr"])} for entry in declared if entry["label_en"] and entry["label_fr"]
    }
