"""Promotion: one person proposes with a reason, another decides with a reason; each change of standing is one audited transaction."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.model_errors import GateError, NotAllowedError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.propensity.artefacts import read_card
from bankseg.services import gates
from bankseg.services.bank import Bank
from bankseg.services.gates import Evidence, Gate
from bankseg.services.registry import make_champion, name_of
from bankseg.storage import audit, fold_opening, model_decision, model_gate, model_observation, model_proposal
from bankseg.storage import propensity_model as models
from bankseg.storage.database import database_time, transaction
from bankseg.storage.model_gate import ModelGate
from bankseg.storage.model_proposal import ModelProposal
from bankseg.storage.propensity_model import ModelStatus, PropensityModel

LEAST_REASON = 10  # letters: a reason somebody can read later
PROMOTABLE = (ModelStatus.CHALLENGER, ModelStatus.SHADOW)


def propose(bank: Bank, scope: Scope, target: str, version: int, reason: str) -> int:
    """Propose that a version become the champion of its target; the id of the proposal.

    Raises
    ------
    NotFoundError
        When there is no such version, or the person may not propose.
    NotAllowedError
        When the version is no challenger, or another proposal of the target is open.
    """
    require(scope, Right.PROPOSE_MODEL)
    words = _reason(reason)
    with transaction(bank.engine) as session:
        model = _version(session, target, version)
        if model.status not in PROMOTABLE:
            raise NotAllowedError(f"{name_of(model)} is {model.status}", "a challenger or the champion before", "train again, or roll back")
        if model_proposal.open_proposal(session, target, "promotion", lock=True) is not None:
            raise NotAllowedError(f"a proposal for {target} is open", "one at a time", "decide it first")
        proposal = ModelProposal(
            kind="promotion", target=target, model_id=model.id, proposed_by=scope.person_id, reason=words, proposed_at=database_time(session)
        )
        session.add(proposal)
        session.flush()
        model_decision.record(session, model.id or 0, "proposed", person_id=scope.person_id, reason=words)
        audit.record(session, "model_proposed", name_of(model), person_id=scope.person_id, reason=words)
        return proposal.id or 0


def approve(bank: Bank, scope: Scope, target: str, reason: str, overrides: Mapping[str, str] | None = None) -> PropensityModel:
    """Decide that the proposed version serves from now on, and return it.

    The gates are evaluated again and stored in the same transaction. Every red gate needs a written reason of its own.

    Parameters
    ----------
    overrides
        Red gate -> why the version may serve all the same.

    Raises
    ------
    NotAllowedError
        When the person proposed the version or started the run that trained it.
    GateError
        When a red gate has no reason; names them.
    """
    require(scope, Right.DECIDE_MODEL)
    words = _reason(reason)
    given = {name: text.strip() for name, text in (overrides or {}).items() if text.strip()}
    with transaction(bank.engine) as session:
        proposal = _open(session, target)
        model = _proposed(session, proposal)
        refuse_own(scope, model, proposal)
        if model.status not in PROMOTABLE:
            raise NotAllowedError(f"{name_of(model)} is {model.status} since it was proposed", "a challenger or the champion before", "reject the proposal")
        found = evaluate_gates(bank, session, model, "approval")
        kept = _answered(found, given)
        former = make_champion(session, model)
        proposal.state, proposal.decided_by, proposal.decision_reason = "approved", scope.person_id, words
        proposal.overrides, proposal.decided_at = kept, database_time(session)
        details = {"overrides": kept, "former": former.version if former else None}
        model_decision.record(session, model.id or 0, "approved", person_id=scope.person_id, reason=words, **details)
        if former is not None:
            model_decision.record(session, former.id or 0, "replaced", person_id=scope.person_id, reason=words, by=model.version)
        audit.record(session, "model_approved", name_of(model), person_id=scope.person_id, reason=words, proposed_by=proposal.proposed_by, **details)
    return model


def reject(bank: Bank, scope: Scope, target: str, reason: str) -> PropensityModel:
    """Decide that the proposed version does not serve; it is scored no more.

    Raises
    ------
    NotAllowedError
        When the person proposed the version or started the run that trained it.
    """
    require(scope, Right.DECIDE_MODEL)
    words = _reason(reason)
    with transaction(bank.engine) as session:
        proposal = _open(session, target)
        model = _proposed(session, proposal)
        refuse_own(scope, model, proposal)
        if model.status in PROMOTABLE:  # a version that serves since, by a rollback, goes on serving: only the proposal is turned down
            model.status = ModelStatus.REJECTED
        proposal.state, proposal.decided_by, proposal.decision_reason, proposal.decided_at = "rejected", scope.person_id, words, database_time(session)
        model_decision.record(session, model.id or 0, "rejected", person_id=scope.person_id, reason=words)
        audit.record(session, "model_rejected", name_of(model), person_id=scope.person_id, reason=words, proposed_by=proposal.proposed_by)
    return model


def roll_back(bank: Bank, scope: Scope, target: str, version: int | None, reason: str) -> PropensityModel:
    """Let an earlier version that has served serve again, at once: one person may, because waiting may cost more than a wrong step back.

    Parameters
    ----------
    version
        None: the champion before the present one.

    Raises
    ------
    NotAllowedError
        When the version never served, or serves now.
    """
    require(scope, Right.DECIDE_MODEL)
    words = _reason(reason)
    with transaction(bank.engine) as session:
        model = _version(session, target, version) if version is not None else rollback_target(session, target)
        if model is None:
            raise NotFoundError(f"{target} has no version that served before", "an earlier champion", "train and approve one")
        if model.promoted_at is None or model.status not in {ModelStatus.SHADOW, ModelStatus.RETIRED}:
            raise NotAllowedError(f"{name_of(model)} is {model.status}", "an earlier version that has served", "propose it instead")
        read_card(bank.settings.artefacts, model.digest, bank.settings.key())  # a version whose bytes are damaged is not rolled back to
        former = make_champion(session, model)
        details = {"former": former.version if former else None}
        model_decision.record(session, model.id or 0, "rolled_back_to", person_id=scope.person_id, reason=words, **details)
        if former is not None:
            model_decision.record(session, former.id or 0, "rolled_back", person_id=scope.person_id, reason=words, to=model.version)
        audit.record(session, "model_rolled_back", name_of(model), person_id=scope.person_id, reason=words, **details)
    return model


def decide_retraining(bank: Bank, scope: Scope, target: str, reason: str, *, accept: bool) -> None:
    """Answer an open proposal to train a target again; an accepted one is served by the next run.

    Raises
    ------
    NotFoundError
        When none is open.
    NotAllowedError
        When the person made the proposal.
    """
    require(scope, Right.DECIDE_MODEL)
    words = _reason(reason)
    with transaction(bank.engine) as session:
        proposal = model_proposal.open_proposal(session, target, "retraining", lock=True)
        if proposal is None:
            raise NotFoundError(f"no retraining of {target} is proposed", "an open proposal", "bankseg models list shows them")
        if proposal.proposed_by == scope.person_id:
            raise NotAllowedError("this proposal is your own", "the decision of a second person", "ask a colleague")
        proposal.state, proposal.decided_by, proposal.decision_reason = "approved" if accept else "rejected", scope.person_id, words
        proposal.decided_at = database_time(session)
        audit.record(session, f"retraining_{proposal.state}", target, person_id=scope.person_id, reason=words, proposal=proposal.id)


def rollback_target(session: Session, target: str) -> PropensityModel | None:
    """The version that a rollback without a number brings back: the champion before the present one."""
    served = [
        model for model in models.versions(session, target) if model.promoted_at is not None and model.status in {ModelStatus.SHADOW, ModelStatus.RETIRED}
    ]
    return max(served, key=lambda model: (model.status == ModelStatus.SHADOW, model.promoted_at or 0.0), default=None)


def refuse_own(scope: Scope, model: PropensityModel, proposal: ModelProposal) -> None:
    """Refuse the decision of whoever proposed the version or started its training: the approver is never the builder.

    Raises
    ------
    NotAllowedError
        In that case.
    """
    if scope.person_id in {proposal.proposed_by, model.trained_by}:
        raise NotAllowedError(
            "you proposed this version or started its training", "the decision of a second person", "ask a colleague with the right to decide on models"
        )


def evaluate_gates(bank: Bank, session: Session, model: PropensityModel, occasion: str, card: Mapping[str, Any] | None = None) -> list[Gate]:
    """Evaluate a version's gates and store them, with the day's champion, drift and openings. `Any`: JSON."""
    card = card if card is not None else read_card(bank.settings.artefacts, model.digest, bank.settings.key())
    found = gates.evaluate(evidence_of(session, model, card), bank.policy.section("governance"))
    last = max((gate.evaluation for gate in model_gate.all_of(session, model.id or 0)), default=0)
    now = database_time(session)
    for gate in found:
        session.add(
            ModelGate(
                model_id=model.id or 0, evaluation=last + 1, occasion=occasion, name=gate.name, value=gate.value, bound=gate.bound, verdict=gate.verdict,
                words=gate.words(), details={"code": gate.code, **gate.details}, at=now,
            )
        )  # fmt: skip
    session.flush()
    return found


def evidence_of(session: Session, model: PropensityModel, card: Mapping[str, Any]) -> Evidence:
    """What the store knows about a version beside its card. `Any`: JSON."""
    champion = models.champion(session, model.target)
    against = None if champion is None or champion.id == model.id else champion
    observed = model_observation.latest(session, model.id or 0)
    drift = (
        {"score_psi": observed.score_psi, "score_p_value": observed.score_p_value, "score_level": observed.score_level, "as_of": observed.as_of}
        if observed
        else None
    )
    compared = model.comparison if against is not None and model.comparison.get("champion") == against.digest else {}
    fold = card.get("locked_fold") or {"rows_sha256": card.get("data_sha256", "")}
    return Evidence(
        card=card,
        comparison=compared,
        champion={"version": against.version, "metrics": against.metrics} if against else None,
        observation=drift,
        openings=len(fold_opening.of_rows(session, model.target, fold["rows_sha256"])),
    )


def _answered(found: list[Gate], given: Mapping[str, str]) -> dict[str, str]:
    """The reasons for the red gates.

    Raises
    ------
    GateError
        When one has none.
    """
    red = [gate for gate in found if gate.verdict == "red"]
    unanswered = [gate for gate in red if len(given.get(gate.name, "")) < LEAST_REASON]
    if unanswered:
        raise GateError(
            "; ".join(f"gate {gate.name} is red: {gate.words()}" for gate in unanswered),
            f"a written reason of {LEAST_REASON} letters or more for each red gate",
            "give the reasons, or reject the version",
        )
    return {gate.name: given[gate.name] for gate in red}


def _version(session: Session, target: str, version: int | None) -> PropensityModel:
    model = models.version_of(session, target, version, lock=True) if version is not None else None
    if model is None:
        raise NotFoundError(f"there is no version {version} of {target}", "a trained version", "bankseg models list names them")
    return model


def _open(session: Session, target: str) -> ModelProposal:
    proposal = model_proposal.open_proposal(session, target, "promotion", lock=True)
    if proposal is None:
        raise NotFoundError(f"nothing is proposed for {target}", "an open proposal", "bankseg models propose makes one")
    return proposal


def _proposed(session: Session, proposal: ModelProposal) -> PropensityModel:
    return session.exec(select(PropensityModel).where(PropensityModel.id == proposal.model_id).with_for_update()).one()


def _reason(text: str) -> str:
    words = text.strip()
    if len(words) < LEAST_REASON:
        raise InputError(f"a reason of {len(words)} letters", f"{LEAST_REASON} letters or more, for whoever reads it in a year", "say why")
    return words
