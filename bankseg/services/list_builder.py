"""The list builder: what may be asked, how many clients a list would hold, and what takes the others off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import ArtefactError, InputError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.list_terms import ACTIONS, CONTROL, STAGES, TREATED, WHOLE, ListAsked, check_terms, places
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.domain.suitability import unsuitable_rules
from bankseg.economics.detectable import smallest_effect
from bankseg.lake.declarations import read_declarations
from bankseg.segments import list_pool
from bankseg.segments.reading import members
from bankseg.services.list_proofs import lists_folder, proofs_of
from bankseg.services.rolls import OpenRoll, open_for, roll_path
from bankseg.services.segment_schemes import SchemeEntry, attributes_for, is_for, list_schemes, scheme_for
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import client_list, client_objection

PREFIX = "p:cross_sell:"
TIERS = ("platinum", "gold", "silver", "bronze", "negative", "unknown")
MEMBERS = pa.schema({"client_id": pa.string(), "arm": pa.string()})
NEW = "new"  # stands for the key of a list that is not kept yet


@dataclass(frozen=True, slots=True)
class ListFunnel:
    """What removes whom: candidates = treated + the sum of removed, always; the control group is one of them."""

    candidates: int
    removed: dict[str, int]
    treated: int
    expected: float | None = None  # outcomes expected among the treated, by propensity
    margin_minor: int | None = None
    mean_value_minor: float | None = None

    @property
    def control(self) -> int:
        """Clients held out of this list."""
        return self.removed.get(CONTROL, 0)

    @property
    def document(self) -> dict[str, Any]:
        """The funnel as JSON."""
        return {name: getattr(self, name) for name in ("candidates", "removed", "treated", "expected", "margin_minor", "mean_value_minor")}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers."""

    products: list[str]
    actions: tuple[str, ...]
    schemes: list[SchemeEntry]
    tiers: tuple[str, ...]
    costs_minor: Mapping[str, int]
    control_share: int


@dataclass(frozen=True, slots=True)
class ListPreview:
    """A list before it is kept: who would be on it and what its control group can show."""

    stamp: Stamp
    asked: ListAsked
    funnel: ListFunnel
    layers: list[dict[str, Any]]
    rate: float | None
    smallest_effect: float | None
    cost_minor: int
    currency: str
    choices: Choices | None = None


@dataclass(frozen=True, slots=True)
class OpenList:
    """A list opened on a roll: the roll, its candidates, and the parameters that decide about each."""

    roll: OpenRoll
    subject: exp.Select
    parameters: dict[str, Any] = field(default_factory=dict)


def choices(settings: Settings, session: Session, scope: Scope, policy: Policy) -> Choices:
    """The products, actions, segments and channels a person may build a list of."""
    require(scope, Right.LISTS)
    roll = open_for(settings, session, scope)
    attributes = attributes_for(settings, roll, scope)
    products = sorted(name.removeprefix(PREFIX) for name in roll.reading.roll.columns if name.startswith(PREFIX))
    schemes = [entry for entry in list_schemes(session) if is_for(entry, scope, attributes)]
    section = policy.section("lists")
    return Choices(products, ACTIONS, schemes, TIERS, section["contact_cost_minor"], usual_control(policy))


def usual_control(policy: Policy) -> int:
    """The control group that the form offers, in basis points."""
    return round(float(policy.section("lists")["control_share"]) * WHOLE)


def preview(settings: Settings, session: Session, scope: Scope, policy: Policy, asked: ListAsked, *, key: str = NEW) -> ListPreview:
    """Count a list on the published run.

    Raises
    ------
    InputError
        When the terms mean nothing or name an unknown product.
    NotFoundError
        When the segment is none this person may read.
    """
    opened = open_list(settings, session, scope, policy, asked, key=key)
    return counted(session, policy, asked, opened)


