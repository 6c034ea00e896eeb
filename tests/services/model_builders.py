"""Versions of models without training: a card made by hand, saved and sealed like any other."""

from typing import Any

from bankseg.domain.people import Role, Scope
from bankseg.propensity.artefacts import save
from bankseg.propensity.train import Trained
from bankseg.services.bank import Bank
from bankseg.services.promotion import evaluate_gates
from bankseg.services.registry import enter
from bankseg.storage import fold_opening
from bankseg.storage.database import transaction
from bankseg.storage.person import Person, by_login
from bankseg.storage.propensity_model import PropensityModel, champion

TARGET = "hard_exit"
AS_OF = "2025-12-31"
STAFF = (("odile", Role.MODEL_OWNER), ("oscar", Role.MODEL_OWNER), ("rita", Role.RISK_OFFICER), ("mark", Role.MARKETER))


def interval(value: float, half: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def a_card(**changes: Any) -> dict[str, Any]:
    """A card every gate is green on."""
    rates = {"true_positive_rate": 0.5, "false_positive_rate": 0.15, "roc_auc": None, "ece": 0.01}
    group = {"attribute": "sex", "n": 2000, "base_rate": 0.06, "mean_propensity": 0.06, "selected_share": 0.2, "impact_ratio": 1.0, **rates}
    within = {"roc_auc": interval(0.8), "brier": 0.05, "ece": 0.012, "calibration_slope": 1.0, "calibration_intercept": 0.0}
    card = {
        "schema": 2, "target": TARGET, "kind": "churn", "product": None, "gap_days": 7, "horizon_days": 90, "label_sql": "hard_exit", "population": "active clients",
        "exclusions": ["death"], "purposes": ["retention"], "forbidden": ["any decision on credit"], "owner": "marketing analytics", "materiality": "high",
        "minimum_positives": 40, "n": 4000, "base_rate": 0.06, "ece_chance_p95": 0.012, "data_sha256": "d" * 64, "validation": "out of time", "lightgbm": "4.7.0",
        "features": [{"name": "recency_days", "type": "number", "family": "activity", "direction": 0}], "categories": {},
        "metrics": {
            "roc_auc": interval(0.8), "pr_auc": interval(0.3), "lift1": interval(8.0), "lift5": interval(5.0), "lift10": interval(4.0), "lift20": interval(3.0),
            "brier": interval(0.05), "ece": interval(0.01, 0.005), "log_loss": interval(0.2), "empc": interval(3.0, 0.2), "empc_fraction": interval(0.2),
            "calibration_slope": interval(1.02, 0.1), "calibration_intercept": interval(0.01, 0.1),
        },
        "reliability": [{"probability": p / 20, "rate": p / 20 + 0.002, "rows": 400.0} for p in range(1, 11)],
        "gains": [{"share": s, "gain": min(1.0, s * 4), "lift": 4.0} for s in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)],
        "importance": [{"feature": "recency_days", "gain_share": 0.3}], "suspects": [],
        "origins": {"train": ["2024-10-31", "2024-12-31"], "calibration": "2025-04-30", "test": "2025-08-31"},
        "serving": {"fitted_on": ["2024-10-31", "2024-12-31", "2025-04-30"], "calibrated_on": "2025-08-31", "note": "rolled forward"},
        "rows": {"train": 8000, "calibration": 4000, "test": 4000}, "positives": {"train": 480, "calibration": 240, "test": 240},
        "backtest": [
            {"origin": day, "train": ["2024-08-31"], "n": 4000, "positives": 240, "base_rate": 0.06, "metrics": {
                "roc_auc": interval(auc), "pr_auc": interval(0.3), "lift10": interval(4.0), "brier": interval(0.05), "ece": interval(0.01)}}
            for day, auc in (("2025-02-28", 0.78), ("2025-04-30", 0.79), ("2025-06-30", 0.77), ("2025-08-31", 0.8))
        ],
        "worst_origin": "2025-06-30", "locked_fold": {"origin": "2025-08-31", "rows_sha256": "a" * 64}, "monotone": {"recency_days": 1},
        "stability": {"recency_days": 1.0}, "tuning": None, "members": [{"rounds": 100}], "seed": 1, "threads": 1,
        "segments": [{"attribute": "kind", "value": "individual", "n": 3500, "positives": 210, "metrics": within}],
        "disparity": [group | {"group": "female"}, group | {"group": "male"}],
        "calibration": {"method": "platt"}, "calibration_judged": "platt", "score_cuts": [0.05], "feature_cuts": {"recency_days": [10.0]},
    }  # fmt: skip
    return card | changes


def a_version(bank: Bank, number: int = 1, *, comparison: dict[str, Any] | None = None, row: dict[str, Any] | None = None, **changes: Any) -> PropensityModel:
    """A version as a run would enter it; `number` makes its bytes its own."""
    card = a_card(**changes)
    artefact = save(Trained(f"text of model {number}", card, {"rows": [], "raw": []}), bank.settings.artefacts, bank.settings.key())
    fields = {
        "target": card["target"], "version": 0, "digest": artefact.digest, "as_of": AS_OF, "positives": 960, "metrics": card["metrics"],
        "features": ["recency_days"], "exposure": 4000, "materiality": "high", "next_review_on": "2026-06-30",
    }  # fmt: skip
    with transaction(bank.engine) as session:
        serving = champion(session, card["target"])
        model = enter(session, bank, PropensityModel(**(fields | (row or {}))), run_models={serving.target: serving.digest} if serving else {})
        model.comparison = comparison or {}
        fold = card["locked_fold"]
        fold_opening.record(session, target=model.target, origin=fold["origin"], rows_sha256=fold["rows_sha256"], run_id=None, model_id=model.id, why="test")
        evaluate_gates(bank, session, model, "registration", card)
    return model


def staff(bank: Bank) -> dict[str, Scope]:
    """Two model owners, a risk officer and a marketer, by login."""
    with transaction(bank.engine) as session:
        for login, role in STAFF:
            session.add(Person(login=login, display_name=login.title(), role=role, password_hash="nobody signs in"))
        session.flush()
        return {login: by_login(session, login).scope for login, _ in STAFF}


def paired(value: float, low: float, high: float, digest: str) -> dict[str, Any]:
    """A comparison on the same rows with the champion of this digest."""
    gain = {"value": value, "low": low, "high": high}
    alike = {"clients": 4000, "mean": 0.06, "mean_shadow": 0.06, "spearman": 0.97, "top_overlap": 0.9}
    return {"champion": digest, "origin": "2025-08-31", "rows": 4000, "profit_gain": gain, "auc_gain": gain, "agreement": alike}
