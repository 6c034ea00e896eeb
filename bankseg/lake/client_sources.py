"""Where one client's facts are read from: the files of one bucket as SQL, each table narrowed to the client before anything else is done with it."""

import re
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

from sqlglot import exp

from bankseg.domain.extracts import EXTRACT_BY_NAME
from bankseg.lake.copies import places_to_read
from bankseg.lake.files import bucket_files, erasures_seen
from bankseg.lake.views import DIALECT, as_of_rows, balance_rows

# Tables by the SQL of one client's rows in them, `$client_id` open. Versions and buckets of the lake make it, no person does.
Sources = tuple[tuple[str, str], ...]
SQL_TYPES = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "money": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}
_COMMENT, _WORD = re.compile(r"^--.*$", re.MULTILINE), re.compile(r"\w+")


def rows_of_table(lake_root: str, table: str, version: int, bucket: int, as_of: date) -> str | None:
    """One client's rows of a table as known on a day; None when the table holds no file at all. The text is kept until a client is erased."""
    return _rows_of_table(lake_root, table, version, bucket, as_of, erasures_seen(lake_root))


@lru_cache(maxsize=4096)
def _rows_of_table(lake_root: str, table: str, version: int, bucket: int, as_of: date, seen: int) -> str | None:
    del seen  # only part of what is remembered
    held = bucket_files(lake_root, table, version)
    if not held:
        return None
    if bucket not in held:
        return no_rows(table)
    known = as_of_rows(table, places_to_read(held[bucket]), event_until=as_of, known_on=as_of)
    return known.where(exp.EQ(this=exp.column("client_id"), expression=exp.Placeholder(this="client_id"))).sql(dialect=DIALECT)


@cache
def no_rows(table: str) -> str:
    """A table without a row, with the columns it would have."""
    columns = [exp.alias_(exp.cast(exp.null(), SQL_TYPES[column.type], dialect=DIALECT), column.stored_name) for column in EXTRACT_BY_NAME[table].columns]
    return exp.select(*columns).where(exp.false()).sql(dialect=DIALECT)


@cache
def rows_of_balances() -> str:
    """One client's balances where a bank sends none: those told with its movements."""
    return balance_rows().sql(dialect=DIALECT)


@lru_cache(maxsize=4096)
def statement(name: str, sources: Sources) -> str:
    """`client_<name>.sql` over those of the sources that it names, each one read where it stands and not computed beforehand."""
    text = _COMMENT.sub("", _written(name)).strip()
    used = _words(text)
    if "balances" in used:
        used |= _words(dict(sources).get("balances", ""))
    parts = ", ".join(f"{table} AS NOT MATERIALIZED ({sql})" for table, sql in sources if table in used)
    own = text.removeprefix("WITH ")
    return f"WITH {parts}{',' if own != text else ''} {own}" if parts else text


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))


@cache
def _written(name: str) -> str:
    return files("bankseg.lake").joinpath(f"client_{name}.sql").read_text(encoding="utf-8")
