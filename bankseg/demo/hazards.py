"""Hazards of every event: log-linear in the drivers, with a part of their own for age, wealth and holdings.

The hazard of a month uses the drivers of the month before, so what drives an event was visible before it.
"""

from dataclasses import dataclass

import numpy as np

from bankseg.demo.arrays import Bools, Floats
from bankseg.demo.drivers import MONTHS_ON, Situation, chance_on_later
from bankseg.demo.products import Product, target_name

# Rise of the log hazard while a driver is on.
EFFECTS: dict[str, dict[str, float]] = {
    "hard_exit": {"disengaged": 2.3, "aggrieved": 2.2, "quiet_online": 1.0, "rate_chasing": 0.7, "salary_left": 1.4, "draining": 1.0, "leaking": 0.6},
    "salary_leaves": {"disengaged": 2.9, "aggrieved": 2.1, "quiet_online": 0.9, "rate_chasing": 0.6},
    "drain": {"leaking": 3.8, "rate_chasing": 2.4, "disengaged": 1.5, "aggrieved": 1.5, "salary_left": 0.6},
    "falls_silent": {"disengaged": 1.6, "quiet_online": 1.0},
    target_name(Product.SAVINGS): {"save_wish": 3.0, "child": 1.8, "home": 0.8},
    target_name(Product.TERM_DEPOSIT): {"rate_chasing": 3.0, "windfall": 2.3, "save_wish": 0.8},
    target_name(Product.SECURITIES): {"windfall": 3.2, "rate_chasing": 0.8},
    target_name(Product.LIFE_INSURANCE): {"windfall": 2.6, "child": 2.4},
    target_name(Product.HOME_INSURANCE): {"home": 3.0, "child": 1.6},
    target_name(Product.CREDIT_CARD): {"card_wish": 3.2, "credit_need": 1.2},
    target_name(Product.PERSONAL_LOAN): {"credit_need": 3.2, "child": 0.8},
    target_name(Product.MORTGAGE): {"home": 3.9},
    target_name(Product.BUSINESS_LOAN): {"business_plan": 3.0},
    target_name(Product.MERCHANT_SERVICES): {"business_plan": 2.6},
}
MOST_A_MONTH = 0.5


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a client holds, as far as hazards care."""

    count: Floats
    has_loan: Bools
    has_salary: Bools


def base_log_hazards(now: Situation, held: Holdings) -> dict[str, Floats]:
    """Log hazard of each event a month, with all drivers off."""
    young = np.clip((40 - now.age) / 15, -2, 1.5) * now.is_person
    never = np.where(now.is_person, 0.0, -30.0)
    firms_only = np.where(now.is_firm, 0.0, -30.0)
    new = np.exp(-now.tenure_years / 2)
    middle = ((now.age - 38) / 15) ** 2
    return {
        "hard_exit": -5.35 - 0.45 * np.minimum(held.count - 2, 4) - 1.0 * held.has_loan + 0.55 * young + 0.9 * new,
        "salary_leaves": np.where(held.has_salary, -5.3 + 0.6 * young + 0.6 * new - 0.5 * held.has_loan, -30.0),
        "drain": -6.95 + 0.25 * now.rich + 0.3 * young,
        "falls_silent": np.where(held.has_salary | held.has_loan, -30.0, -4.4 + 0.3 * young) + np.where(now.is_firm, -0.8, 0.0),
        target_name(Product.SAVINGS): -5.0 + 0.5 * now.paid - 0.4 * middle + never,
        target_name(Product.TERM_DEPOSIT): -6.0 + 0.7 * now.rich + 0.3 * np.clip((now.age - 45) / 15, -1.5, 2) + never,
        target_name(Product.SECURITIES): -6.0 + 0.6 * now.paid + 0.5 * now.is_digital + never,
        target_name(Product.LIFE_INSURANCE): -5.4 + 0.5 * now.rich + never,
        target_name(Product.HOME_INSURANCE): -5.2 - 0.4 * middle + never,
        target_name(Product.CREDIT_CARD): -5.7 + 0.4 * now.is_digital + 0.3 * young + never,
        target_name(Product.PERSONAL_LOAN): -5.7 + 0.5 * young - 0.3 * now.paid + never,
        target_name(Product.MORTGAGE): -6.8 + 0.5 * now.paid + never,
        target_name(Product.BUSINESS_LOAN): -4.4 + firms_only,
        target_name(Product.MERCHANT_SERVICES): -4.5 + firms_only,
    }


def hazards(base: dict[str, Floats], on: dict[str, Bools], extra: dict[str, Floats]) -> dict[str, Floats]:
    """Chance of each event in the coming month, given the drivers now."""
    result = {}
    for event, log_hazard in base.items():
        log_now = log_hazard + extra.get(event, 0.0)
        for driver, rise in EFFECTS[event].items():
            log_now = log_now + rise * on[driver]
        result[event] = np.minimum(1 - np.exp(-np.exp(log_now)), MOST_A_MONTH)
    return result


def expected_hazard(event: str, base: Floats, on: dict[str, Bools], onset: dict[str, Floats], months: int) -> Floats:
    """Expected hazard of an event in the month that starts `months` later, given the drivers now.

    Drivers are independent chains, so the expectation of the product is the product of the expectations.
    """
    expected = np.exp(base)
    for driver, rise in EFFECTS[event].items():
        chance = chance_on_later(on[driver], onset[driver], MONTHS_ON.get(driver, 0.0), months)
        expected = expected * (1 + (np.exp(rise) - 1) * chance)
    capped: Floats = np.minimum(expected, MOST_A_MONTH)
    return capped
