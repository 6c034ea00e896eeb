"""What a study reads: the roll of its run, the goals that may be chosen, and the attributes that may enter."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.domain.schemes import Purpose
from bankseg.segments.arrays import numbers
from bankseg.segments.attributes import PROPENSITY, Attribute
from bankseg.segments.compiler import DIALECT
from bankseg.segments.inputs import is_free, suggested, usable
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.rolls import OpenRoll, left_out, open_of_run
from bankseg.settings import Settings
from bankseg.storage import own_attribute
from bankseg.storage.run import Run

Vector = NDArray[np.float64]

PURPOSE: Purpose = "marketing"
# Who serves a client is no property of the client, and a study reads clients of one status.
ADMINISTRATIVE = frozenset({"rm_id", "branch_id", "status", "client_status"})
# What a run concludes about a client: a study that reads it would find the conclusion again.
CONCLUSIONS = frozenset({"propensity", "strategic"})
LEAST_COVERAGE = 0.5
ACTIVE, PROSPECT = "active", "prospect"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a tree parts clients by; attributes of the families `without` would tell it away. `is_money`: in minor units, else a share in [0, 1]."""

    code: str
    label_en: str
    label_fr: str
    without: frozenset[str]
    is_money: bool = False

    def label(self, language: str) -> str:
        """Name in a language."""
        return self.label_fr if language == "fr" else self.label_en


VALUE = Goal("value", "Value over 12 months", "Valeur sur 12 mois", CONCLUSIONS | {"value", "rfm"}, is_money=True)
RESPONSE = Goal("response", "Answers to campaigns, among clients contacted", "Réponses aux campagnes, parmi les clients contactés", CONCLUSIONS | {"campaigns"})
CHURN = Goal("churn", "Probability of churn", "Probabilité d'attrition", CONCLUSIONS)
NEEDS: Mapping[str, tuple[str, ...]] = {"value": ("value_12m_minor",), "churn": ("churn",), "response": ("campaign_responses", "days_since_campaign")}


def roll_of(settings: Settings, session: Session, run_id: int, frozen: Sequence[Mapping[str, Any]] = ()) -> OpenRoll:
    """The roll of one run, whole: studies belong to roles that see the whole book.

    Raises
    ------
    NotFoundError
        When there is no such run.
    """
    run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError("nothing here")
    return open_of_run(settings, run, None, frozen=frozen, own=own_attribute.live(session), left_out=left_out(session, None))


def goals(attributes: Mapping[str, Attribute]) -> list[Goal]:
    """The goals a roll knows: value, churn, answers to campaigns, and every propensity."""
    known = [goal for goal in (VALUE, CHURN, RESPONSE) if all(_is_known(attributes, name) for name in NEEDS[goal.code])]
    estimated = [entry for name, entry in attributes.items() if name.startswith(PROPENSITY) and entry.coverage]
    return [*known, *(Goal(entry.name, entry.label_en, entry.label_fr, CONCLUSIONS) for entry in estimated)]


def goal_named(code: str, attributes: Mapping[str, Attribute]) -> Goal:
    """The goal of a code.

    Raises
    ------
    InputError
        When the roll does not know it; names those it does.
    """
    known = {goal.code: goal for goal in goals(attributes)}
    if code not in known:
        raise InputError(f"goal {code[:60]!r}", f"one of {', '.join(known) or 'no goal: nothing was scored'}", "choose a goal the run knows")
    return known[code]


def goal_values(table: pa.Table, code: str) -> Vector:
    """The goal of every client, shape (n,): minor units or a share; NaN where it is not known. An answer is known of clients who were contacted."""
    if code == RESPONSE.code:
        contacted = ~np.isnan(numbers(table, "days_since_campaign"))
        answered: Vector = np.where(contacted, (np.nan_to_num(numbers(table, "campaign_responses")) > 0).astype(np.float64), np.nan)
        return answered
    return numbers(table, NEEDS[code][0] if code in NEEDS else code)


