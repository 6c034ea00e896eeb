"""Gates: what a version must show before it serves, read from its card, its comparison with the champion, and the store."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bankseg.domain.governance import say

Verdict = Literal["green", "amber", "red", "not_measured"]
# Names of the same figures on cards written before schema 2.
FORMER_NAMES = {"calibration_slope": "slope", "calibration_intercept": "intercept"}
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: its value, the bound in words, the verdict, and the finding as a code with figures, told in any language."""

    name: str
    verdict: Verdict
    code: str
    value: float | None = None
    bound: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def words(self, language: str = "en") -> str:
        """The finding in words."""
        return say("findings", self.code, language, {"value": self.value, **self.details})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What gates are read from; JSON documents as stored.

    `comparison`: of `challenge.compare`, empty without; `champion`: version, metrics; `observation`: the latest drift of the score; `openings` of its rows.
    """

    card: Mapping[str, Any]
    comparison: Mapping[str, Any] = field(default_factory=dict)
    champion: Mapping[str, Any] | None = None
    observation: Mapping[str, Any] | None = None
    openings: int = 1


def evaluate(evidence: Evidence, policy: Mapping[str, Any]) -> list[Gate]:
    """Every gate, in the order they are shown.

    Parameters
    ----------
    policy
        The section `governance`. `Any`: a policy's values.
    """
    return [
        _profit(evidence, policy),
        _calibration(evidence.card, policy),
        _by_segment(evidence.card, policy),
        _stability(evidence.card, policy),
        _agreement(evidence, policy),
        _fairness(evidence.card, policy),
        _drift(evidence.observation, policy),
        _leakage(evidence.card, policy),
        _blind(evidence.openings),
    ]


def needs_reason(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the gates that an approver has to answer in writing. `Any`: gates as JSON."""
    return [gate["name"] for gate in gates if gate["verdict"] == "red"]


def metric(card: Mapping[str, Any], name: str) -> Mapping[str, float] | None:
    """A metric of a card as {value, low, high}, whatever release wrote it; null when it was not measured."""
    metrics = card.get("metrics", {})
    found: Mapping[str, float] | None = metrics.get(name) or metrics.get(FORMER_NAMES.get(name, name))
    return found


def _profit(evidence: Evidence, policy: Mapping[str, Any]) -> Gate:
    """EMPC: better than the champion on the same unseen rows, or at least not below it where no such rows exist."""
    least = float(policy["least_profit_gain"])
    champion = evidence.champion
    if champion is None:
        return Gate("profit", "not_measured", "profit_first")
    paired = evidence.comparison.get("profit_gain")
    if paired:
        is_better = paired["low"] > least
        details = {"low": paired["low"], "high": paired["high"], "rows": evidence.comparison["rows"], "champion": champion["version"]}
        return Gate(
            "profit", "green" if is_better else "red", "profit_paired" if is_better else "profit_paired_short", paired["value"], f"low > {least:g}", details
        )
    own, theirs = metric(evidence.card, "empc"), metric(champion, "empc")
    if own is None or theirs is None:
        return Gate("profit", "not_measured", "profit_missing")
    is_short = own["high"] < theirs["low"]
    details = {"low": own["low"], "high": own["high"], "champion_low": theirs["low"], "champion_high": theirs["high"], "champion": champion["version"]}
    code = "profit_apart_short" if is_short else "profit_apart"
    return Gate("profit", "red" if is_short else "green", code, own["value"], f"high >= {theirs['low']:.4g}", details)


