"""The bank's own attributes: written as an expression, checked on the published roll before they are saved, followed in versions, and retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlglot import exp, parse_one
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.domain.schemes import Purpose
from bankseg.domain.segment_rules import attributes_of
from bankseg.segments.attributes import Attribute
from bankseg.segments.custom_catalogue import FAMILY, shared_purposes
from bankseg.segments.custom_expression import Expression, checked, type_of_column
from bankseg.segments.custom_readers import as_sql, value_for
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import attributes_for, list_schemes
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage import audit, own_attribute
from bankseg.storage.database import database_time, transaction
from bankseg.storage.own_attribute import OwnAttribute

if TYPE_CHECKING:
    from sqlalchemy import Engine

SAMPLE = 8
EXTREMES = frozenset({"least", "most"})  # of one client each
BALANCES = "balance"  # families of which rules may be made by those who see no client's balance
TEXTS = {"code": 40, "label_en": 80, "label_fr": 80, "definition": 500, "unit": 40, "owner": 80, "expression": 1_000}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person wrote."""

    code: str = ""
    label_en: str = ""
    label_fr: str = ""
    definition: str = ""
    unit: str = ""
    owner: str = ""
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft on the published roll: its type, what it reads and may serve, for how many clients it is known, its spread, and a few clients with their inputs."""

    draft: Draft
    expression: Expression
    purposes: tuple[Purpose, ...]
    clients: int
    known: int
    figures: dict[str, Any]
    sample: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Every own attribute a person may read, the draft being written, and what may be read by it."""

    stamp: Stamp
    saved: list[OwnAttribute]
    attributes: list[Attribute]
    draft: Draft
    checked: Checked | None
    error: InputError | None


def own_page(settings: Settings, session: Session, scope: Scope, draft: Draft | None = None) -> OwnPage:
    """The page of own attributes, with the check of a draft where there is one; a slip is told in its place."""
    require(scope, Right.SEGMENTS)
    roll = open_for(settings, session, scope)
    readable = attributes_for(settings, roll, scope)
    saved = [row for row in own_attribute.every(session) if set(row.reads) <= readable.keys()]
    found, error = None, None
    if draft is not None:
        try:
            found = check(settings, session, scope, draft)
        except InputError as slip:
            error = slip
    inputs = [one for one in readable.values() if one.family != FAMILY and one.state == "available"]
    return OwnPage(stamp_of(roll), saved, inputs, draft or Draft(), found, error)


def check(settings: Settings, session: Session, scope: Scope | None, draft: Draft) -> Checked:
    """Compute a draft on the published roll, for the clients in scope.

    Raises
    ------
    InputError
        When an entry is missing or too long, the expression is not of the language, or the two readers disagree.
    """
    if scope is not None:
        require(scope, Right.DESIGN)
    _entries(draft)
    roll = open_for(settings, session, scope)
    readable = {name: one for name, one in attributes_for(settings, roll, scope).items() if one.family != FAMILY}
    columns = {name: type_of_column(kind) for name, kind in roll.reading.roll.columns.items() if name in readable}
    expression = checked(draft.expression, columns)
    sql = as_sql(expression, roll.as_of, columns)
    purposes = shared_purposes([readable[name] for name in expression.reads])
    figures, sample = _figures(roll, sql, expression.type), _sample(roll, sql, expression)
    clients, known = figures.pop("clients"), figures.pop("known")
    if scope is not None and not _may_see_rows(scope, [readable[name] for name in expression.reads]):
        figures, sample = {name: value for name, value in figures.items() if name not in EXTREMES}, []
    return Checked(draft, expression, purposes, clients, known, figures, sample)


