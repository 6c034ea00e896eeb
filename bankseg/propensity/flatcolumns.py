"""Columns of a flat file as features: numbers, dates, categories, and what is left out with the reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.arrow import Column, compute
from bankseg.propensity.dataset import MOST_LEVELS, ModelFeature, numbers
from bankseg.propensity.flatread import as_text, is_plain

MISSING = ("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "Null", "null", "None", "none", "NONE", "?", "-", "--", ".", "#N/A", "<NA>", "NaT", "nil")
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
COMMA_NUMBER = r"^[+-]?(\d+,?\d*|,\d+)$"
GROUPED_NUMBER = r"^[+-]?\d{1,3}([,\x{00a0}\x{202f}' ]\d{3})+(\.\d+)?$"
AFFIXED_NUMBER = r"^[$€£]?\s?[+-]?[\d.]+\s?[%$€£]?$"
LEADING_ZERO = r"^0\d"
DATE_FORMATS = (
    (r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d"), (r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}$", "%Y-%m-%d %H:%M:%S"), (r"^\d{4}/\d{1,2}/\d{1,2}$", "%Y/%m/%d"),
    (r"^\d{1,2}/\d{1,2}/\d{4}$", "%d/%m/%Y"), (r"^\d{1,2}/\d{1,2}/\d{4}$", "%m/%d/%Y"), (r"^\d{1,2}\.\d{1,2}\.\d{4}$", "%d.%m.%Y"), (r"^\d{1,2}-\d{1,2}-\d{4}$", "%d-%m-%Y"),
    (r"^\d{4}-\d{2}$", "%Y-%m"),
)  # fmt: skip
IDENTIFIER_NAME = re.compile(
    r"(^|[^a-z])(id|ids|uid|uuid|guid|iban|rownum|rownumber|recordid)([^a-z]|$)|[a-z](Id|ID|Number|Nr)$|^(row|record|index|idx|key|ref|seq|serial|number|no|nr|unnamed: 0)([_. ]?(number|num|no|id))?$"
)
# Names of things that come back in several rows and must not stand on both sides of a split; a district or a branch may.
ENTITY_NAME = re.compile(r"client|customer|cust|account|acct|user|person|member|household|party|holder|subscriber|contact|company|firm|^id$", re.IGNORECASE)
# Values nearly as many as rows: a name tag, not a property.
NEAR_UNIQUE = 0.95
# A category level needs this many rows (and this share of them), and the kept levels must cover half of the rows.
LEVEL_ROWS, LEVEL_SHARE, LEVEL_COVER = 10, 0.001, 0.5
# A column of numbers with a few texts in it is a number when it is mostly and richly numeric.
MOSTLY_NUMBERS, RICH_NUMBERS = 0.9, 50
DAY = np.timedelta64(1, "D")


@dataclass(slots=True)
class FlatColumns:
    """Typed features of a flat file, the columns left out with the reason, which features are dates, and the repeated identifier that groups rows, if any."""

    table: pa.Table
    features: list[ModelFeature] = field(default_factory=list)
    dropped: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    groups: NDArray[np.intp] | None = None
    grouped_by: str | None = None


def type_columns(table: pa.Table) -> FlatColumns:
    """Decide for each column whether it is a number, a date, a category or no feature at all."""
    found = FlatColumns(pa.table({"client_id": pa.array(np.arange(table.num_rows).astype(str))}))
    for name in table.column_names:
        if not is_plain(table.column(name)):
            found.dropped.append({"column": name, "reason": "lists, records or bytes"})
            continue
        column = known(table.column(name))
        values = compute.count_distinct(column).as_py()
        if values == 0:
            found.dropped.append({"column": name, "reason": "every value is missing"})
        elif values == 1 and not column.null_count:
            found.dropped.append({"column": name, "reason": "one value in every row"})
        else:
            _place(found, name, column, values)
    return found


def known(column: Column) -> Column:
    """The column as text with the usual spellings of missing as null."""
    text = as_text(column)
    return compute.if_else(compute.is_in(text, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), text)


def as_number(column: Column, share: float = 1.0) -> NDArray[np.float64] | None:
    """The text column as numbers (NaN where missing or, beyond `share`, not a number); None when it is not one."""
    count = len(column) - column.null_count
    if compute.any(compute.match_substring_regex(column, LEADING_ZERO)).as_py() and not compute.any(compute.match_substring_regex(column, r"[.,]")).as_py():
        return None  # 00123 is a code
    for pattern, clean in _READINGS:
        fits = compute.match_substring_regex(column, pattern)
        good = compute.sum(fits).as_py() or 0
        if good >= share * count and good:
            return _cast(compute.if_else(fits, clean(column), pa.scalar(None, pa.string())))
    return None


def as_days(column: Column) -> NDArray[np.float64] | None:
    """The text column as days since 1970 (NaN where missing); None when it does not hold dates in one format."""
    for pattern, form in DATE_FORMATS:
        if not compute.all(compute.match_substring_regex(column, pattern)).as_py():
            continue
        text = compute.replace_substring(column, "T", " ") if "%H" in form else column
        if form == "%Y-%m":
            text, form = compute.binary_join_element_wise(text, pa.scalar("01"), "-"), "%Y-%m-%d"  # noqa: PLW2901  # a month is its first day
        parsed = compute.strptime(text, format=form, unit="s", error_is_null=True)
        if parsed.null_count > column.null_count:
            continue
        stamps = np.asarray(parsed.to_numpy(), dtype="datetime64[s]")
        return np.where(np.isnat(stamps), np.nan, (stamps - np.datetime64("1970-01-01", "s")) / DAY)
    return None


def _place(found: FlatColumns, name: str, column: Column, values: int) -> None:
    rows = len(column) - column.null_count
    number = as_number(column)
    days = as_days(column) if number is None else None
    if number is None and days is None and values > RICH_NUMBERS:
        number = as_number(column, MOSTLY_NUMBERS)
        if number is not None:
            found.notes.append(f"{name}: texts among its numbers are treated as missing")
    looks_like_id = bool(IDENTIFIER_NAME.search(name) or IDENTIFIER_NAME.search(name.lower()))
    if _is_identifier(number, values, rows, named=looks_like_id, is_text=number is None and days is None):
        found.dropped.append({"column": name, "reason": f"identifier ({values} values in {rows} rows)"})
        return
    if looks_like_id and days is None and values > MOST_LEVELS:
        _drop_code(found, name, column, values)
        return
    if days is not None:
        found.notes.append(f"{name}: a date, read as a day number")
        found.dates.append(name)
    measured = days if number is None else number
    if measured is None:
        _place_category(found, name, column, values)
    else:
        _add(found, name, pa.array(measured, pa.float64(), from_pandas=True), "number")


def _is_identifier(number: NDArray[np.float64] | None, values: int, rows: int, *, named: bool, is_text: bool) -> bool:
    if values < NEAR_UNIQUE * rows:
        return False
    if is_text:
        return True
    if number is None or not np.all(np.mod(number[~np.isnan(number)], 1) == 0):
        return False
    if named:
        return True
    steps = np.diff(number[~np.isnan(number)])
    # A whole number that rises row by row, or runs through all values without a hole, counts rows and describes nobody.
    return bool((steps > 0).all() or (steps < 0).all() or np.nanmax(number) - np.nanmin(number) + 1 == values)


def _drop_code(found: FlatColumns, name: str, column: Column, values: int) -> None:
    """An identifier with repeats: no feature; when it names a client, its rows stay together in every split."""
    if not ENTITY_NAME.search(name):
        found.dropped.append({"column": name, "reason": f"identifier with repeats ({values} values)"})
        return
    found.dropped.append({"column": name, "reason": f"repeated identifier ({values} values); its rows stay on one side of every split"})
    codes = numbers(compute.cast(compute.dictionary_encode(compute.fill_null(column, "")).combine_chunks().indices, pa.int64()))
    if found.groups is None or values > int(found.groups.max()) + 1:
        found.groups, found.grouped_by = codes.astype(np.intp), name


def _place_category(found: FlatColumns, name: str, column: Column, values: int) -> None:
    if values <= MOST_LEVELS and values <= max(10, len(column) // 20):
        _add(found, name, column, "category")
        return
    counted = compute.value_counts(column.drop_null())
    count = numbers(counted.field("counts"))
    frequent = count >= max(LEVEL_ROWS, LEVEL_SHARE * len(column))
    cover = float(count[frequent].sum()) / len(column)
    if cover < LEVEL_COVER:
        found.dropped.append({"column": name, "reason": f"free text ({values} values, the frequent ones cover {cover:.0%} of rows)"})
        return
    levels = counted.field("values").filter(pa.array(frequent))
    found.notes.append(f"{name}: {int(frequent.sum())} frequent values of {values} are kept, the others are treated as missing")
    _add(found, name, compute.if_else(compute.is_in(column, value_set=levels), column, pa.scalar(None, pa.string())), "category")


def _add(found: FlatColumns, name: str, column: Column, kind: str) -> None:
    # The file may have a column named as the table's own key.
    feature = ModelFeature(name if name != "client_id" else "client_id (file)", "category" if kind == "category" else "number", family=name)
    found.table = found.table.append_column(feature.name, column)
    found.features.append(feature)


def _cast(text: Column) -> NDArray[np.float64]:
    return numbers(compute.cast(text, pa.float64()))


def _plain(column: Column) -> Column:
    return compute.replace_substring_regex(column, r"^\+", "")


def _comma(column: Column) -> Column:
    return compute.replace_substring(_plain(column), ",", ".")


def _grouped(column: Column) -> Column:
    return compute.replace_substring_regex(_plain(column), r"[,\x{00a0}\x{202f}' ]", "")


def _affixed(column: Column) -> Column:
    return _plain(compute.replace_substring_regex(column, r"[%$€£\s]", ""))


_READINGS: tuple[tuple[str, Callable[[Column], Column]], ...] = (
    (NUMBER, _plain), (rf"{NUMBER}|{GROUPED_NUMBER}", _grouped), (COMMA_NUMBER, _comma), (AFFIXED_NUMBER, _affixed),
)  # fmt: skip
