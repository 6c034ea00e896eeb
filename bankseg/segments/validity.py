"""Validity scorecard of segments: six criteria, each with its value, bound, verdict and words; red blocks publishing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bankseg.domain.errors import InputError
from bankseg.domain.segment_rules import Rule, tests_of
from bankseg.economics.comparisons import Difference, compare_means, compare_rates, holm
from bankseg.segments.scorecard import WORST_FIRST, Base, Bounds, Criterion, Mask, Scorecard, Subject, Vector, Verdict, worst
from bankseg.segments.spoken import amount, money, percent, thousandths


def measured(rule: Rule | None) -> frozenset[str]:
    """Attributes a rule compares; one it only asks the presence of need not be filled.

    >>> from bankseg.domain.rule_documents import parse_rule
    >>> sorted(measured(parse_rule({"all": [{"attribute": "churn", "above": 0.2}, {"attribute": "best_product", "is_missing": False}]})))
    ['churn']
    """
    return frozenset() if rule is None else frozenset(test.attribute for test in tests_of(rule) if test.comparison != "is_missing")


def scorecards(subjects: Sequence[Subject], base: Base, bounds: Bounds | None = None) -> list[Scorecard]:
    """Scorecards of a scheme's segments, judged together: the p-values of all segments and outcomes are corrected as one family.

    Parameters
    ----------
    subjects
        The segments, each compared with the rest of the base.
    base
        What is known of the clients.

    Raises
    ------
    InputError
        When a segment's members are not those of the base.
    """
    limits = bounds or Bounds()
    for subject in subjects:
        if len(subject.members) != base.clients:
            raise InputError(f"segment {subject.code} speaks of {len(subject.members)} clients", f"the {base.clients} of the base")
    responses = _responses(subjects, base, limits)
    return [
        Scorecard(
            subject.code,
            (response, _size(subject, base, limits), _measurable(subject, base, limits), _accessible(subject, base, limits),
             _stable(subject, limits), _actionable(subject)),
        )
        for subject, response in zip(subjects, responses, strict=True)
    ]  # fmt: skip


def _responses(subjects: Sequence[Subject], base: Base, bounds: Bounds) -> list[Criterion]:
    found = [(place, name, _difference(values, subject.members)) for place, subject in enumerate(subjects) for name, values in base.outcomes.items()]
    adjusted = holm([difference.p_value for _, _, difference in found])
    told: list[list[tuple[str, Difference, float]]] = [[] for _ in subjects]
    for (place, name, difference), p_value in zip(found, adjusted, strict=True):
        told[place].append((name, difference, p_value))
    return [_response(entries, bounds, base.french) for entries in told]


def _difference(values: Vector, members: Mask) -> Difference:
    known = ~np.isnan(values)
    inside, outside = values[members & known], values[~members & known]
    if np.isin(values[known], (0.0, 1.0)).all():
        return compare_rates(int(inside.sum()), len(inside), int(outside.sum()), len(outside))
    return compare_means(inside, outside)


def _response(entries: Sequence[tuple[str, Difference, float]], bounds: Bounds, french: Mapping[str, str]) -> Criterion:
    if not entries:
        return Criterion("response", None, bounds.effect, "no data", "no outcome has been observed", "aucun résultat n'a été observé")
    judged = [(_response_verdict(difference, p_value, bounds), name, difference, p_value) for name, difference, p_value in entries]
    verdict, name, difference, p_value = min(judged, key=lambda entry: (-WORST_FIRST.index(entry[0]), entry[3], -_strength(entry[2])))
    evidence = [{"outcome": outcome, "effect": each.effect, "relative": each.relative, "p_value": p, "verdict": colour} for colour, outcome, each, p in judged]
    strength = _strength(difference)
    spoken = {language: percent(strength, language) if np.isfinite(strength) else "-" for language in ("en", "fr")}
    return Criterion(
        "response", strength if np.isfinite(strength) else None, bounds.effect, verdict,
        f"{name}: {spoken['en']} from the rest ({percent(bounds.effect, 'en')} needed), corrected p-value {_chance(p_value, 'en')}",
        f"{french.get(name, name)} : {spoken['fr']} d'écart avec les autres ({percent(bounds.effect, 'fr')} exigés), p corrigée {_chance(p_value, 'fr')}",
        {"outcomes": evidence},
    )  # fmt: skip


def _response_verdict(difference: Difference, p_value: float, bounds: Bounds) -> Verdict:
    strength = _strength(difference)
    if np.isnan(strength):
        return "no data"
    beyond_chance = p_value < bounds.significance and (difference.relative is None or difference.surely() >= bounds.surely)
    if not beyond_chance or strength < bounds.weak_effect:
        return "red"
    return "green" if strength >= bounds.effect else "amber"


def _chance(p_value: float, language: str) -> str:
    """A p-value with three decimals, or that it is smaller."""
    least = 0.001
    return f"< {thousandths(least, language)}" if p_value < least else thousandths(p_value, language)


def _strength(difference: Difference) -> float:
    """Relative effect without its sign; infinite against none, NaN when there was nobody to compare."""
    if np.isnan(difference.effect):
        return float("nan")
    return abs(difference.relative) if difference.relative is not None else float("inf") if difference.effect else 0.0


def _size(subject: Subject, base: Base, bounds: Bounds) -> Criterion:
    clients, least = int(subject.members.sum()), max(bounds.clients, int(np.ceil(bounds.share * base.clients)))
    verdicts = [_at_least(clients, least, bounds.near)]
    en, fr = (f"{amount(clients, language)} clients ({amount(least, language)} {word})" for language, word in (("en", "needed"), ("fr", "exigés")))
    evidence: dict[str, Any] = {"clients": clients, "contribution_minor": None, "needed_minor": None}
    if base.value_minor is None or base.campaign_cost_minor is None or np.isnan(base.value_minor[subject.members]).all():
        verdicts.append("no data")
        en, fr = f"{en}; contribution or campaign cost not known", f"{fr} ; contribution ou coût de campagne inconnus"
    else:
        worth, needed = float(np.nansum(base.value_minor[subject.members])), bounds.cost_multiple * base.campaign_cost_minor
        verdicts.append(_at_least(worth, needed, bounds.near))
        evidence |= {"contribution_minor": round(worth), "needed_minor": round(needed)}
        en = f"{en}; contribution {money(worth, 'en', base.currency)} ({money(needed, 'en', base.currency)} needed)"
        fr = f"{fr} ; contribution {money(worth, 'fr', base.currency)} ({money(needed, 'fr', base.currency)} exigés)"
    return Criterion("size", float(clients), float(least), worst(verdicts), en, fr, evidence)


def _measurable(subject: Subject, base: Base, bounds: Bounds) -> Criterion:
    if not subject.attributes:
        return Criterion("measurable", None, bounds.filled, "green", "the rule measures no attribute", "la règle ne mesure aucun attribut")
    shares = {name: base.filled.get(name, 0.0) for name in sorted(subject.attributes)}
    weakest = min(shares, key=lambda name: shares[name])
    stale = [name for name in shares if name in base.age_days and name in base.sla_days and base.age_days[name] > base.sla_days[name]]
    undated = [name for name in shares if name not in base.age_days or name not in base.sla_days]
    freshness: Verdict = "red" if stale else "no data" if undated else "green"
    late_en = f"; too old: {', '.join(stale)}" if stale else f"; freshness not known: {', '.join(undated)}" if undated else "; all fresh"
    late_fr = f" ; trop anciens : {', '.join(stale)}" if stale else f" ; fraîcheur inconnue : {', '.join(undated)}" if undated else " ; tous à jour"
    return Criterion(
        "measurable", shares[weakest], bounds.filled, worst([_at_least(shares[weakest], bounds.filled, bounds.near), freshness]),
        f"{weakest} known for {percent(shares[weakest], 'en')} ({percent(bounds.filled, 'en')} needed){late_en}",
        f"{weakest} connu pour {percent(shares[weakest], 'fr')} ({percent(bounds.filled, 'fr')} exigés){late_fr}",
        {"filled": shares, "stale": stale, "undated": undated},
    )  # fmt: skip


def _accessible(subject: Subject, base: Base, bounds: Bounds) -> Criterion:
    if base.is_reachable is None or not subject.members.any():
        return Criterion("accessible", None, bounds.reachable, "no data", "consents are not known", "consentements inconnus")
    share = float(base.is_reachable[subject.members].mean())
    return Criterion(
        "accessible", share, bounds.reachable, _at_least(share, bounds.reachable, bounds.near),
        f"{percent(share, 'en')} can be reached by a consented channel ({percent(bounds.reachable, 'en')} needed)",
        f"{percent(share, 'fr')} joignables par un canal consenti ({percent(bounds.reachable, 'fr')} exigés)",
    )  # fmt: skip


def _stable(subject: Subject, bounds: Bounds) -> Criterion:
    if subject.jaccard is None:
        return Criterion("stable", None, bounds.jaccard, "no data", "no earlier membership to compare with", "aucune composition antérieure à comparer")
    verdict: Verdict = "green" if subject.jaccard >= bounds.jaccard else "amber" if subject.jaccard >= bounds.weak_jaccard else "red"
    return Criterion(
        "stable", subject.jaccard, bounds.jaccard, verdict,
        f"{percent(subject.jaccard, 'en')} of the members of both months are the same ({percent(bounds.jaccard, 'en')} needed)",
        f"{percent(subject.jaccard, 'fr')} des membres des deux mois sont les mêmes ({percent(bounds.jaccard, 'fr')} exigés)",
    )  # fmt: skip


def _actionable(subject: Subject) -> Criterion:
    has = (bool(subject.owner.strip()), bool(subject.action.strip()))
    en = " and ".join(word for word, is_there in zip(("no owner", "no action"), has, strict=True) if not is_there) or "has an owner and an action"
    fr = " et ".join(word for word, is_there in zip(("sans responsable", "sans action"), has, strict=True) if not is_there) or "un responsable et une action"
    return Criterion("actionable", float(sum(has)), 2.0, "green" if all(has) else "red", en, fr)


def _at_least(value: float, bound: float, near: float) -> Verdict:
    return "green" if value >= bound else "amber" if value >= near * bound else "red"
