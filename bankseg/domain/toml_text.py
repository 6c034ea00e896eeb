"""Nested dictionaries as TOML text that people may read and keep: what `tomllib` reads, written."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Tables under this many names are written on one line, as people write the columns of a mapping.
INLINE_FROM = 2


def toml_text(document: Mapping[str, Any]) -> str:
    """The TOML of a document of texts, numbers, dates, lists and tables. `Any`: such a value.

    Examples
    --------
    >>> print(toml_text({"bank": {"name": "A"}, "extract": [{"table": "clients", "columns": {"kind": {"constant": "public"}}}]}))
    [bank]
    name = "A"
    <BLANKLINE>
    [[extract]]
    table = "clients"
    <BLANKLINE>
    [extract.columns]
    kind = { constant = "public" }
    <BLANKLINE>
    """
    return "\n".join(_table((), document)).lstrip("\n") + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> list[str]:
    tables = {key: value for key, value in table.items() if _is_table(value) and len(path) < INLINE_FROM}
    lists = {key: value for key, value in table.items() if _is_list_of_tables(value) and len(path) < INLINE_FROM}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if key not in tables and key not in lists]
    for key, value in tables.items():
        name = (*path, key)
        lines += ["", f"[{'.'.join(map(_key, name))}]", *_table(name, value)]
    for key, entries in lists.items():
        name = (*path, key)
        for entry in entries:
            lines += ["", f"[[{'.'.join(map(_key, name))}]]", *_table(name, entry)]
    return lines


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case date():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }" if value else "{}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return _text(str(value))
