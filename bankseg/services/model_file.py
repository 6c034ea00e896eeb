"""The model file: everything that is known about one version, gathered from its card, its run and the store."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import Session, select

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.lake.declarations import read_declarations
from bankseg.propensity.artefacts import read_card
from bankseg.services.feature_names import feature_names
from bankseg.services.promotion import rollback_target
from bankseg.settings import Settings
from bankseg.storage import fold_opening, model_alert, model_decision, model_gate, model_observation, model_proposal
from bankseg.storage import propensity_model as models
from bankseg.storage.database import database_time
from bankseg.storage.person import Person
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run

MOST_DRIVERS = 15
FEW_POSITIVES = 200
# Parts of a card that the file shows as they are.
FROM_CARD = (
    "kind", "product", "label_sql", "population", "exclusions", "gap_days", "horizon_days", "purposes", "forbidden", "owner", "origins", "rows", "positives",
    "data_sha256", "validation", "n", "base_rate", "ece_chance_p95", "reliability", "gains", "serving", "calibration_judged", "lightgbm", "seed", "threads",
    "suspects", "tuning", "worst_origin", "locked_fold",
)  # fmt: skip
FORMER_METRICS = {"slope": "calibration_slope", "intercept": "calibration_intercept"}


def model_file(session: Session, settings: Settings, scope: Scope, target: str, version: int) -> dict[str, Any]:
    """One version's file as a JSON document; shares and probabilities in [0, 1], instants in epoch seconds.

    Raises
    ------
    NotFoundError
        When there is no such version, or the role may not see models.
    ArtefactError
        When the version's card is damaged.
    """
    require(scope, Right.MODELS)
    model = models.version_of(session, target, version)
    if model is None:
        raise NotFoundError(f"there is no version {version} of {target}", "a trained version", "bankseg models list names them")
    card = read_card(settings.artefacts, model.digest, settings.key())
    names = _names(session)
    return {
        "model": _standing(session, model, names),
        **{name: card.get(name) for name in FROM_CARD},
        "metrics": {FORMER_METRICS.get(name, name): value for name, value in card["metrics"].items()},
        "backtest": card.get("backtest") or [],
        "segments": card.get("segments") or [],
        "disparity": card.get("disparity") or [],
        "drivers": _drivers(card),
        "features": len(card["features"]),
        "names": _feature_names(settings, [feature["name"] for feature in card["features"]]),
        "members": len(card.get("members") or []),
        "comparison": _comparison(session, model),
        "gates": [_gate(gate) for gate in model_gate.latest(session, model.id or 0)],
        "decisions": _decisions(session, model, names),
        "proposal": _proposal(session, model, names),
        "openings": _openings(session, model, card, names),
        "observations": [observation_document(one) for one in model_observation.of_model(session, model.id or 0)],
        "alerts": [alert_document(alert, names) for alert in model_alert.of_model(session, model.id or 0)],
        "limits": _limits(session, model, card),
        "generated_at": database_time(session),
    }


def alert_document(alert: model_alert.ModelAlert, names: Mapping[int, str]) -> dict[str, Any]:
    """An alert as JSON."""
    return {
        "id": alert.id, "target": alert.target, "kind": alert.kind, "subject": alert.subject, "level": alert.level, "value": alert.value, "bound": alert.bound, "as_of": alert.as_of,
        "words": alert.words, "owner": alert.owner, "state": alert.state, "handled_by": names.get(alert.handled_by or 0), "reason": alert.reason,
        "opened_at": alert.opened_at, "run_id": alert.run_id,
    }  # fmt: skip


def observation_document(one: model_observation.ModelObservation) -> dict[str, Any]:
    """An observation as JSON."""
    return one.model_dump(exclude={"id", "model_id"})


def person_names(session: Session) -> dict[int, str]:
    """Display name of every member of staff by id."""
    return _names(session)


def _names(session: Session) -> dict[int, str]:
    return {person.id or 0: person.display_name for person in session.exec(select(Person))}


def _standing(session: Session, model: PropensityModel, names: Mapping[int, str]) -> dict[str, Any]:
    back = rollback_target(session, model.target)
    run = session.get(Run, model.run_id) if model.run_id else None
    return {
        "target": model.target, "version": model.version, "status": str(model.status), "digest": model.digest, "as_of": model.as_of, "run_id": model.run_id,
        "created_at": model.created_at, "trained_by": names.get(model.trained_by or 0), "exposure": model.exposure, "materiality": model.materiality,
        "next_review_on": model.next_review_on, "promoted_at": model.promoted_at, "rollback_to": back.version if back and back.id != model.id else None,
        "table_versions": run.table_versions if run else {}, "policy_sha256": run.policy_sha256 if run else "",
    }  # fmt: skip


def _feature_names(settings: Settings, wanted: Collection[str]) -> dict[str, dict[str, str]]:
    """What the attributes of a model are called, by name and language."""
    known = feature_names(read_declarations(settings.lake))
    return {name: {"en": known[name][0], "fr": known[name][1]} for name in wanted if name in known}


def _drivers(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    families = {feature["name"]: feature["family"] for feature in card["features"]}
    monotone, chosen = card.get("monotone") or {}, card.get("stability") or {}
    return [
        {**one, "family": families.get(one["feature"], ""), "monotone": monotone.get(one["feature"], 0), "chosen_share": chosen.get(one["feature"])}
        for one in (card.get("importance") or [])[:MOST_DRIVERS]
    ]


def _comparison(session: Session, model: PropensityModel) -> dict[str, Any]:
    if not model.comparison:
        return {}
    against = models.by_digest(session, model.target, model.comparison["champion"])
    return {**model.comparison, "champion_version": against.version if against else None}


def _gate(gate: model_gate.ModelGate) -> dict[str, Any]:
    details = {name: value for name, value in gate.details.items() if name != "code"}
    return {
        "name": gate.name, "value": gate.value, "bound": gate.bound, "verdict": gate.verdict, "words": gate.words, "code": gate.details.get("code", ""),
        "details": details, "occasion": gate.occasion, "at": gate.at,
    }  # fmt: skip


def _decisions(session: Session, model: PropensityModel, names: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {"action": one.action, "person": names.get(one.person_id or 0), "reason": one.reason, "overrides": one.details.get("overrides") or {}, "at": one.at}
        for one in model_decision.of_model(session, model.id or 0)
    ]


def _proposal(session: Session, model: PropensityModel, names: Mapping[int, str]) -> dict[str, Any] | None:
    found = model_proposal.open_proposal(session, model.target, "promotion")
    if found is None or found.model_id != model.id:
        return None
    return {"by": names.get(found.proposed_by or 0), "by_id": found.proposed_by, "reason": found.reason, "at": found.proposed_at}


def _openings(session: Session, model: PropensityModel, card: Mapping[str, Any], names: Mapping[int, str]) -> list[dict[str, Any]]:
    rows = (card.get("locked_fold") or {"rows_sha256": card.get("data_sha256", "")})["rows_sha256"]
    return [
        {"origin": one.origin, "rows_sha256": one.rows_sha256, "run_id": one.run_id, "person": names.get(one.person_id or 0), "why": one.why, "at": one.at}
        for one in fold_opening.of_rows(session, model.target, rows)
    ]


def _limits(session: Session, model: PropensityModel, card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Codes of what a reader must know before relying on the figures, with their figures."""
    fold = card.get("locked_fold") or {"rows_sha256": card.get("data_sha256", "")}
    openings = len(fold_opening.of_rows(session, model.target, fold["rows_sha256"]))
    judged = int(card["positives"].get("test", card["positives"].get("all", 0)))
    asked = (
        ("association", True, None),
        ("past", bool(card.get("origins")), None),
        ("without_time", not card.get("origins"), None),
        ("recalibrated", bool(card.get("origins")), None),
        ("no_groups", not card.get("disparity"), None),
        ("few_positives", judged < FEW_POSITIVES, judged),
        ("not_blind", openings > 1, openings),
    )
    return [{"code": code, "value": value} for code, holds, value in asked if holds]
