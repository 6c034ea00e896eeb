"""Monitoring: every published run is observed once, and again when its outcomes have matured; findings become alerts and proposals to train again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from bankseg.domain.governance import say
from bankseg.domain.jobs import RunState
from bankseg.lake.extent import last_fact_on
from bankseg.lake.files import table_versions
from bankseg.lake.local import LakeAt
from bankseg.propensity.artefacts import read_card
from bankseg.services.bank import Bank, open_bank
from bankseg.services.observe import Seen, observe, realised, seen_in
from bankseg.settings import Settings
from bankseg.storage import audit, model_alert, model_observation, model_proposal
from bankseg.storage import propensity_model as models
from bankseg.storage import run as runs
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.model_alert import ModelAlert
from bankseg.storage.model_observation import ModelObservation
from bankseg.storage.model_proposal import ModelProposal
from bankseg.storage.propensity_model import PropensityModel
from bankseg.storage.run import Run

RUNS_LOOKED_AT = 24
BOUNDS = {"watch": 0.10, "act": 0.25}
MOST_ATTRIBUTE_ALERTS = 3  # of one version at a time: the largest tell the story
RETRAIN_FOR = ("score_drift", "calibration", "age")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a version: the kind of alert, its subject, how grave, and its figures."""

    kind: str
    level: str
    value: float | None
    bound: float | None
    as_of: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Monitored:
    """What one round of monitoring did. `Any`: JSON."""

    observed: int
    matured: int
    champions: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    proposals: list[str]


def monitor(bank: Bank) -> Monitored:
    """Observe what was published, raise alerts about champions, and propose training where an alert demands it; again changes nothing."""
    try:
        return _monitor(bank)
    except IntegrityError:  # another round at the same moment was faster: what it wrote is what this one would
        return _monitor(bank)


def monitor_bank(settings: Settings) -> Monitored:
    """One round for the bank of these settings; its connections are closed at the end."""
    bank = open_bank(settings)
    try:
        return monitor(bank)
    finally:
        bank.engine.dispose()


def _monitor(bank: Bank) -> Monitored:
    with reading(bank.engine) as session:
        published = session.exec(
            select(Run).where(Run.state == RunState.PUBLISHED).order_by(col(Run.as_of).desc(), col(Run.id).desc()).limit(RUNS_LOOKED_AT)
        ).all()
        known = {(model.target, model.digest): model for model in models.versions(session)}
        waiting = {run.id: _unseen(session, bank, run, known) for run in published}
    observed = sum(_write(bank, run, observe(bank, run, seen)) for run in published if (seen := waiting[run.id][0]))
    matured = _matured(bank, [(run, waiting[run.id][1]) for run in published])
    with transaction(bank.engine) as session:
        current = runs.current(session)
        if current is not None:
            for champion in models.champions(session):
                _raise(session, bank, champion, findings(session, bank, champion, current.as_of), current)
        proposals = [target for champion in models.champions(session) if (target := _propose(session, champion))]
        return Monitored(observed, matured, [_told(session, champion) for champion in models.champions(session)], _pending(session), proposals)


def findings(session: Session, bank: Bank, champion: PropensityModel, as_of: str) -> list[Finding]:
    """What deserves an alert about a champion on a date: drift, calibration, age, an overdue review, a shadow that was right more often."""
    governance = bank.policy.section("governance")
    found: list[Finding] = []
    seen = model_observation.of_model(session, champion.id or 0)
    if seen:
        found += _drifts(seen[-1], float(governance["alert_gain_share"]))
        found += [finding for one in seen[-1:] + [one for one in seen if one.outcome][-1:] if (finding := _calibration(one, governance["calibration_ratio"]))]
    age = (date.fromisoformat(as_of) - date.fromisoformat(champion.as_of)).days
    if age > int(governance["retrain_after_days"]):
        found.append(Finding("age", "watch", float(age), float(governance["retrain_after_days"]), as_of))
    if champion.next_review_on and champion.next_review_on < as_of:
        found.append(Finding("review", "watch", None, None, champion.next_review_on))
    return [*found, *_better_shadows(session, champion)]


def _unseen(session: Session, bank: Bank, run: Run, known: dict[tuple[str, str], PropensityModel]) -> tuple[list[Seen], list[Seen]]:
    """Versions of a run not observed yet, and those whose outcomes are not known yet."""
    seen = seen_in(bank, run, known)
    rows = [(one, model_observation.find(session, one.model.id or 0, run.id or 0)) for one in seen]
    return [one for one, row in rows if row is None], [one for one, row in rows if row is None or not row.outcome]


def _write(bank: Bank, run: Run, found: Sequence[dict[str, Any]]) -> int:
    with transaction(bank.engine) as session:
        now = database_time(session)
        for fields in found:
            model: PropensityModel = fields.pop("model")
            if model_observation.find(session, model.id or 0, run.id or 0) is None:
                session.add(ModelObservation(model_id=model.id or 0, run_id=run.id or 0, as_of=run.as_of, at=now, **fields))
    return len(found)


def _matured(bank: Bank, waiting: Sequence[tuple[Run, list[Seen]]]) -> int:
    """Add outcomes to the observations whose window has closed; how many were added."""
    if not any(seen for _, seen in waiting):
        return 0
    versions = table_versions(bank.lake)
    known_on = last_fact_on(bank.lake, versions)
    if known_on is None:
        return 0
    hashes = waiting[0][0].file_hashes if waiting else {}
    lake = LakeAt(bank.lake, versions, hashes, bank.relations(), bank.settings.duckdb_memory)
    count = 0
    for run, seen in waiting:
        found = realised(bank, run, seen, lake, known_on) if seen else []
        with transaction(bank.engine) as session:
            for fields in found:
                row = model_observation.find(session, fields["model"].id or 0, run.id or 0)
                if row is not None:
                    row.outcome, row.known_on, count = fields["outcome"], fields["known_on"], count + 1
    return count


