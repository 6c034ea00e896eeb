"""The pages of studies: what may be asked for, what was found, and the lists and schemes that come of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.errors import ArtefactError, InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.domain.schemes import parse_scheme
from bankseg.lake.parquet import digest_of, read_checked
from bankseg.segments.attributes import Attribute
from bankseg.segments.inputs import suggested
from bankseg.services.export_list import Exported
from bankseg.services.rolls import OpenRoll, left_out, open_for, without
from bankseg.services.segment_schemes import SchemeEntry, SchemeSizes, ValueName, attributes_for, counted, is_for, list_schemes
from bankseg.services.segment_studies import Asked, studies_of, study_for
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.services.study_clusters import cluster_scheme
from bankseg.services.study_inputs import Goal, choosable, clients_table, currency_of, goal_named, goals, roll_of
from bankseg.services.study_lookalike import lookalike_scheme
from bankseg.services.study_outcome import rows_path
from bankseg.services.study_tree import tree_scheme
from bankseg.settings import Settings
from bankseg.storage import audit
from bankseg.storage import run as runs
from bankseg.storage.database import reading, transaction
from bankseg.storage.segment_study import SegmentStudy

ASKED_ON_PAGES = ("tree", "clusters", "lookalike")
SHOWN = 50
LISTED = ("name", "tier", "segment", "churn", "value_12m_minor", "city", "rm_id", "prospect_source")
EXPORTED = (
    Column("client_id", "client_id"), Column("name", "name"), Column("cluster", "cluster", "integer"), Column("similarity", "similarity", "number"),
    Column("band", "band"), Column("tier", "tier"), Column("segment", "segment"), Column("churn", "churn", "number"),
    Column("value_12m_minor", "value_12m", "money"), Column("currency", "currency"), Column("city", "city"), Column("rm_id", "rm_id"),
)  # fmt: skip
NAMES = {
    "tree": ("Tree", "Arbre"),
    "clusters": ("Clusters", "Groupes"),
    "lookalike": ("Lookalikes", "Clients semblables"),
}


@dataclass(frozen=True, slots=True)
class StudiesPage:
    """The studies there are, and the run a new one would read."""

    stamp: Stamp
    studies: list[Asked]
    labels: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class NewStudyPage:
    """What a form offers: goals, attributes by family with those suggested, and the schemes a seed may come from."""

    stamp: Stamp
    kind: str
    goals: list[Goal]
    families: dict[str, list[Attribute]]
    suggested: frozenset[str]
    schemes: list[SchemeEntry]


@dataclass(frozen=True, slots=True)
class StudyPage:
    """One study: how far it is, or what it found, with the segments of its scheme counted on its own run."""

    stamp: Stamp
    asked: Asked
    goal: Goal | None
    seed: SchemeEntry | None
    sizes: SchemeSizes | None
    labels: Mapping[str, Attribute]
    currency: str

    @property
    def study(self) -> SegmentStudy:
        """The study."""
        return self.asked.study


@dataclass(frozen=True, slots=True)
class StudyClients:
    """The clients a study placed, the first of them, with what a list shows of each."""

    stamp: Stamp
    clients: int
    rows: list[dict[str, Any]]


def studies_page(settings: Settings, session: Session, scope: Scope) -> StudiesPage:
    """Every study this person may read."""
    require(scope, Right.DESIGN)
    roll = open_for(settings, session, scope)
    shown = [asked for asked in studies_of(settings, session, scope) if asked.study.kind in ASKED_ON_PAGES]
    return StudiesPage(stamp_of(roll), shown, attributes_for(settings, roll, scope))


def new_study_page(settings: Settings, session: Session, scope: Scope, kind: str, goal: str = "") -> NewStudyPage:
    """The form of a new study.

    Raises
    ------
    NotFoundError
        When there is no such kind.
    """
    require(scope, Right.DESIGN)
    if kind not in ASKED_ON_PAGES:
        raise NotFoundError("nothing here")
    roll = open_for(settings, session, scope)
    attributes = attributes_for(settings, roll, scope)
    free = choosable(settings, session, attributes, scope)
    if kind == "tree" and goal:
        free = choosable(settings, session, attributes, scope, goal_named(goal, attributes).without)
    families: dict[str, list[Attribute]] = {}
    for entry in free:
        families.setdefault(entry.family, []).append(entry)
    schemes = [entry for entry in list_schemes(session) if is_for(entry, scope, attributes)]
    known = goals(attributes) if kind == "tree" else []
    return NewStudyPage(stamp_of(roll), kind, known, families, frozenset(suggested([entry.name for entry in free])), schemes)


def study_page(settings: Settings, session: Session, scope: Scope, number: int, *, language: str, value_name: ValueName) -> StudyPage:
    """One study with what it found, in words."""
    asked = study_for(settings, session, scope, number)
    study = asked.study
    roll = roll_of(settings, session, study.run_id)
    attributes = attributes_for(settings, roll, scope)
    goal = goal_named(str(study.parameters["goal"]), attributes) if study.kind == "tree" else None
    seed = next((entry for entry in list_schemes(session) if entry.scheme.code == study.parameters.get("scheme")), None)
    return StudyPage(stamp_of(roll), asked, goal, seed, _sizes(settings, session, roll, study, language, value_name), attributes, currency_of(roll))


def study_clients(settings: Settings, session: Session, scope: Scope | None, number: int, group: str = "", limit: int | None = SHOWN) -> StudyClients:
    """The clients a study placed: of one cluster or band where it is named, best first.

    Raises
    ------
    NotFoundError
        When the study places nobody: a tree does it by its rules.
    """
    asked = study_for(settings, session, scope, number)
    study = asked.study
    if asked.state != "done" or not study.rows_sha256:
        raise NotFoundError("nothing here")
    rows = without(_rows(settings, study, group), left_out(session, scope))
    roll = roll_of(settings, session, study.run_id)
    found = rows if limit is None else rows.slice(0, limit)
    described = {row["client_id"]: row for row in clients_table(roll, LISTED, ("active", "prospect")).to_pylist()} if found.num_rows else {}
    currency = currency_of(roll)
    told = [{**described.get(row["client_id"], {}), **row, "currency": currency} for row in found.to_pylist()]
    return StudyClients(stamp_of(roll), rows.num_rows, told)


def export_study(settings: Settings, engine: Engine, scope: Scope, number: int, group: str, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write the clients a study placed to a file and record who took it."""
    require(scope, Right.DESIGN)
    with reading(engine) as session:
        found = study_clients(settings, session, scope, number, group, limit=None)
    names = {name for row in found.rows[:1] for name in row}
    columns = (
        Column("run_id", "run_id", "integer"),
        Column("as_of", "as_of"),
        *(one for one in EXPORTED if one.field in names and sees(scope.role, one.field)),
    )
    mark = {"run_id": found.stamp.run_id, "as_of": found.stamp.as_of.isoformat()}
    with Delivery(path, file_format, columns) as delivery:
        delivery.write_all({**row, **mark} for row in found.rows)
    try:
        with transaction(engine) as session:
            audit.record(
                session,
                "export",
                f"study:{number}/{group or 'all'}",
                person_id=scope.person_id,
                rows=delivery.rows,
                run_id=found.stamp.run_id,
                format=file_format,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Exported(path, delivery.rows, found.stamp.run_id, found.stamp.as_of.isoformat())


def scheme_text(settings: Settings, session: Session, scope: Scope | None, number: int) -> str:
    """The document of the scheme a study proposes, as the designer shows it.

    Raises
    ------
    NotFoundError
        When the study is not done.
    InputError
        When it proposes no rule.
    """
    asked = study_for(settings, session, scope, number)
    if asked.state != "done":
        raise NotFoundError("nothing here")
    return json.dumps(scheme_of(asked.study), ensure_ascii=False, indent=1)


def scheme_of(study: SegmentStudy) -> dict[str, Any]:
    """The document of the scheme a finished study proposes."""
    english, french = NAMES[study.kind]
    code, labels = f"{study.kind}_{study.id}", (f"{english} {study.id}", f"{french} {study.id}")
    if study.kind == "tree":
        return tree_scheme(code, *labels, study.result)
    return (cluster_scheme if study.kind == "clusters" else lookalike_scheme)(code, *labels, study.result)


def book_currency(session: Session) -> str:
    """Currency of the published run's amounts."""
    run = runs.current(session)
    return str(run.summary.get("currency") or "EUR") if run else "EUR"


def _sizes(settings: Settings, session: Session, roll: OpenRoll, study: SegmentStudy, language: str, value_name: ValueName) -> SchemeSizes | None:
    """The scheme a study proposes, counted; none while there is no scheme."""
    if study.state != "done":
        return None
    try:
        scheme = parse_scheme(scheme_of(study))
    except InputError:
        return None
    return counted(settings, session, None, SchemeEntry(scheme, 0, "draft", []), language=language, value_name=value_name, roll=roll)


def _rows(settings: Settings, study: SegmentStudy, group: str) -> pa.Table:
    path = rows_path(settings, study.run_id, study.id or 0)
    if digest_of([path]) != study.rows_sha256:
        raise ArtefactError(f"the clients of study {study.id} changed after they were written", "the recorded SHA-256", "ask for the study again")
    rows = read_checked(path)
    if not group:
        return rows
    column = "cluster" if "cluster" in rows.column_names else "band"
    return rows.filter(pc.is_in(rows.column(column).cast(pa.string()), value_set=pa.array([group])))
