"""The hidden drivers: what happens to a client month by month, as two-state Markov chains.

Each driver is either on or off for a client in a month. It leaves traces in the extracts while it is on
(complaints, silence online, simulations ...) and raises the hazards of the events of the *following* month.
"""

from dataclasses import dataclass

import numpy as np

from bankseg.demo.arrays import Bools, Floats

DRIVERS = (
    "disengaged", "aggrieved", "quiet_online", "rate_chasing", "leaking", "distress",
    "home", "child", "credit_need", "windfall", "card_wish", "save_wish", "business_plan",
    "salary_left", "draining", "silent",
)  # fmt: skip
# Mean months a driver stays on, for those that fade by themselves.
MONTHS_ON: dict[str, float] = {
    "disengaged": 18, "aggrieved": 12, "quiet_online": 18, "rate_chasing": 13, "leaking": 10, "distress": 8,
    "home": 9, "child": 9, "credit_need": 9, "windfall": 9, "card_wish": 9, "save_wish": 9, "business_plan": 9,
    "draining": 9,
}  # fmt: skip
INTENTS = ("home", "child", "credit_need", "windfall", "card_wish", "save_wish", "business_plan")


@dataclass(frozen=True, slots=True)
class Situation:
    """What the chance of a driver or an event depends on, at one month end."""

    age: Floats
    tenure_years: Floats
    rich: Floats  # standardised logarithm of deposits
    paid: Floats  # standardised logarithm of income
    is_person: Bools
    is_firm: Bools
    is_digital: Bools
    uses_card: Bools
    loyalty: Floats
    frailty: Floats
    score: Floats


def onset_chances(now: Situation, on: dict[str, Bools]) -> dict[str, Floats]:
    """Monthly chance that each fading driver, now off, comes on."""
    person, firm = now.is_person.astype(float), now.is_firm.astype(float)
    unhappy = np.where(on["aggrieved"], 3.0, 1.0)
    # Who does not use the bank online plans less with it: most intents can be seen in digital events.
    at_hand = np.where(now.is_digital, 1.0, 0.25)
    family_age = (now.age > 24) & (now.age < 46)
    return {
        "disengaged": 0.006 * np.exp(-0.5 * now.loyalty) * unhappy * now.uses_card,
        "aggrieved": np.full(len(now.age), 0.005),
        "quiet_online": 0.0055 * now.is_digital * np.where(on["disengaged"], 2.5, 1.0),
        "rate_chasing": 0.007 * np.exp(0.5 * now.rich) * at_hand,
        "leaking": 0.007 * np.where(on["rate_chasing"], 3.0, 1.0) * np.where(on["disengaged"], 2.0, 1.0),
        "distress": 0.004 * np.exp(0.9 * now.frailty),
        "home": person * at_hand * np.where(family_age, 0.012, 0.002),
        "child": person * at_hand * np.where(family_age, 0.011, 0.0005),
        "credit_need": person * at_hand * 0.010 * np.exp(-0.2 * now.paid),
        "windfall": person * at_hand * 0.008 * np.exp(0.3 * now.rich) * np.where((now.age > 60) & (now.age < 68), 1.8, 1.0),
        "card_wish": person * at_hand * 0.010,
        "save_wish": person * at_hand * 0.011,
        "business_plan": firm * at_hand * 0.02,
    }


def start_drivers(rng: np.random.Generator, chances: dict[str, Floats]) -> dict[str, Bools]:
    """Drivers in their long-run shares."""
    return {name: rng.random(len(chance)) < chance / (chance + 1 / MONTHS_ON[name]) for name, chance in chances.items()}


def step_drivers(rng: np.random.Generator, on: dict[str, Bools], chances: dict[str, Floats]) -> dict[str, Bools]:
    """Fading drivers one month later."""
    later = {}
    for name, chance in chances.items():
        draw = rng.random(len(chance))
        later[name] = np.where(on[name], draw >= 1 / MONTHS_ON[name], draw < chance)
    return later


def chance_on_later(is_on: Bools, onset: Floats, months_on: float, months: int) -> Floats:
    """Chance that a driver is on some months later, given that it is on or off now."""
    fade = 1 / months_on if months_on else 0.0
    total = np.maximum(onset + fade, 1e-9)
    settled = onset / total
    later: Floats = settled + (is_on - settled) * (1 - total) ** months
    return later