def counted(session: Session, policy: Policy, asked: ListAsked, opened: OpenList) -> ListPreview:
    """The counts of an opened list."""
    outcomes, layers = list_pool.counted(opened.roll.reading, opened.subject, opened.parameters)
    rows = {row["outcome"]: row for row in outcomes}
    funnel = _funnel(rows)
    pool = [rows[arm] for arm in (TREATED, CONTROL) if arm in rows]
    drawn = sum(row["clients"] for row in pool)
    mean = sum(row["expected"] for row in pool) / drawn if drawn else None
    rate = None if mean is None else 1 - mean if asked.action else mean
    effect = smallest_effect(rate, funnel.treated, funnel.control) if rate is not None else None
    cost = int(policy.section("lists")["contact_cost_minor"][asked.channel])
    currency = str(opened.roll.run.summary.get("currency") or policy.section("value")["currency"])
    return ListPreview(stamp(session), asked, funnel, layers, rate, effect, cost * funnel.treated, currency)


def open_list(settings: Settings, session: Session, scope: Scope, policy: Policy, asked: ListAsked, *, key: str, list_id: int | None = None) -> OpenList:
    """A list ready to be counted or written."""
    require(scope, Right.LISTS)
    check_terms(asked)
    entry = scheme_for(settings, session, scope, asked.scheme) if asked.scheme else None
    roll = open_for(settings, session, scope, frozen=entry.cuts if entry else (), with_objecting=True)
    if asked.product and PREFIX + asked.product not in roll.reading.roll.columns:
        raise InputError(f"no propensity for {asked.product[:40]!r} in run {roll.run.id}", "a product with a model", "choose one of the form")
    inside = members(entry.scheme, entry.scheme.segment(asked.segment), roll.reading) if entry else list_pool.everybody(roll.reading)
    natures = {**PRODUCTS, **read_declarations(settings.lake).products}
    nature = natures.get(asked.product, "")
    barring = [rule.when for rule in unsuitable_rules(policy.section("cross_sell")["unsuitable"]) if asked.product and rule.speaks_of(asked.product, nature)]
    section = policy.section("lists")
    contracts = section["contracts_in_progress"].get(asked.subject, ())
    purpose, proofs = f"marketing_{asked.channel}", proofs_of(settings, roll.run)
    beside = list_pool.laid_beside(roll.reading, _offers(settings, roll), asked.product, str(section["global_control_salt"]), proofs, purpose)
    subject = list_pool.candidates(roll.reading, asked, inside, barring, contracts, beside)
    days = int(policy.section("contact_policy")["least_days_between_contacts"])
    return OpenList(roll, subject, {
        "product": asked.product, "purpose": purpose, "proofs": str(proofs),
        "contacted": _contacted(settings, session, roll.as_of - timedelta(days=days), list_id), "least_propensity": asked.least_propensity,
        "least_margin_minor": asked.least_margin_minor, "least_days_between_contacts": days, "is_credit": nature == "credit",
        "objecting": list(client_objection.standing(session)), "restricted": client_list.restricted(session),
        "global_share": round(float(section["global_control_share"]) * WHOLE), "places": places(asked, int(section["contact_cost_minor"][asked.channel])),
        "list_key": key, "salt": str(section["salt"]), "control_share": asked.control_share,
    })  # fmt: skip


def members_path(settings: Settings, list_id: int) -> Path:
    """File of a frozen list's members."""
    return lists_folder(settings) / str(list_id) / "members.parquet"


def _funnel(rows: Mapping[str, Mapping[str, Any]]) -> ListFunnel:
    removed = {stage: int(rows[stage]["clients"]) for stage in STAGES if stage in rows}
    treated = rows.get(TREATED, {})
    return ListFunnel(
        sum(int(row["clients"]) for row in rows.values()), removed, int(treated.get("clients", 0)),
        treated.get("expected"), treated.get("margin_minor"), treated.get("mean_value_minor"),
    )  # fmt: skip


def _offers(settings: Settings, roll: OpenRoll) -> Path:
    return roll_path(settings, roll.run.id or 0).with_name("offers.parquet")


def _contacted(settings: Settings, session: Session, since: date, list_id: int | None) -> list[str]:
    """Files of those whom a released list contacts too shortly before."""
    rows = client_list.in_the_field(session, since.isoformat(), list_id)
    paths = [members_path(settings, row.id or 0) for row in rows]
    for row, path in zip(rows, paths, strict=True):
        if not path.exists():
            raise ArtefactError(f"the members of list {row.id} are missing", "the file that was frozen", "restore it from the backup")
    return [str(path) for path in paths]
