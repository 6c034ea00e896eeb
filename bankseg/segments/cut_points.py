"""Cut points of shares on the reference population: found once, frozen with the scheme, so that a client moves because the client moved."""

from collections.abc import Collection
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from bankseg.domain.settled_rules import Share
from bankseg.segments.compiler import DIALECT


class Answers(Protocol):
    """Whatever answers SQL."""

    def arrow(self, sql: str) -> pa.Table:
        """Rows of a statement."""


def cuts_of(answers: Answers, relation: str, share: Share, columns: Collection[str]) -> dict[str | None, float]:
    """The cut of a share on a relation, by group where the share is taken within one.

    Clients without the attribute do not count. The cut is a value that somebody has: the largest one that at least the top share reaches, or the
    smallest that at least the bottom share stays within; ties at the cut are all inside.

    Returns
    -------
    dict
        Group (None without groups) -> cut, in the attribute's own unit; empty when nobody has the attribute.
    """
    if share.attribute not in columns or (share.within is not None and share.within not in columns):
        return {}
    value = exp.column(share.attribute, quoted=True)
    quantile = exp.func("quantile_disc", exp.Neg(this=value) if share.is_top else value, exp.Literal.number(share.share), dialect=DIALECT)
    group = exp.column(share.within, quoted=True) if share.within else exp.cast(exp.null(), "varchar")
    select = exp.select(exp.alias_(group, "grouped"), exp.alias_(exp.cast(quantile, "double"), "cut")).from_(relation).where(value.is_(exp.null()).not_())
    rows = answers.arrow(select.group_by(exp.Literal.number(1)).sql(dialect=DIALECT)).to_pylist()
    sign = -1 if share.is_top else 1
    return {row["grouped"]: sign * row["cut"] for row in rows if row["cut"] is not None and (share.within is None or row["grouped"] is not None)}
