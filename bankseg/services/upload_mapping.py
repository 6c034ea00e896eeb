"""The mapping of an uploaded file: proposed from its headers, corrected by choices or as text, always the TOML `bankseg ingest` reads."""

import re
import tomllib
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from bankseg.domain.errors import ConfigurationError, InputError
from bankseg.domain.extracts import EXTRACT_BY_NAME, PRODUCTS, Column, Extract
from bankseg.domain.toml_text import toml_text
from bankseg.ingest.header_match import matches, plain, proposed_columns
from bankseg.ingest.mapping import Mapping, load_mapping_text
from bankseg.ingest.statement import sources_of
from bankseg.lake.declarations import read_declarations
from bankseg.settings import Settings
from bankseg.storage import import_batch

AS_IT_IS = "*"  # a column whose entry was written as text is kept
CONSTANT = "="  # before a value that every row gets
DIALECT_KEYS = ("delimiter", "encoding", "decimal", "thousands", "date_format")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose: the table, how the file is written, a source for each column, and the meaning of the bank's own codes."""

    table: str
    extract_on: date
    dialect: Dictionary[str, str]
    sources: Dictionary[str, str]  # canonical column -> header, `=value`, `*`, or empty
    codes: Dictionary[str, Dictionary[str, str]]  # canonical column -> the bank's code -> ours


def first_mapping(settings: Settings, session: Session, seen: Dictionary[str, Any], file_name: str) -> str:
    """The mapping the headers speak for, and yesterday's date or that of the last load. `Any`: JSON of a look."""
    table = matches(seen["columns"])[0].table
    last = import_batch.last_extract_on(session)
    return mapping_text(settings, proposed(table, seen, date.fromisoformat(last) if last else date.today() - timedelta(days=1)), file_name)


def proposed(table: str, seen: Dictionary[str, Any], extract_on: date) -> Choices:
    """What the headers speak for in one table; codes that are ours already mean themselves. `Any`: JSON of a look."""
    extract = EXTRACT_BY_NAME[table]
    sources = proposed_columns(extract, seen["columns"])
    codes = {column.name: _likely_codes(column, table, seen["values"].get(sources[column.name], ())) for column in extract.columns if column.name in sources}
    return Choices(table, extract_on, seen["dialect"], sources, {name: found for name, found in codes.items() if found})


def closed_values(column: Column, table: str) -> tuple[str, ...]:
    """The closed list of values a column may hold; empty when it is free."""
    return tuple(PRODUCTS) if (table, column.name) == ("accounts", "product") else column.values


def needs_codes(column: Column, table: str, values: tuple[str, ...]) -> bool:
    """Whether a bank's values of a column have to be told what they mean."""
    closed = closed_values(column, table)
    return column.type == "text" and bool(closed) and not set(values) <= set(closed)


def mapping_text(settings: Settings, choices: Choices, file_name: str, *, before: str = "") -> str:
    """The TOML of what was chosen; entries written as text in `before` are kept where the choice says so."""
    extract = _extract(choices.table)
    kept = _entries(before)
    columns: dict[str, Any] = {}
    codes: dict[str, dict[str, str]] = {}
    for column in extract.columns:
        source = choices.sources.get(column.name, "")
        if source == AS_IT_IS and column.name in kept:
            columns[column.name] = kept[column.name]
            codes |= {
                name: values for name, values in _code_lists(before).items() if isinstance(kept[column.name], dict) and kept[column.name].get("codes") == name
            }
        elif source.startswith(CONSTANT):
            columns[column.name] = {"constant": source[1:]}
        elif source and choices.codes.get(column.name):
            codes[column.name] = dict(choices.codes[column.name])
            columns[column.name] = {"column": source, "codes": column.name}
        elif source:
            columns[column.name] = source
    declared = read_declarations(settings.lake)
    document = {
        "bank": {"name": declared.bank or "bank", "currency": declared.currency or "EUR", "extract_on": choices.extract_on},
        "defaults": {key: choices.dialect[key] for key in DIALECT_KEYS if choices.dialect.get(key)},
        "codes": codes,
        "extract": [{"table": choices.table, "files": [re.sub(r"[\[\]*]", "?", file_name)], "columns": columns}],
    }
    return toml_text({name: part for name, part in document.items() if part})


def checked_mapping(text: str, headers: tuple[str, ...] = ()) -> Mapping:
    """The mapping a text holds, fit to load one uploaded file.

    Raises
    ------
    ConfigurationError
        Naming the key that is wrong.
    InputError
        When it has more than one [[extract]], joins other files, or names a column the file does not have.
    """
    mapping = load_mapping_text(text)
    extract = mapping.extract[0]
    if len(mapping.extract) != 1 or extract.join:
        raise InputError("the mapping reads more than the file that was sent", "one [[extract]] without join", "load several files by the command line")
    if mapping.bank.extract_on is None:
        raise InputError("the mapping has no extract date", "the last day the file may speak of", "set extract_on under [bank]")
    missing = sorted(sources_of(extract) - set(headers)) if headers else []
    if missing:
        raise InputError(f"the file has no column {', '.join(missing)}", f"columns among {', '.join(headers[:30])}", "choose another column")
    return mapping


def for_the_folder(text: str, data_name: str) -> str:
    """The same mapping, for the file under the name it lies under here."""
    document = tomllib.loads(text)
    document["extract"][0]["files"] = [data_name]
    return toml_text(document)


def _likely_codes(column: Column, table: str, values: tuple[str, ...]) -> dict[str, str]:
    if not needs_codes(column, table, tuple(values)):
        return {}
    known = {plain(value): value for value in closed_values(column, table)}
    return {value: known[plain(value)] for value in values if plain(value) in known}


def _extract(table: str) -> Extract:
    if table not in EXTRACT_BY_NAME:
        raise InputError(f"no extract {table[:40]!r}", ", ".join(EXTRACT_BY_NAME), "choose one of these")
    return EXTRACT_BY_NAME[table]


def _entries(text: str) -> dict[str, Any]:
    return dict(_document(text).get("extract", [{}])[0].get("columns", {}))


def _code_lists(text: str) -> dict[str, dict[str, str]]:
    return dict(_document(text).get("codes", {}))


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the mapping is not TOML: {error}", "valid TOML", "correct the line named") from error
