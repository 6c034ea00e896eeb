"""The columns of a list that leaves the bank: name, meaning, type."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from bankseg.domain.money import minor_digits

ColumnKind = Literal["text", "integer", "number", "money", "boolean"]
Format = Literal["csv", "xlsx", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "parquet")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a delivery: `field` is read from the row, `name` is written in the header."""

    field: str
    name: str
    kind: ColumnKind = "text"


def in_units(minor: int, currency: str | None) -> Decimal:
    """Minor units as an exact amount in currency units.

    >>> in_units(1234, "EUR"), in_units(1234, "JPY")
    (Decimal('12.34'), Decimal('1234'))
    """
    return Decimal(minor).scaleb(-minor_digits(currency))


def cell(column: Column, row: dict[str, Any]) -> Any:  # a cell of the column's kind
    """The value of one cell; null stays null."""
    value = row.get(column.field)
    if value is None or column.kind != "money":
        return value
    return in_units(value, row.get("currency"))
