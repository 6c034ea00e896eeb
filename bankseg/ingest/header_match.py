"""From a file's own look to a first proposal: how it is written, which extract it answers, which header feeds which column."""

import codecs
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files

from bankseg.domain.extracts import EXTRACTS, Extract
from bankseg.ingest.csv_file import COMMON_DELIMITERS

# Ways a day is written, tried in this order; a form is proposed when every value that looks like a day has it.
DAY_FORMS = (
    ("%Y-%m-%d", r"\d{4}-\d{2}-\d{2}"),
    ("%d/%m/%Y", r"\d{2}/\d{2}/\d{4}"),
    ("%d.%m.%Y", r"\d{2}\.\d{2}\.\d{4}"),
    ("%d-%m-%Y", r"\d{2}-\d{2}-\d{4}"),
    ("%Y/%m/%d", r"\d{4}/\d{2}/\d{2}"),
    ("%Y%m%d", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
)
USUAL_DAY_FORM = DAY_FORMS[0][0]
SAMPLE_LINES = 200


@dataclass(frozen=True, slots=True)
class Match:
    """How well a file's headers answer an extract: required columns found among them, and headers it has a use for."""

    table: str
    required_found: int
    required: int
    headers_used: int

    @property
    def rank(self) -> tuple[float, int]:
        """Best first when sorted in reverse."""
        return (self.required_found / self.required, self.headers_used)


def plain(header: str) -> str:
    """A header without case, accents and punctuation.

    Examples
    --------
    >>> plain(" Numéro du Client ")
    'numero_du_client'
    """
    letters = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", letters).strip("_")


def proposed_columns(extract: Extract, headers: Sequence[str]) -> dict[str, str]:
    """Header by canonical column, for the columns some header is known to mean.

    Examples
    --------
    >>> from bankseg.domain.extracts import EXTRACT_BY_NAME
    >>> proposed_columns(EXTRACT_BY_NAME["balances"], ("NUM_CTR", "Date solde", "SOLDE"))
    {'account_id': 'NUM_CTR', 'balance_on': 'Date solde', 'balance': 'SOLDE'}
    """
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(plain(header), header)
    known = _names_of(extract.name)
    found = {column.name: next((by_name[name] for name in known[column.name] if name in by_name), None) for column in extract.columns}
    return {name: header for name, header in found.items() if header is not None}


def matches(headers: Sequence[str]) -> list[Match]:
    """Every extract with how well the headers answer it, best first."""
    return sorted((_match(extract, headers) for extract in EXTRACTS), key=lambda match: match.rank, reverse=True)


def likely_dialect(head: str) -> dict[str, str]:
    r"""Delimiter, decimal sign and form of dates that the first lines of a text file seem to be written in.

    Examples
    --------
    >>> likely_dialect("a;b;c\n1,50;31/12/2025;x\n")
    {'delimiter': ';', 'decimal': ',', 'thousands': '', 'date_format': '%d/%m/%Y'}
    """
    lines = head.splitlines()[:SAMPLE_LINES]
    counts = {delimiter: lines[0].count(delimiter) for delimiter in COMMON_DELIMITERS} if lines else dict.fromkeys(COMMON_DELIMITERS, 0)
    delimiter = max(counts, key=lambda one: counts[one])
    values = [field.strip().strip('"') for line in lines[1:] for field in line.split(delimiter)]
    has_comma = delimiter != "," and any(re.fullmatch(r"-?[\d \u00a0\u202f]+,\d{1,3}", value) for value in values)
    has_blank = any(re.fullmatch(r"-?\d{1,3}([ \u00a0\u202f]\d{3})+([.,]\d+)?", value) for value in values)
    return {"delimiter": delimiter, "decimal": "," if has_comma else ".", "thousands": " " if has_blank else "", "date_format": day_form(values)}


def likely_encoding(head: bytes) -> str:
    """UTF-8 or UTF-16 where the bytes say so, else the encoding of western Windows."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def day_form(values: Sequence[str]) -> str:
    """The form most values that look like a day are written in."""
    counts = {form: sum(re.fullmatch(pattern, value) is not None for value in values) for form, pattern in DAY_FORMS}
    best = max(counts, key=lambda form: counts[form])
    return best if counts[best] else USUAL_DAY_FORM


def _match(extract: Extract, headers: Sequence[str]) -> Match:
    found = proposed_columns(extract, headers)
    required = [column.name for column in extract.columns if column.required]
    return Match(extract.name, sum(name in found for name in required), len(required), len(set(found.values())))


@cache
def _names_of(table: str) -> dict[str, tuple[str, ...]]:
    """Names by canonical column, its own first."""
    document = tomllib.loads(package_files("bankseg.ingest").joinpath("header_names.toml").read_text(encoding="utf-8"))
    extract = next(extract for extract in EXTRACTS if extract.name == table)
    own, anywhere = document.get(table, {}), document["any"]
    return {column.name: tuple(dict.fromkeys((column.name, *own.get(column.name, ()), *anywhere.get(column.name, ())))) for column in extract.columns}