def goal_columns(code: str) -> tuple[str, ...]:
    """Columns of the roll a goal is read from."""
    return NEEDS.get(code, (code,))


def choosable(
    settings: Settings, session: Session, attributes: Mapping[str, Attribute], scope: Scope | None, without: Collection[str] = CONCLUSIONS
) -> list[Attribute]:
    """The attributes a person may let into a study, in the order of the catalogue: free for marketing, no proxy, loaded, and seen by the person's role."""
    barred = proxies(settings, session)
    return [
        entry
        for name, entry in attributes.items()
        if entry.coverage and entry.type != "date" and entry.family not in without and name not in ADMINISTRATIVE
        and name.removeprefix("attr_") not in barred and is_free(entry, PURPOSE) and (scope is None or sees(scope.role, name))
    ]  # fmt: skip


def allowed(
    settings: Settings,
    session: Session,
    attributes: Mapping[str, Attribute],
    scope: Scope | None,
    names: Sequence[str],
    *,
    without: Collection[str] = CONCLUSIONS,
    telling: Collection[str] = (),
) -> list[str]:
    """The attributes of a request, sorted, or the suggestion where none is named; families `without` and attributes `telling` what is sought are left out.

    Raises
    ------
    InputError
        When one is protected, a proxy, unknown, not loaded, or would tell what is sought.
    """
    known = [entry.name for entry in choosable(settings, session, attributes, scope, without) if entry.name not in telling]
    if not names:
        return sorted(suggested(known))
    asked = sorted(set(usable(list(names), attributes, PURPOSE, proxies(settings, session))))
    refused = [name for name in asked if name not in known]
    if refused:
        raise InputError(f"attributes {', '.join(refused)}", "attributes that are loaded and do not tell the answer", "leave them out of the study")
    return asked


def proxies(settings: Settings, session: Session) -> frozenset[str]:
    """Names the policy bars because they stand for a protected ground."""
    return frozenset(policy_in_force(settings, session).section("fairness")["proxies"])


def known_of_prospects(roll: OpenRoll, names: Sequence[str]) -> list[str]:
    """Those of the attributes that at least half of the prospects have: a prospect holds nothing, so neither balances nor behaviour are among them.

    Raises
    ------
    MissingDataError
        When there is no prospect.
    """
    columns = [name for name in names if name in roll.reading.roll.columns]
    counts = [exp.alias_(exp.Count(this=exp.column(name, quoted=True)), f"c{place}") for place, name in enumerate(columns)]
    found = roll.reading.roll.arrow(exp.select("count(*) AS n", *counts).from_("roll").where("status = 'prospect'").sql(dialect=DIALECT)).to_pylist()[0]
    if not found["n"]:
        raise MissingDataError("no prospects are loaded", "clients whose status is prospect", "load an extract of prospects, or look among clients")
    return [name for place, name in enumerate(columns) if found[f"c{place}"] >= LEAST_COVERAGE * found["n"]]


def clients_table(roll: OpenRoll, columns: Sequence[str], statuses: Sequence[str] = (ACTIVE,)) -> pa.Table:
    """Columns of the clients of these statuses, by number."""
    wanted = exp.column("status").isin(*statuses)
    return roll.reading.roll.arrow(
        exp.select(*roll.reading.known("client_id", "status", *columns)).from_("roll").where(wanted).order_by("client_id").sql(dialect=DIALECT)
    )


def currency_of(roll: OpenRoll) -> str:
    """Currency of the run's amounts."""
    return str(roll.run.summary.get("currency") or "EUR")


def names_of(attributes: Mapping[str, Attribute]) -> dict[str, tuple[str, str]]:
    """English and French name of each attribute."""
    return {name: (entry.label_en, entry.label_fr) for name, entry in attributes.items()}


def _is_known(attributes: Mapping[str, Attribute], name: str) -> bool:
    return name in attributes and bool(attributes[name].coverage)
