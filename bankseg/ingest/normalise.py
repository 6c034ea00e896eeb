"""From a source column's text to a canonical value: one SQL expression per column."""

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bankseg.domain.extracts import Column
from bankseg.domain.money import EXPONENTS, minor_digits
from bankseg.ingest.expression import columns_of, unfailing
from bankseg.ingest.mapping import Condition, Dialect, Source
from bankseg.ingest.rows import ORDINAL
from bankseg.ingest.sql import Sql, call, case, cast, is_null, matches, name, number, one_of, text
from bankseg.ingest.traits import Trait

ISO_DATE = "%Y-%m-%d"
YES = ("1", "true", "t", "yes", "y", "oui", "o", "vrai", "ja", "j", "x")
NO = ("0", "false", "f", "no", "n", "non", "faux", "nein", "")
SPACES = (" ", "\u00a0", "\u202f")
DEFAULT_CODE = "*"
# Digits kept after the point while a scaled amount is computed exactly.
EXACT = "DECIMAL(38, 8)"
AMOUNT = "DECIMAL(18, 3)"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the columns of one extract are read: the file's dialect, its code lists and the types of its columns."""

    dialect: Dialect
    codes: Dictionary[str, Dictionary[str, str]]
    types: Dictionary[str, pa.DataType]
    traits: frozenset[tuple[str, Trait]] | None = None  # of the text columns; null when not known
    is_suspicious: bool = True  # a control or bidirectional character may be among the texts

    def may_be(self, column: str, trait: Trait) -> bool:
        """Whether some value of a source column may have a trait."""
        return self.traits is None or column not in self.types or not self.is_text(column) or (column, trait) in self.traits

    def is_text(self, column: str) -> bool:
        """Whether the source column is text, and not a typed column of Parquet."""
        kind = self.types.get(column, pa.string())
        return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def needed_columns(source: Source) -> set[str]:
    """Source columns a mapping entry reads."""
    found = {source.column} if source.column is not None else set()
    if source.expr is not None:
        found |= columns_of(source.expr) - {"extract_on"}
    if source.negative_when is not None:
        found.add(source.negative_when.column)
    return found


def source_text(column: str, reading: Reading) -> Sql:
    """A source column as text without blanks around it, null where the mapping says it is missing."""
    value = name(column) if reading.is_text(column) else cast(name(column), "VARCHAR")
    is_padded = reading.may_be(column, Trait.PADDED)
    trimmed = call("trim", value) if is_padded else value
    if reading.dialect.null in ((), ("",)):
        return call("nullif", trimmed, text("")) if is_padded or reading.may_be(column, Trait.MISSING) else trimmed
    return case([(one_of(trimmed, {"", *(word.strip() for word in reading.dialect.null)}), exp.Null())], trimmed)


def raw(source: Source, reading: Reading) -> Sql:
    """The text a canonical value is made from, before codes."""
    match source:
        case Source(column=str(column)):
            value = source_text(column, reading)
        case Source(expr=str(expression)):
            value = call("nullif", call("trim", cast(unfailing(expression), "VARCHAR")), text(""))
        case Source(row_number=True):
            value = cast(name(ORDINAL), "VARCHAR")
        case _:
            value = text(source.constant or "")
    return exp.DPipe(this=text(source.prefix), expression=value) if source.prefix else value


def coded(value: Sql, source: Source, reading: Reading) -> Sql:
    """The canonical code of a bank's code; null when the code list does not have it."""
    if source.codes is None:
        return value
    codes = {code: canonical for code, canonical in reading.codes[source.codes].items() if code != DEFAULT_CODE}
    default = reading.codes[source.codes].get(DEFAULT_CODE)
    branches = [(is_null(value), text(codes[""]) if "" in codes else exp.Null())]
    branches += [(exp.EQ(this=value.copy(), expression=text(code)), text(canonical)) for code, canonical in codes.items() if code]
    return case(branches, text(default) if default is not None else exp.Null())


def kept(conditions: tuple[Condition, ...], reading: Reading) -> Sql:
    """Whether a row passes every `where` of the mapping."""
    parts = [condition_holds(condition, reading) for condition in conditions]
    return exp.and_(*parts) if parts else exp.true()


def condition_holds(condition: Condition, reading: Reading) -> Sql:
    """One condition; a missing value counts as the empty text."""
    value = call("coalesce", source_text(condition.column, reading), text(""))
    return one_of(value, condition.values) if condition.values else exp.Not(this=one_of(value, condition.but_not))


def typed(column: Column, value: Sql, source: Source, reading: Reading, multiplier: Sql) -> Sql:
    """The canonical value, null where the text is missing or cannot be read."""
    match column.type:
        case "text":
            return value
        case "date":
            return as_date(value, source, reading)
        case "boolean":
            return as_boolean(value, source)
        case "money":
            return as_money(value, source, reading, multiplier)
        case "integer":
            return as_integer(value, source, reading)
        case _:
            return as_number(value, source, reading)