def _calibration(card: Mapping[str, Any], policy: Mapping[str, Any]) -> Gate:
    """Error within chance and a margin; slope and intercept in their bands, amber while their interval still reaches into the band."""
    ece, slope, intercept = (metric(card, name) for name in ("ece", "calibration_slope", "calibration_intercept"))
    chance = card.get("ece_chance_p95")
    if ece is None or slope is None or intercept is None or chance is None:
        return Gate("calibration", "not_measured", "calibration_missing")
    margin, band, most = float(policy["most_ece_above_chance"]), policy["slope"], float(policy["most_intercept"])
    verdicts = {
        "ece": "green" if ece["value"] <= chance + margin else "red",
        "slope": _within(slope, band["low"], band["high"]),
        "intercept": _within(intercept, -most, most),
    }
    failing = [{"kind": "failing", "code": name} for name, verdict in verdicts.items() if verdict != "green"]
    details = {
        "chance": chance, "margin": margin, "slope": slope["value"], "slope_low": slope["low"], "slope_high": slope["high"], "intercept": intercept["value"],
        "intercept_low": intercept["low"], "intercept_high": intercept["high"], "failing": failing,
    }  # fmt: skip
    bound = f"ece <= {chance + margin:.4f}, slope {band['low']:g}-{band['high']:g}, |intercept| <= {most:g}"
    return Gate("calibration", _worst(verdicts.values()), "not_calibrated" if failing else "calibrated", ece["value"], bound, details)


def _by_segment(card: Mapping[str, Any], policy: Mapping[str, Any]) -> Gate:
    """Calibration error of each segment against its own chance level, which grows as the root of how much smaller the segment is."""
    segments, chance = card.get("segments") or [], card.get("ece_chance_p95")
    if not segments or chance is None:
        return Gate("calibration_by_segment", "not_measured", "segments_missing")
    margin, least = float(policy["most_ece_above_chance"]), int(policy["least_segment_positives"])
    off = [one for one in segments if one["metrics"]["ece"] > chance * math.sqrt(card["n"] / one["n"]) + margin]
    worst = max((float(one["metrics"]["ece"]) for one in segments), default=None)
    if not off:
        return Gate("calibration_by_segment", "green", "segments_calibrated", worst, f"chance + {margin:g}", {"segments": len(segments)})
    verdict: Verdict = "red" if any(one["positives"] >= least for one in off) else "amber"
    names = [f"{one['attribute']} {one['value']}" for one in sorted(off, key=lambda one: -one["metrics"]["ece"])[:MOST_NAMED]]
    details = {"segments": len(segments), "failing": len(off), "names": names}
    return Gate("calibration_by_segment", verdict, "segments_not_calibrated", worst, f"chance + {margin:g}", details)


def _stability(card: Mapping[str, Any], policy: Mapping[str, Any]) -> Gate:
    least = float(policy["least_worst_auc"])
    origins = [(one["metrics"]["roc_auc"]["value"], one["origin"]) for one in card.get("backtest") or [] if one["metrics"].get("roc_auc")]
    if not origins:
        auc = metric(card, "roc_auc")
        value = auc["value"] if auc else None
        verdict: Verdict = "not_measured" if value is None or value >= least else "red"
        return Gate("stability", verdict, "stability_missing", value, f">= {least:g}")
    value, origin = min(origins)
    details = {"origins": len(origins), "origin": origin}
    return Gate("stability", "green" if value >= least else "red", "stable" if value >= least else "unstable", value, f">= {least:g}", details)


def _agreement(evidence: Evidence, policy: Mapping[str, Any]) -> Gate:
    """How much lists will change; a warning, for a better version may well rank otherwise."""
    found = evidence.comparison.get("agreement") or {}
    if evidence.champion is None or found.get("spearman") is None:
        return Gate("agreement", "not_measured", "agreement_missing")
    is_alike = found["spearman"] >= policy["least_rank_agreement"] and found["top_overlap"] >= policy["least_top_overlap"]
    bound = f"rank >= {policy['least_rank_agreement']:g}, top decile >= {policy['least_top_overlap']:g}"
    details = {"overlap": found["top_overlap"], "champion": evidence.champion["version"]}
    return Gate("agreement", "green" if is_alike else "amber", "agrees" if is_alike else "disagrees", found["spearman"], bound, details)


