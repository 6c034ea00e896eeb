"""The mapping file: how a bank's own files and columns become canonical extracts."""

import codecs
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from unicodedata import normalize

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.extracts import EXTRACT_BY_NAME, PRODUCTS, Extract
from bankseg.ingest.expression import checked_expression

DEFAULT_SCORE_SCALES = {"fico": (300.0, 850.0), "internal": (1.0, 10.0)}
NATURES = Literal["deposit", "credit", "card", "investment", "insurance", "service"]
MISSING_EXTRACT_DATE = date.min


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(_Strict):
    """Rows kept: those whose column holds one of the values (or none of them)."""

    column: str
    values: tuple[str, ...] = Field(default=(), alias="in")
    but_not: tuple[str, ...] = Field(default=(), alias="not_in")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if bool(self.values) == bool(self.but_not):
            raise ValueError("give either `in` or `not_in`, with at least one value")
        return self


class Source(_Strict):
    """Where one canonical column comes from and how its text is read."""

    column: str | None = None
    constant: str | None = None
    expr: str | None = None
    row_number: bool = False
    prefix: str = ""
    codes: str | None = None
    format: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    negative_when: Condition | None = None
    absolute: bool = False
    scale: float | None = None
    minor: bool = False
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    may_be_card_number: bool = False

    @field_validator("constant", mode="before")
    @classmethod
    def _constant_as_text(cls, value: object) -> object:
        match value:
            case bool():
                return "true" if value else "false"
            case int() | float():
                return repr(value)
            case date():
                return value.isoformat()
        return value

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = [self.column is not None, self.constant is not None, self.expr is not None, self.row_number]
        if sum(origins) != 1:
            raise ValueError("give exactly one of column, constant, expr, row_number")
        if self.expr is not None:
            checked_expression(self.expr)
        return self


def _source(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


SourceField = Annotated[Source, BeforeValidator(_source)]


class Recorded(_Strict):
    """Where recorded_at comes from: a column of the file, or the event date plus a declared lag."""

    lag_days: int | None = Field(default=None, ge=0, le=366)
    column: str | None = None
    format: str | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.lag_days is None) == (self.column is None):
            raise ValueError("give either lag_days or column")
        return self


class Dialect(_Strict):
    """How a file is written; each may stand in [defaults] and again in an [[extract]]."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", " ", ".", ",", "'"] = ""
    date_format: str = "%Y-%m-%d"
    null: tuple[str, ...] = ("",)
    recorded: Recorded = Recorded(lag_days=1)

    @field_validator("encoding")
    @classmethod
    def _is_known_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as error:
            raise ValueError("no such encoding; utf-8, cp1252, iso-8859-15 and utf-16 are usual ones") from error

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, value: str) -> str:
        value = {"\\t": "\t", "tab": "\t"}.get(value, value)
        if value != "whitespace" and len(value) != 1:
            raise ValueError('one character, "tab" or "whitespace" is expected')
        return value

    @model_validator(mode="after")
    def _separators_differ(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands separators are the same")
        return self


class Join(_Strict):
    """A look-up in another file of the same directory; its columns become visible with a prefix."""

    file: str
    on: dict[str, str] = Field(min_length=1)
    where: tuple[Condition, ...] = ()
    prefix: str = Field(min_length=1)


class Attribute(_Strict):
    """Declaration of one extra column of clients that becomes a feature."""

    type: Literal["number", "category"]
    column: str | None = None
    family: str = "attributes"
    label_en: str = ""
    label_fr: str = ""
    purposes: tuple[str, ...] = ()  # none given: the feature catalogue decides, by is_protected
    is_protected: bool = False
    direction: Literal[-1, 0, 1] = 0


class Label(_Strict):
    """Declaration of a flat file's outcome column, and of what a positive outcome means for the bank."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str
    positive: tuple[str, ...] = Field(min_length=1)
    meaning: Literal["loss", "sale", "other"]
    product: str | None = None
    label_en: str = ""
    label_fr: str = ""

    @model_validator(mode="after")
    def _names_what_was_sold(self) -> Self:
        if (self.meaning == "sale") != (self.product is not None):
            raise ValueError(f"label {self.name}: `product` names what was sold when `meaning` is sale, and is left out otherwise")
        return self