def save(settings: Settings, engine: "Engine", scope: Scope, draft: Draft) -> OwnAttribute:
    """Save a draft as the next version of its code; the same again is the same version."""
    require(scope, Right.DESIGN)
    with transaction(engine) as session:
        found = check(settings, session, scope, draft)
        before = next(iter(own_attribute.versions(session, draft.code)), None)
        digest = sha256("\n".join([*(getattr(draft, name) for name in TEXTS), found.expression.type]).encode()).hexdigest()
        if before is not None and before.sha256 == digest and before.state == "live":
            return before
        row = OwnAttribute(
            **{name: getattr(draft, name).strip() for name in TEXTS}, version=(before.version if before else 0) + 1, type=found.expression.type,
            reads=sorted(found.expression.reads), sha256=digest, saved_by=scope.person_id, saved_at=database_time(session),
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(session, "attribute_saved", row.name, person_id=scope.person_id, sha256=digest, expression=row.expression)
    return row


def retire(settings: Settings, engine: "Engine", scope: Scope, code: str, version: int) -> OwnAttribute:
    """Take a version out of the catalogue; refused while a scheme in use reads it.

    Raises
    ------
    NotFoundError
        When there is no such version, or it reads what this person may not.
    InputError
        When a scheme reads it.
    """
    require(scope, Right.DESIGN)
    with transaction(engine) as session:
        readable = attributes_for(settings, open_for(settings, session, scope), scope)
        row = next((one for one in own_attribute.versions(session, code) if one.version == version and one.state == "live"), None)
        if row is None or row.name not in readable:
            raise NotFoundError(f"no own attribute {code!r} in version {version}", "one of the list")
        users = readers(session, row.name)
        if users:
            raise InputError(f"{row.name} is read by {', '.join(users)}", "an attribute no scheme reads", "change these schemes first")
        row.state = "retired"
        session.add(row)
        audit.record(session, "attribute_retired", row.name, person_id=scope.person_id)
    return row


def readers(session: Session, attribute: str) -> list[str]:
    """Codes of the schemes in use whose rules read an attribute."""
    return [
        entry.scheme.code
        for entry in list_schemes(session)
        if any(segment.when is not None and attribute in attributes_of(segment.when) for segment in entry.scheme.segments)
    ]


def draft_of(form: Mapping[str, str]) -> Draft:
    """A draft from the fields of a form or a JSON document; what is missing is empty."""
    return Draft(**{name: str(form.get(name) or "").strip() for name in TEXTS})


def _may_see_rows(scope: Scope, inputs: list[Attribute]) -> bool:
    """Whether a role may see what single clients have of every input."""
    sees_balances = sees(scope.role, "balance_minor")
    return all(sees(scope.role, one.name) and (sees_balances or not one.family.startswith(BALANCES)) for one in inputs)


def _entries(draft: Draft) -> None:
    for name, most in TEXTS.items():
        text = getattr(draft, name)
        if not text or len(text) > most:
            raise InputError(f"{name.replace('_', ' ')} of {len(text)} characters", f"1 to {most}", "fill it in; what has no unit says so, for example yes/no")
    if not (draft.code.replace("_", "").isalnum() and draft.code.isascii() and draft.code == draft.code.lower()):
        raise InputError(f"code {draft.code!r}", "small letters, digits and underscores", "choose another code")


def _figures(roll: OpenRoll, sql: str, kind: str) -> dict[str, Any]:
    """Clients in scope, how many have a value, and its spread."""
    value: exp.Expr = parse_one(sql, dialect="duckdb")
    inner = exp.select(exp.alias_(value, "value")).from_("roll").where(roll.reading.visible()).subquery("computed")
    spread = {
        "number": ["min(value) AS least", "median(value) AS middle", "max(value) AS most"],
        "date": ["min(value) AS least", "max(value) AS most"],
        "boolean": ["count(*) FILTER (WHERE value) AS holds"],
        "category": ["count(DISTINCT value) AS levels"],
    }[kind]
    select_ = exp.select("count(*) AS clients", "count(value) AS known", *spread, dialect="duckdb").from_(inner)
    row: dict[str, Any] = roll.reading.roll.arrow(select_.sql(dialect="duckdb")).to_pylist()[0]
    return row


def _sample(roll: OpenRoll, sql: str, expression: Expression) -> list[dict[str, Any]]:
    """The first clients by number with their inputs and the value, as both readers find it."""
    inputs = [exp.column(name, quoted=True) for name in sorted(expression.reads)]
    value = exp.alias_(parse_one(sql, dialect="duckdb"), "own value", quoted=True)
    select_ = exp.select(exp.column("client_id"), *inputs, value).from_("roll").where(roll.reading.visible()).order_by("client_id").limit(SAMPLE)
    rows: list[dict[str, Any]] = []
    for row in roll.reading.roll.arrow(select_.sql(dialect="duckdb")).to_pylist():
        found = row.pop("own value")
        plain = value_for(expression, row, roll.as_of)
        if not _agree(found, plain):
            raise InputError(f"the two readers of the expression disagree for client {row['client_id']}: {found!r} and {plain!r}", "one value", "simplify it")
        rows.append({"client_id": row["client_id"], "inputs": {name: row[name] for name in sorted(expression.reads)}, "value": found})
    return rows


def _agree(one: Any, other: Any) -> bool:  # values of the expression's type
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1.0)
    return bool(one == other)
