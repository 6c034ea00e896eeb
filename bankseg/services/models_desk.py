"""The models desk: every version with its figures, what waits for a decision, and the alerts."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, require
from bankseg.services.model_file import alert_document, person_names
from bankseg.services.promotion import PROMOTABLE
from bankseg.storage import model_alert, model_gate, model_observation, model_proposal
from bankseg.storage import propensity_model as models
from bankseg.storage import run as runs
from bankseg.storage.model_proposal import ModelProposal
from bankseg.storage.propensity_model import ModelStatus, PropensityModel

FIGURES = ("roc_auc", "lift10", "empc", "ece")
MOST_SIDE_BY_SIDE = 4


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """The registry: one row a version, proposals that wait, alerts that are not closed. `Any`: JSON."""

    rows: list[dict[str, Any]]
    proposals: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    may_propose: bool
    may_decide: bool


def models_page(session: Session, scope: Scope, target: str | None = None) -> ModelsPage:
    """The registry, of all targets or of one; champions first within a target, then newest first.

    Raises
    ------
    NotFoundError
        When the role may not see models.
    """
    require(scope, Right.MODELS)
    current = runs.current(session)
    as_of = current.as_of if current else None
    names = person_names(session)
    found = models.versions(session, target)
    found.sort(key=lambda model: (model.target, model.status != ModelStatus.CHAMPION, -model.version))
    waiting = [proposal for proposal in model_proposal.open_proposals(session) if target in {None, proposal.target}]
    alerts = [alert_document(alert, names) for alert in model_alert.pending(session) if target in {None, alert.target}]
    return ModelsPage(
        rows=[_row(session, model, as_of) for model in found],
        proposals=[_proposal(session, scope, proposal, names) for proposal in waiting],
        alerts=alerts,
        may_propose=may(scope.role, Right.PROPOSE_MODEL),
        may_decide=may(scope.role, Right.DECIDE_MODEL),
    )


@dataclass(frozen=True, slots=True)
class TargetPage:
    """One target's versions side by side. `rows` as in the registry, each with `verdicts` by gate; `live`: by version, how it does on live clients. `Any`: JSON."""

    target: str
    rows: list[dict[str, Any]]
    gates: list[str]
    live: list[dict[str, Any]]


def target_page(session: Session, scope: Scope, target: str) -> TargetPage:
    """The versions of one target that are scored, and the last that was retired.

    Raises
    ------
    NotFoundError
        When nothing was trained for it, or the role may not see models.
    """
    require(scope, Right.MODELS)
    page = models_page(session, scope, target)
    if not page.rows:
        raise NotFoundError(f"no model of {target}", "a target that was trained", "bankseg models list names them")
    found = {model.version: model for model in models.versions(session, target)}
    rows = [row | {"verdicts": {gate.name: gate.verdict for gate in model_gate.latest(session, found[row["version"]].id or 0)}} for row in page.rows][
        :MOST_SIDE_BY_SIDE
    ]
    named = list(dict.fromkeys(name for row in rows for name in row["verdicts"]))
    live = [_live(session, found[row["version"]]) for row in rows]
    return TargetPage(target, rows, named, [one for one in live if one])


@dataclass(frozen=True, slots=True)
class Offered:
    """Which decisions a person may take about a version now."""

    proposal: bool
    decision: bool
    rollback: bool
    is_own: bool


def offered(session: Session, scope: Scope, target: str, version: int) -> Offered:
    """What the page of a version offers to this person."""
    require(scope, Right.MODELS)
    model = models.version_of(session, target, version)
    if model is None:
        raise NotFoundError("nothing here")
    proposal = model_proposal.open_proposal(session, target, "promotion")
    is_proposed = proposal is not None and proposal.model_id == model.id
    is_own = is_proposed and proposal is not None and scope.person_id in {proposal.proposed_by, model.trained_by}
    decides = may(scope.role, Right.DECIDE_MODEL)
    return Offered(
        proposal=may(scope.role, Right.PROPOSE_MODEL) and model.status in PROMOTABLE and proposal is None,
        decision=decides and is_proposed and not is_own,
        rollback=decides and model.promoted_at is not None and model.status in {ModelStatus.SHADOW, ModelStatus.RETIRED},
        is_own=is_own,
    )


def _live(session: Session, model: PropensityModel) -> dict[str, Any]:
    """A version on live clients: the latest observed run and the latest matured one."""
    seen = model_observation.of_model(session, model.id or 0)
    if not seen:
        return {}
    matured = [one for one in seen if one.outcome]
    last = matured[-1] if matured else None
    return {
        "version": model.version, "status": str(model.status), "as_of": seen[-1].as_of, "clients": seen[-1].clients, "score_psi": seen[-1].score_psi,
        "score_level": seen[-1].score_level, "agreement": seen[-1].agreement, "matures_on": seen[-1].matures_on,
        "outcome_as_of": last.as_of if last else None, "outcome": last.outcome if last else {},
    }  # fmt: skip


def _row(session: Session, model: PropensityModel, as_of: str | None) -> dict[str, Any]:
    observed = model_observation.latest(session, model.id or 0)
    verdicts = [gate.verdict for gate in model_gate.latest(session, model.id or 0)]
    figures = {name: (model.metrics.get(name) or {}).get("value") for name in FIGURES}
    age = (date.fromisoformat(as_of) - date.fromisoformat(model.as_of)).days if as_of else None
    return {
        "target": model.target, "version": model.version, "status": str(model.status), "as_of": model.as_of, "age_days": age, **figures,
        "positives": model.positives, "materiality": model.materiality, "next_review_on": model.next_review_on,
        "score_psi": observed.score_psi if observed else None, "score_level": observed.score_level if observed else None,
        "gates": len(verdicts), "red_gates": verdicts.count("red"), "amber_gates": verdicts.count("amber"), "digest": model.digest, "run_id": model.run_id,
    }  # fmt: skip


def _proposal(session: Session, scope: Scope, proposal: ModelProposal, names: dict[int, str]) -> dict[str, Any]:
    """An open proposal, and whether it waits for the person who looks at it."""
    model = session.get(PropensityModel, proposal.model_id) if proposal.model_id else None
    own = {proposal.proposed_by, model.trained_by if model else None}
    red = [gate.name for gate in model_gate.latest(session, model.id or 0) if gate.verdict == "red"] if model else []
    return {
        "id": proposal.id, "kind": proposal.kind, "target": proposal.target, "version": model.version if model else None, "reason": proposal.reason,
        "proposed_by": names.get(proposal.proposed_by or 0), "proposed_at": proposal.proposed_at, "red_gates": red,
        "waits_for_me": may(scope.role, Right.DECIDE_MODEL) and scope.person_id not in own,
    }  # fmt: skip