def as_date(value: Sql, source: Source, reading: Reading) -> Sql:
    """A date in the declared format; typed columns, constants and expressions are ISO."""
    if source.column is not None and not reading.is_text(source.column) and not pa.types.is_integer(reading.types[source.column]):
        return cast(cast(value, "TIMESTAMP", safely=True), "DATE")
    form = (source.format or reading.dialect.date_format) if source.column is not None else (source.format or ISO_DATE)
    return cast(call("try_strptime", value, text(form)), "DATE")


def as_boolean(value: Sql, source: Source) -> Sql:
    """True or false by the declared or usual words."""
    word = call("lower", value)
    yes, no = ([word.lower() for word in words] for words in (source.yes or YES, source.no or NO))
    return case([(one_of(word, yes), exp.true()), (one_of(word, no), exp.false())])


def plain_number(value: Sql, source: Source, reading: Reading) -> Sql:
    """Text of a number with a point and no thousands separators."""
    decimal, thousands = separators(source, reading)
    for mark in SPACES if thousands == " " else (thousands,):
        if mark:
            value = call("replace", value, text(mark), text(""))
    return call("replace", value, text(","), text(".")) if decimal == "," else value


def number_pattern(source: Source, reading: Reading, *, whole: bool = False, exponent: bool = False) -> str:
    """The one way a number may be written in this dialect; a thousands separator must part groups of three."""
    decimal, thousands = separators(source, reading)
    mark = f"[{''.join(SPACES)}]" if thousands == " " else re.escape(thousands)
    digits = f"([0-9]{{1,3}}({mark}[0-9]{{3}})+|[0-9]+)" if thousands else "[0-9]+"
    if whole:
        return f"[+-]?{digits}({re.escape(decimal)}0*)?"
    body = f"({digits}({re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)"
    return f"[+-]?{body}([eE][+-]?[0-9]+)?" if exponent else f"[+-]?{body}"


def separators(source: Source, reading: Reading) -> tuple[str, str]:
    """Decimal and thousands separators of a column; typed columns, constants and expressions use the point."""
    if source.column is None or not reading.is_text(source.column):
        return ".", ""
    return source.decimal or reading.dialect.decimal, reading.dialect.thousands if source.thousands is None else source.thousands


def as_number(value: Sql, source: Source, reading: Reading) -> Sql:
    """A finite double."""
    read = cast(plain_number(value, source, reading), "DOUBLE", safely=True)
    well_written = matches(value, number_pattern(source, reading, exponent=True))
    return case([(exp.and_(well_written, call("isfinite", read)), signed(read, source, reading))])


def as_integer(value: Sql, source: Source, reading: Reading) -> Sql:
    """A whole number; `42.0` is one."""
    read = cast(plain_number(value, source, reading), "DECIMAL(18, 0)", safely=True)
    return case([(matches(value, number_pattern(source, reading, whole=True)), cast(signed(read, source, reading), "BIGINT", safely=True))])


def as_money(value: Sql, source: Source, reading: Reading, multiplier: Sql) -> Sql:
    """Minor units, rounded half away from zero; exact decimals all the way."""
    plain = plain_number(value, source, reading)
    is_float = source.column is not None and not reading.is_text(source.column) and pa.types.is_floating(reading.types[source.column])
    read = cast(plain, EXACT if source.scale is not None else AMOUNT, safely=True)
    amount = signed(read, source, reading)
    minor = amount if source.minor else exp.Mul(this=exp.paren(amount), expression=multiplier.copy())
    whole = cast(minor, "BIGINT", safely=True)  # DuckDB rounds a decimal half away from zero here
    if source.column is not None and _is_as_cast(source.column, source, reading):
        return whole
    pattern = number_pattern(source, reading, exponent=is_float)
    return case([(matches(value, pattern), whole)])


def _is_as_cast(column: str, source: Source, reading: Reading) -> bool:
    """Whether every text of these characters that DuckDB reads as a decimal is also well written: no blank, exponent or foreign separator is among them."""
    decimal, thousands = separators(source, reading)
    is_numeric = not (source.prefix or source.codes or thousands or reading.may_be(column, Trait.NOT_NUMERIC))
    return is_numeric and (decimal == "." or not reading.may_be(column, Trait.DECIMAL_POINT))


def signed(value: Sql, source: Source, reading: Reading) -> Sql:
    """Absolute value, scale and sign as the mapping says."""
    if source.absolute:
        value = call("abs", value)
    if source.scale is not None:
        value = exp.Mul(this=exp.paren(value.copy()), expression=cast(text(repr(source.scale)), "DECIMAL(18, 8)"))
    if source.negative_when is not None:
        value = case([(condition_holds(source.negative_when, reading), exp.Neg(this=exp.paren(value.copy())))], value)
    return value


def money_multiplier(currency: Sql | None, default: str) -> Sql:
    """Minor units of one unit of a row's currency."""
    standard = number(10 ** minor_digits(default))
    if currency is None:
        return standard
    branches = [(exp.EQ(this=currency.copy(), expression=text(code)), number(10**digits)) for code, digits in EXPONENTS.items()]
    return case([*branches, (is_null(currency), standard)], number(100))