def _fairness(card: Mapping[str, Any], policy: Mapping[str, Any]) -> Gate:
    """A difference between groups is a fact to weigh: it always asks for a person's reasoned decision."""
    reported = card.get("disparity") or []
    groups = [one for one in reported if one["n"] * one["base_rate"] >= int(policy["least_group_positives"])]
    if not groups:
        return Gate("fairness", "not_measured", "fairness_small" if reported else "fairness_missing", None, "", {"least": policy["least_group_positives"]})
    found = [finding for one in groups for finding in _differences(one, groups, policy)]
    lowest = min((one["impact_ratio"] for one in groups if one["impact_ratio"] is not None), default=None)
    bound = f"impact ratio >= {policy['least_impact_ratio']:g}, rates within {policy['most_rate_gap']:g}"
    if not found:
        return Gate("fairness", "green", "fair", lowest, bound, {"groups": len(groups)})
    return Gate("fairness", "red", "disparate", lowest, bound, {"groups": len(groups), "names": found[:MOST_NAMED]})


def _differences(group: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    at, found = f"{group['attribute']} {group['group']}", []
    if group["impact_ratio"] is not None and group["impact_ratio"] < policy["least_impact_ratio"]:
        found.append({"at": at, "kind": "failing", "code": "impact", "values": {"value": group["impact_ratio"]}})
    for rate in ("true_positive_rate", "false_positive_rate"):
        alike = [one for one in groups if one["attribute"] == group["attribute"] and one[rate] is not None]
        if group[rate] is None or not alike:
            continue
        gap = group[rate] - sum(one[rate] * one["n"] for one in alike) / sum(one["n"] for one in alike)
        if abs(gap) > policy["most_rate_gap"]:
            found.append({"at": at, "kind": "failing", "code": rate, "values": {"value": gap}})
    return found


def _drift(observation: Mapping[str, Any] | None, policy: Mapping[str, Any]) -> Gate:
    """PSI of the score on the latest published run: blocks when it is both material and significant."""
    if observation is None or observation["score_psi"] is None:
        return Gate("drift", "not_measured", "drift_missing")
    most, most_p = float(policy["block_psi"]), float(policy["most_drift_p"])
    value, p_value = observation["score_psi"], observation["score_p_value"]
    details = {"p_value": p_value, "as_of": observation["as_of"], "noise": observation.get("noise_95")}
    if value > most and p_value < most_p:
        return Gate("drift", "red", "drifted", value, f"PSI <= {most:g} or p >= {most_p:g}", details)
    is_steady = observation["score_level"] == "steady"
    return Gate("drift", "green" if is_steady else "amber", "steady" if is_steady else "drifted_some", value, f"PSI <= {most:g}", details)


def _leakage(card: Mapping[str, Any], policy: Mapping[str, Any]) -> Gate:
    auc, suspects = metric(card, "roc_auc"), [one["feature"] for one in card.get("suspects") or []]
    strongest = max(card.get("importance") or [], key=lambda one: one["gain_share"], default=None)
    bound = f"ROC-AUC <= {policy['leak_auc']:g}, one attribute <= {policy['most_gain_share']:g} of the gain"
    if auc is not None and auc["value"] > policy["leak_auc"]:
        return Gate("leakage", "red", "too_good", auc["value"], bound)
    if suspects:
        return Gate("leakage", "red", "suspicious", None, bound, {"names": suspects[:MOST_NAMED]})
    share, feature = (strongest["gain_share"], strongest["feature"]) if strongest else (None, "")
    is_dominated = share is not None and share > policy["most_gain_share"]
    return Gate("leakage", "amber" if is_dominated else "green", "dominated" if is_dominated else "no_leak", share, bound, {"feature": feature})


def _blind(openings: int) -> Gate:
    return Gate("blind_test", "green" if openings <= 1 else "amber", "blind" if openings <= 1 else "not_blind", float(openings), "1")


def _within(found: Mapping[str, float], low: float, high: float) -> Verdict:
    if low <= found["value"] <= high:
        return "green"
    return "amber" if found["low"] <= high and found["high"] >= low else "red"


def _worst(verdicts: Any) -> Verdict:  # an iterable of verdicts
    order: tuple[Verdict, ...] = ("green", "amber", "red")
    return max(verdicts, key=order.index)
