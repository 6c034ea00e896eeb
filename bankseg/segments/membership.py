"""Who is in: rules over a table, by the one compiler that membership, counts and lists share."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from bankseg.domain.segment_rules import Rule, attributes_of
from bankseg.lake.analysis import Analysis
from bankseg.segments.compiler import DIALECT, first_match, predicate

_PLACE = "place of the row"


def membership(table: pa.Table, rules: Sequence[Rule]) -> NDArray[np.bool_]:
    """Which rules hold for which rows, shape (n, rules), in the order of the table.

    Examples
    --------
    >>> from bankseg.domain.rule_documents import parse_rule
    >>> membership(pa.table({"churn": [0.1, None, 0.9]}), [parse_rule({"attribute": "churn", "above": 0.5})])[:, 0].tolist()
    [False, False, True]
    """
    if not rules or not table.num_rows:
        return np.zeros((table.num_rows, len(rules)), dtype=np.bool_)
    used = sorted(frozenset().union(*(attributes_of(rule) for rule in rules)) & set(table.column_names))
    columns = [exp.alias_(predicate(rule, used), f"rule_{number}") for number, rule in enumerate(rules)]
    found = _selected(table, used, columns)
    return np.column_stack([found.column(f"rule_{number}").to_numpy() for number in range(len(rules))])


def first_of(table: pa.Table, rules: Sequence[tuple[str, Rule | None]]) -> list[str]:
    """Code of the first rule that holds for each row; the last one has no rule and always holds.

    Raises
    ------
    ConfigurationError
        When another than the last has no rule.
    """
    used = sorted(frozenset().union(*(attributes_of(rule) for _, rule in rules if rule is not None)) & set(table.column_names))
    found = _selected(table, used, [exp.alias_(first_match(list(rules), used), "code")])
    return [str(code) for code in found.column("code").to_pylist()]


def _selected(table: pa.Table, used: Sequence[str], columns: Sequence[exp.Expr]) -> pa.Table:
    """Expressions over the rows, in the table's order."""
    with Analysis() as analysis:
        analysis.register("clients", table.select(list(used)).append_column(_PLACE, pa.array(np.arange(table.num_rows))))
        place = exp.column(_PLACE, quoted=True)
        return analysis.arrow(exp.select(place, *columns).from_("clients").order_by(place).sql(dialect=DIALECT))
