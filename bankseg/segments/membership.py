"""Who is in: rules over a table, by the one compiler that membership, counts and lists share."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from bankseg.domain.schemes import Scheme
from bankseg.domain.segment_rules import Rule, attributes_of
from bankseg.lake.analysis import Analysis
from bankseg.segments.compiler import DIALECT, first_match, predicate
from bankseg.segments.reading import Reading, members, placed

_PLACE = "place of the row"
# What a membership keeps of a client beside the segment: who may see it, and the amounts that moves are told in.
HELD: dict[str, pa.DataType] = {"rm_id": pa.string(), "branch_id": pa.string(), "value_12m_minor": pa.int64(), "balance_minor": pa.int64()}
ROSTER = pa.schema([("client_id", pa.string()), ("segment", pa.string()), *HELD.items()])


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


def roster(scheme: Scheme, reading: Reading) -> pa.Table:
    """Every client in scope with its segment: one row a client in an exclusive scheme, one a client and segment in an overlapping one.

    Returns
    -------
    pyarrow.Table
        `client_id`, `segment`, `rm_id`, `branch_id`, and in minor units `value_12m_minor` and `balance_minor` (null: not known), ordered by client and segment.
    """
    known = reading.roll.columns
    kept = [exp.alias_(exp.column(name, quoted=True) if name in known else exp.null(), name) for name in HELD]
    base = exp.select("client_id").from_("roll").where(reading.visible())
    if scheme.is_exclusive:
        parts = [base.select(exp.alias_(placed(scheme, reading), "segment"), *kept)]
    else:
        parts = [base.select(exp.alias_(exp.Literal.string(one.code), "segment"), *kept).where(members(scheme, one, reading)) for one in scheme.segments]
    found = pa.concat_tables([reading.roll.arrow(part.sql(dialect=DIALECT)).cast(ROSTER) for part in parts])
    return found.sort_by([("client_id", "ascending"), ("segment", "ascending")]).combine_chunks()


def masks(scheme: Scheme, reading: Reading) -> dict[str, NDArray[np.bool_]]:
    """Which clients in scope each segment holds, shape (n,), ordered by client; computed in one pass."""
    columns = [exp.alias_(members(scheme, segment, reading), f"s{number}") for number, segment in enumerate(scheme.segments)]
    if scheme.is_exclusive:
        columns = [exp.alias_(placed(scheme, reading), "placed")]
    rows = reading.roll.arrow(exp.select(*columns).from_("roll").where(reading.visible()).order_by("client_id").sql(dialect=DIALECT))
    if not scheme.is_exclusive:
        return {segment.code: rows.column(f"s{number}").to_numpy() for number, segment in enumerate(scheme.segments)}
    held = rows.column("placed").combine_chunks().dictionary_encode()
    places = held.indices.to_numpy(zero_copy_only=False)
    number_of = {str(code): number for number, code in enumerate(held.dictionary.to_pylist())}
    return {segment.code: np.asarray(places == number_of.get(segment.code, -1)) for segment in scheme.segments}


def _selected(table: pa.Table, used: Sequence[str], columns: Sequence[exp.Expr]) -> pa.Table:
    """Expressions over the rows, in the table's order."""
    with Analysis() as analysis:
        analysis.register("clients", table.select(list(used)).append_column(_PLACE, pa.array(np.arange(table.num_rows))))
        place = exp.column(_PLACE, quoted=True)
        return analysis.arrow(exp.select(place, *columns).from_("clients").order_by(place).sql(dialect=DIALECT))