def _drifts(one: ModelObservation, least_gain: float) -> list[Finding]:
    """The score, and the attributes that moved most when they matter: seasons move many attributes of a book without any harm to a model."""
    found = []
    if one.score_level in BOUNDS:
        found.append(Finding("score_drift", one.score_level, one.score_psi, BOUNDS[one.score_level], one.as_of))
    matters = [
        (name, part)
        for name, part in one.attributes.items()
        if part["level"] == "act" and (one.score_level in BOUNDS or part.get("gain_share", 0.0) >= least_gain)
    ]
    moved = sorted(matters, key=lambda pair: -pair[1]["psi"])
    found += [Finding("attribute_drift", "watch", part["psi"], BOUNDS["act"], one.as_of, name) for name, part in moved[:MOST_ATTRIBUTE_ALERTS]]
    return found


def _calibration(one: ModelObservation, band: dict[str, float]) -> Finding | None:
    """Outcomes off their expectation by more than the band, and by more than chance."""
    ratio = one.outcome.get("ratio")
    if ratio is None or band["low"] <= ratio <= band["high"] or one.outcome["ratio_low"] <= 1 <= one.outcome["ratio_high"]:
        return None
    return Finding("calibration", "act", ratio, band["high"] if ratio > 1 else band["low"], one.as_of)


def _better_shadows(session: Session, champion: PropensityModel) -> list[Finding]:
    found = []
    for model in models.versions(session, champion.target):
        matured = [one for one in model_observation.of_model(session, model.id or 0) if one.outcome.get("auc_gain")]
        if model.status in models.SCORED_BESIDE and matured and matured[-1].outcome["auc_gain"]["low"] > 0:
            found.append(Finding("challenger", "watch", matured[-1].outcome["auc_gain"]["value"], 0.0, matured[-1].as_of, str(model.version)))
    return found


def _raise(session: Session, bank: Bank, champion: PropensityModel, found: Sequence[Finding], run: Run) -> None:
    """Open an alert for each finding that has none; one that is known keeps its owner and state and takes the new figures."""
    now = database_time(session)
    owner = ""
    for finding in found:
        known = model_alert.find_pending(session, champion.id or 0, finding.kind, finding.subject)
        figures = {"value": finding.value, "bound": finding.bound, "as_of": finding.as_of, "subject": finding.subject}
        words = say("alerts", finding.kind, "en", figures)
        if known is not None:
            known.level, known.value, known.bound, known.as_of, known.words = finding.level, finding.value, finding.bound, finding.as_of, words
            continue
        if _was_closed_for(session, champion, finding, run):
            continue
        owner = owner or str(read_card(bank.settings.artefacts, champion.digest, bank.settings.key()).get("owner", ""))
        session.add(
            ModelAlert(
                target=champion.target, model_id=champion.id or 0, run_id=run.id, kind=finding.kind, subject=finding.subject, level=finding.level, value=finding.value,
                bound=finding.bound, as_of=finding.as_of, words=words, owner=owner, opened_at=now, changed_at=now,
            )
        )  # fmt: skip
        audit.record(session, "model_alert_opened", f"{champion.target} v{champion.version}", kind=finding.kind, subject_of=finding.subject, run=run.id)
    session.flush()


def _was_closed_for(session: Session, champion: PropensityModel, finding: Finding, run: Run) -> bool:
    """A person closed the same finding on the same run: it is not raised again before something new is published."""
    closed = [alert for alert in model_alert.of_model(session, champion.id or 0) if alert.state == "closed"]
    return any(alert.kind == finding.kind and alert.subject == finding.subject and alert.run_id == run.id for alert in closed)


def _propose(session: Session, champion: PropensityModel) -> str:
    """Propose training when alerts demand it that came after the last proposal of the target; its name, or empty."""
    reasons = [alert for alert in model_alert.pending(session, champion.id) if alert.kind in RETRAIN_FOR and (alert.kind == "age" or alert.level == "act")]
    last = next((one for one in model_proposal.of_target(session, champion.target) if one.kind == "retraining"), None)
    fresh = [alert for alert in reasons if last is None or alert.opened_at > (last.decided_at or last.proposed_at)]
    if not fresh or (last is not None and last.state in {"open", "approved"}):
        return ""
    words = " ".join(alert.words for alert in fresh)
    session.add(
        ModelProposal(
            kind="retraining", target=champion.target, model_id=champion.id, reason=words, proposed_at=database_time(session),
            details={"alerts": [alert.id for alert in fresh]},
        )
    )  # fmt: skip
    session.flush()
    audit.record(session, "retraining_proposed", champion.target, version=champion.version, reason=words)
    return champion.target


def _told(session: Session, champion: PropensityModel) -> dict[str, Any]:
    seen = model_observation.of_model(session, champion.id or 0)
    matured = [one for one in seen if one.outcome]
    latest = seen[-1] if seen else None
    return {
        "target": champion.target,
        "version": champion.version,
        "as_of": latest.as_of if latest else None,
        "score_psi": latest.score_psi if latest else None,
        "score_level": latest.score_level if latest else None,
        "moved_attributes": sorted(name for name, part in latest.attributes.items() if part["level"] != "steady") if latest else [],
        "matures_on": latest.matures_on if latest else None,
        "outcome_as_of": matured[-1].as_of if matured else None,
        "outcome": matured[-1].outcome if matured else {},
    }


def _pending(session: Session) -> list[dict[str, Any]]:
    return [alert.model_dump() for alert in model_alert.pending(session)]