class ExtractMapping(Dialect):
    """One [[extract]]: files that feed one canonical table."""

    table: str
    files: tuple[str, ...] = Field(min_length=1)
    format: Literal["csv", "parquet", "xlsx"] | None = None
    sheet: str | None = None
    names: tuple[str, ...] = ()
    may_be_empty: bool = False
    first_of_key: bool = False
    most_rejected_pct: float = Field(default=1.0, ge=0, le=100)
    where: tuple[Condition, ...] = ()
    join: tuple[Join, ...] = ()
    columns: dict[str, SourceField] = Field(min_length=1)
    observed_on: SourceField | None = None
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    label: Label | None = None

    @property
    def extract(self) -> Extract:
        """The canonical table fed."""
        return EXTRACT_BY_NAME[self.table]

    @field_validator("files")
    @classmethod
    def _stay_inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                raise ValueError("files are relative to the directory given to `bankseg ingest` and stay inside it")
        return value

    @model_validator(mode="after")
    def _fits_the_contract(self) -> Self:
        if self.table not in EXTRACT_BY_NAME:
            raise ValueError(f"no canonical table {self.table!r}; known ones are {', '.join(EXTRACT_BY_NAME)}")
        known = self.extract.column_by_name
        for name in self.columns:
            if name not in known:
                raise ValueError(f"{self.table} has no column {name!r}; its columns are {', '.join(known)}")
        missing = [column.name for column in self.extract.columns if column.required and column.name not in self.columns]
        if missing:
            raise ValueError(f"{self.table} needs a source for {', '.join(missing)}")
        if self.table != "clients" and (self.attributes or self.label or self.observed_on):
            raise ValueError("attributes, label and observed_on belong to an [[extract]] of clients")
        return self


class Bank(_Strict):
    """The [bank] section."""

    name: str = "bank"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    extract_on: date | None = None


class Mapping(_Strict):
    """A whole mapping file."""

    bank: Bank = Bank()
    products: dict[str, NATURES] = Field(default_factory=dict)
    score_scales: dict[str, tuple[float, float]] = Field(default_factory=dict)
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    extract: tuple[ExtractMapping, ...] = Field(min_length=1)

    @property
    def known_products(self) -> dict[str, str]:
        """Every product a row may name, with its nature."""
        return PRODUCTS | self.products

    @property
    def scales(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest score by source."""
        return DEFAULT_SCORE_SCALES | self.score_scales

    @model_validator(mode="after")
    def _names_known_code_lists(self) -> Self:
        for position, extract in enumerate(self.extract):
            for name, source in extract.columns.items():
                if source.codes is not None and source.codes not in self.codes:
                    raise ValueError(
                        f"extract {position + 1} ({extract.table}.{name}) names code list {source.codes!r}, but there is no [codes.{source.codes}]"
                    )
                self._gives_known_values(extract, name, source.codes)
        return self

    @model_validator(mode="after")
    def _sells_known_products(self) -> Self:
        for extract in self.extract:
            sold = extract.label.product if extract.label else None
            if sold is not None and sold not in self.known_products:
                raise ValueError(f"label product {sold!r} is unknown; it is one of {', '.join(self.known_products)}, or add it under [products]")
        return self

    def _gives_known_values(self, extract: ExtractMapping, name: str, codes: str | None) -> None:
        """Refuse a code list that leads to a value the column does not have."""
        column = extract.extract.column_by_name[name]
        values = tuple(self.known_products) if (extract.table, name) == ("accounts", "product") else column.values
        if column.type != "text" or not values:
            return
        strangers = sorted(set(self.codes.get(codes or "", {}).values()) - set(values))
        if strangers:
            raise ValueError(f"[codes.{codes}] gives {strangers[0]!r}, which {extract.table}.{name} does not have; it has {', '.join(values)}")


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises
    ------
    ConfigurationError
        Naming the file, the key, what was found and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"mapping file {path} cannot be read: {error.strerror}", "a readable TOML file", "check the path given to --mapping"
        ) from error
    except UnicodeDecodeError as error:
        raise _not_toml(f"mapping file {path.name}", error) from error
    return load_mapping_text(text, f"mapping file {path.name}")


def load_mapping_text(text: str, where: str = "the mapping") -> Mapping:
    """Check a mapping's TOML; `where` names it in what is said of it.

    Raises
    ------
    ConfigurationError
        As `load_mapping`.
    """
    try:
        document = tomllib.loads(normalize("NFC", text))
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(where, error) from error
    defaults = document.pop("defaults", {})
    extracts = document.get("extract", [])
    if isinstance(defaults, dict) and isinstance(extracts, list):
        document["extract"] = [defaults | extract if isinstance(extract, dict) else extract for extract in extracts]
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise _explained(where, error) from error


def _not_toml(where: str, error: ValueError) -> ConfigurationError:
    return ConfigurationError(f"{where} is not TOML: {error}", "valid TOML in UTF-8", "correct the line named")


def _explained(where: str, error: ValidationError) -> ConfigurationError:
    """First fault of a mapping, in words: file, key, found, expected."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in first["loc"]) or "the file as a whole"
    found = first["input"]
    shown = repr(found) if isinstance(found, str | int | float | bool) else type(found).__name__
    others = f" ({error.error_count() - 1} more after it)" if error.error_count() > 1 else ""
    expected = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            expected = "only the keys listed in docs/how-to/load-your-extracts.md; this one is not among them"
        case "missing":
            shown, expected = "nothing", "a value for this key"
    return ConfigurationError(f"{where}, key {key}: found {shown}{others}.", expected, "correct that key")
