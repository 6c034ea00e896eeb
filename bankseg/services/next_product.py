"""Next best product: eligible, then suitable, then consented, then likely, and of what is left the largest expected margin."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.segment_rules import attributes_of
from bankseg.domain.suitability import Unsuitable, unsuitable_rules
from bankseg.lake.analysis import Analysis
from bankseg.propensity.predict import Propensity
from bankseg.segments.assign import DEFAULT_MARGIN_MINOR
from bankseg.segments.compiler import DIALECT, predicate
from bankseg.services.bank import Bank

PREFIX = "cross_sell:"
CONSENTS = ("consents_email", "consents_phone", "consents_sms", "consents_post")
# What takes a client's last product away, in the order in which it is asked; the first three are asked before any likelihood.
NO_MODEL, ELIGIBILITY, SUITABILITY, CONSENT, LIKELIHOOD = "no_model", "eligibility", "suitability", "consent", "likelihood"

Marks = NDArray[np.bool_]
Vector = NDArray[np.float64]


def next_products(bank: Bank, table: pa.Table, models: Mapping[str, Propensity], propensities: Mapping[str, Vector]) -> pa.Table:
    """The next best product of each client, or the stage at which nothing was left.

    Returns
    -------
    pyarrow.Table
        `best_product`, `best_propensity` (calibrated), `best_margin_minor` (smoothed propensity x margin of a new contract), and `best_blocked_by`, null
        where a product is proposed: `no_model`, `eligibility`, `suitability`, `consent` or `likelihood`.
    """
    targets = [target for target in models if target.startswith(PREFIX)]
    if not targets:
        return _as_table(np.full(table.num_rows, -1), [], np.empty((0, table.num_rows)), np.empty((0, table.num_rows)), [NO_MODEL] * table.num_rows)
    section = bank.policy.section("cross_sell")
    products = [target.removeprefix(PREFIX) for target in targets]
    propensity = np.stack([propensities[target] for target in targets])
    base = np.array([float(models[target].card["base_rate"]) for target in targets])[:, None]
    seen = np.array([float(models[target].card["n"]) for target in targets])[:, None]
    eligible = ~np.isnan(propensity)
    suitable = eligible & ~_unsuitable(bank, table, products)
    consented = suitable & _consents(table)
    with np.errstate(invalid="ignore"):
        likely = consented & (propensity >= float(section["least_propensity_ratio"]) * base)
    smoothed = smoothed_propensity(propensity, base, seen, float(section["smoothing_clients"]))
    margins = bank.policy.section("value")["new_contract_margin_minor"]
    margin = np.array([float(margins.get(product, DEFAULT_MARGIN_MINOR)) for product in products])[:, None]
    expected = np.where(likely, smoothed * margin, -np.inf)
    chosen = np.where(likely.any(axis=0), expected.argmax(axis=0), -1)
    stages = ((LIKELIHOOD, consented), (CONSENT, suitable), (SUITABILITY, eligible))
    blocked = np.select([likely.any(axis=0), *(marks.any(axis=0) for _, marks in stages)], ["", *(stage for stage, _ in stages)], ELIGIBILITY)
    return _as_table(chosen, products, propensity, expected, [stage or None for stage in blocked.tolist()])


def smoothed_propensity(propensity: Vector, base: Vector, seen: Vector, clients: float) -> Vector:
    """(n p + k p0) / (n + k): the fewer clients a product's model was judged on, the closer to the product's base rate (definitions 11).

    Examples
    --------
    >>> float(smoothed_propensity(np.array([0.10]), np.array([0.02]), np.array([600.0]), 200.0)[0])
    0.08
    """
    found: Vector = (seen * propensity + clients * base) / (seen + clients)
    return found


def _unsuitable(bank: Bank, table: pa.Table, products: Sequence[str]) -> Marks:
    """Shape (products, clients): whether a rule of the policy bars the product; a rule over an attribute the bank does not have bars nothing."""
    rules = [rule for rule in unsuitable_rules(bank.policy.section("cross_sell")["unsuitable"]) if attributes_of(rule.when) <= set(table.column_names)]
    holds = _holding(table, rules)
    barred = np.zeros((len(products), table.num_rows), dtype=bool)
    for place, product in enumerate(products):
        for rule, marks in zip(rules, holds, strict=True):
            if rule.speaks_of(product, bank.natures.get(product, "")):
                barred[place] |= marks
    return barred


def _holding(table: pa.Table, rules: Sequence[Unsuitable]) -> list[Marks]:
    if not rules:
        return []
    read = sorted(set().union(*(attributes_of(rule.when) for rule in rules)))
    columns = ", ".join(f"{predicate(rule.when, read).sql(dialect=DIALECT)} AS r{place}" for place, rule in enumerate(rules))
    with Analysis(threads=1) as analysis:
        analysis.register("clients", table.select(read))
        found = analysis.arrow(f"SELECT {columns} FROM clients")  # noqa: S608  # predicates are written by the rule compiler
    return [np.asarray(column.to_numpy(), dtype=bool) for column in found.columns]


def _consents(table: pa.Table) -> Marks:
    """Whether a client consents to any channel; a bank that loaded no consents is asked again when a list is made, which holds nobody without one."""
    known = [table.column(name) for name in CONSENTS if name in table.column_names]
    if not known:
        return np.ones(table.num_rows, dtype=bool)
    return np.asarray(np.stack([column.cast(pa.float64()).to_numpy() == 1 for column in known]).any(axis=0), dtype=bool)


def _as_table(chosen: NDArray[np.intp], products: Sequence[str], propensity: Vector, expected: Vector, blocked: Sequence[str | None]) -> pa.Table:
    places = [None if place < 0 else (int(place), client) for client, place in enumerate(chosen.tolist())]
    return pa.table(
        {
            "best_product": pa.array([products[at[0]] if at else None for at in places], pa.string()),
            "best_propensity": pa.array([float(propensity[at]) if at else None for at in places], pa.float64()),
            "best_margin_minor": pa.array([round(float(expected[at])) if at else None for at in places], pa.int64()),
            "best_blocked_by": pa.array(blocked, pa.string()),
        }
    )
