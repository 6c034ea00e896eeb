"""The pages of lists: all of them with their state, and one with its funnel, arms, files and results."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow.parquet as pq
from sqlmodel import Session

from bankseg.domain.list_terms import ListAsked, read_terms
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services.list_answers import Answered, answers_of
from bankseg.services.list_builder import members_path
from bankseg.services.list_results import ListResults, results_of
from bankseg.services.list_states import list_of
from bankseg.services.segment_schemes import find_scheme
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import client_erasure, client_list, client_objection
from bankseg.storage.client_list import DRAFT, FROZEN, RELEASED, ClientList
from bankseg.storage.person import name_of

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ListRow:
    """One list among the others."""

    row: ClientList
    asked: ListAsked
    made_by: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """One list and what this person may do with it."""

    stamp: Stamp
    row: ClientList
    asked: ListAsked
    segment: tuple[str, str] | None  # its names in English and French
    people: dict[str, str]  # who made, froze, released and closed it
    results: ListResults
    rows: list[dict[str, Any]]  # the first who are to be contacted, in the order of the list; none while it is a draft
    may_freeze: bool
    may_release: bool
    may_close: bool
    answers: list[Answered] | None  # of surveys after the release; none where no survey is known or results have not matured


def lists_page(session: Session, scope: Scope) -> tuple[Stamp, list[ListRow]]:
    """The lists this person may see, newest first."""
    require(scope, Right.LISTS)
    rows = client_list.visible(session, scope)
    return stamp(session), [ListRow(row, read_terms(row.terms), name_of(session, row.made_by)) for row in rows]


def list_page(settings: Settings, session: Session, scope: Scope, list_id: int) -> ListPage:
    """One list.

    Raises
    ------
    NotFoundError
        When there is none for this person.
    """
    row = list_of(session, scope, list_id)
    asked = read_terms(row.terms)
    people = {step: name_of(session, getattr(row, f"{step}_by")) for step in ("made", "frozen", "released", "closed")}
    results = results_of(settings, session, row)
    return ListPage(
        stamp(session), row, asked, _segment(session, asked), people, results, first_members(settings, session, row), row.state == DRAFT,
        row.state == FROZEN and scope.person_id not in {row.made_by, row.frozen_by}, row.state in {DRAFT, FROZEN, RELEASED},
        answers_of(settings, session, row, results),
    )  # fmt: skip


def first_members(settings: Settings, session: Session, row: ClientList) -> list[dict[str, Any]]:
    """The first clients to contact of a list that was frozen, with the legal basis of each; without those who have objected since."""
    path = members_path(settings, row.id or 0)
    if not row.manifest or not path.exists():
        return []
    barred = {*client_objection.standing(session), *client_erasure.hidden(session)}
    with pq.ParquetFile(path) as file:
        rows = (one for batch in file.iter_batches(batch_size=SHOWN * 2) for one in batch.to_pylist())
        found = (one for one in rows if one["arm"] == "treated" and one["client_id"] not in barred)
        return list(islice(found, SHOWN))


def list_document(page: ListPage) -> dict[str, Any]:
    """A list as JSON, without its members."""
    row = page.row
    return {
        "id": row.id, "name": row.name, "state": row.state, "terms": row.terms, "run_id": row.run_id, "as_of": row.as_of, "funnel": row.funnel,
        "manifest": row.manifest, "manifest_sha256": row.manifest_sha256, "contact_on": row.contact_on, "release_reason": row.release_reason, "people": page.people,
    }  # fmt: skip


def _segment(session: Session, asked: ListAsked) -> tuple[str, str] | None:
    if not asked.scheme:
        return None
    segment = find_scheme(session, asked.scheme).scheme.segment(asked.segment)
    return segment.label_en, segment.label_fr
