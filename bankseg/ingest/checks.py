"""The contract of every canonical column as an ordered list of checks; a row fails by the first that holds."""

from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from bankseg.domain.extracts import BANK_INITIATED_TYPES, MONEY_LIMIT, Column, Extract
from bankseg.ingest.mapping import ExtractMapping, Mapping, Source
from bankseg.ingest.normalise import Reading
from bankseg.ingest.sql import Sql, both, call, case, cast, either, is_not_null, is_null, matches, name, number, one_of, text
from bankseg.ingest.traits import MOST_ID_CHARACTERS, MOST_TEXT_CHARACTERS, Trait

MINOR_UNITS = 100
EARLIEST = date(1900, 1, 1)
NEVER = date(9000, 1, 1)
NOT_FINITE = r"[+-]?(nan|inf|infinity|\+?1\.#(inf|ind|qnan))"
# Cc without tab, line feed and carriage return; bidirectional overrides and zero-width characters.
FORBIDDEN = (
    "(?s).*[\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F-\\x{9F}\\x{061C}\\x{FEFF}\\x{200B}\\x{200E}\\x{200F}\\x{202A}-\\x{202E}\\x{2060}\\x{2066}-\\x{2069}].*"
)
# Dates that may lie after the extract's own date: they are plans, not facts.
PLANNED = ("maturity_on",)
# Movements whose sign is certain: the others may be sent back (a refund, a returned cheque).
NEVER_NEGATIVE, NEVER_POSITIVE = ("salary", "pension", "cash_deposit"), ("cash_withdrawal",)
# The later date of each pair may not come before the earlier.
ORDERED_DATES = {
    "clients": (("birth_on", "joined_on"),),
    "accounts": (("opened_on", "closed_on"), ("opened_on", "maturity_on")),
    "interactions": (("occurred_on", "resolved_on"),),
    "campaign_contacts": (("contacted_on", "responded_on"),),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One way a row may break the contract."""

    column: str
    reason: str
    about: str
    fails: Sql
    is_implied: bool = False  # whenever it fails a later check fails too


def raw_name(column: str) -> str:
    """Name under which a canonical column's own text travels through the statement."""
    return f"raw:{column}"


def checks_of(mapping: Mapping, extract_mapping: ExtractMapping, reading: Reading, extract_on: date) -> list[Check]:
    """Every check of an extract that a row may fail, in the order in which they are tried."""
    extract = extract_mapping.extract
    mapped = [column for column in extract.columns if column.name in extract_mapping.columns]
    checks: list[Check] = []
    for column in mapped:
        checks += _of_column(column, mapping, extract_mapping, reading, extract_on)
    checks += _of_owner(extract, extract_mapping)
    checks += _of_order(extract, {column.name for column in mapped})
    checks += _of_currency(extract, extract_mapping, mapping.bank.currency)
    if extract.name == "credit_scores":
        checks += _of_scales(mapping)
    if extract.name == "transactions":
        checks += _of_life() + _of_sign()
    return checks


def _of_column(column: Column, mapping: Mapping, extract_mapping: ExtractMapping, reading: Reading, extract_on: date) -> list[Check]:
    raw, value = name(raw_name(column.name)), name(column.stored_name)
    checks = []
    if column.required and _may_be_missing(extract_mapping.columns[column.name], reading):
        checks.append(Check(column.name, "missing", "a value is required", is_null(raw)))
    match column.type:
        case "text":
            checks += _of_text(column, mapping, extract_mapping, reading)
        case "date":
            checks += _of_date(column, raw, value, extract_on)
        case "boolean":
            checks.append(Check(column.name, "unparsable_boolean", "neither a yes nor a no of the mapping", both(is_not_null(raw), is_null(value))))
        case _:
            checks += _of_number(column, raw, value)
    return checks


def _may_be_missing(source: Source, reading: Reading) -> bool:
    has_other_words = reading.dialect.null not in ((), ("",))
    return has_other_words or any(_may_be(source, trait, reading) for trait in (Trait.MISSING, Trait.PADDED))


def _may_be(source: Source, trait: Trait, reading: Reading) -> bool:
    """Whether the text a column is made from may have a trait; what is computed or prefixed is not known by its source."""
    return source.column is None or bool(source.prefix) or reading.may_be(source.column, trait)


def _of_text(column: Column, mapping: Mapping, extract_mapping: ExtractMapping, reading: Reading) -> list[Check]:
    source, raw, value = extract_mapping.columns[column.name], name(raw_name(column.name)), name(column.stored_name)
    values = tuple(mapping.known_products) if column.name == "product" and extract_mapping.table == "accounts" else column.values
    if source.codes is not None:
        # The mapping's own check has seen that the code list gives none but known values.
        checks = [Check(column.name, "unknown_code", f"not in the code list {source.codes}", both(is_not_null(raw), is_null(value)))]
        return [*checks, Check(column.name, "missing", "a value is required", is_null(value))] if column.required else checks
    if values:
        return [Check(column.name, "unknown_code", f"not one of {', '.join(values)}", both(is_not_null(value), exp.Not(this=exp.paren(one_of(value, values)))))]
    return _of_free_text(column, source, reading) if source.column is not None else []


def _of_free_text(column: Column, source: Source, reading: Reading) -> list[Check]:
    raw, is_id, checks = name(raw_name(column.name)), column.name.endswith("_id"), []
    most, too_long = (MOST_ID_CHARACTERS, Trait.LONG_AS_ID) if is_id else (MOST_TEXT_CHARACTERS, Trait.LONG_AS_TEXT)
    if _may_be(source, too_long, reading):
        checks.append(Check(column.name, "text_too_long", f"longer than {most} characters", exp.GT(this=call("strlen", raw), expression=number(most))))
    if reading.is_suspicious:
        checks.append(Check(column.name, "control_character", "holds a control, bidirectional or zero-width character", matches(raw, FORBIDDEN)))
    if is_id and _may_be(source, Trait.PLUS_SIGN, reading):
        checks.append(
            Check(column.name, "scientific_notation", "an identifier that a spreadsheet has shortened; its digits are lost", call("is_scientific", raw))
        )
    if not source.may_be_card_number and _may_be(source, Trait.LONG_AS_CARD, reading):
        holds = call("is_card_number" if is_id else "holds_card_number", raw)
        checks.append(
            Check(column.name, "card_number", "holds a payment card number, which bankseg must not keep; set may_be_card_number if it is not one", holds)
        )
    return checks


def _of_date(column: Column, raw: Sql, value: Sql, extract_on: date) -> list[Check]:
    checks = [
        Check(column.name, "unparsable_date", "not a date in the declared format", both(is_not_null(raw), is_null(value))),
        Check(column.name, "date_too_early", "before 1900", exp.LT(this=value.copy(), expression=day(EARLIEST))),
        Check(column.name, "date_too_late", "a date that stands for never; leave the field empty", exp.GTE(this=value.copy(), expression=day(NEVER))),
    ]
    if column.name not in PLANNED:
        checks.append(
            Check(column.name, "after_extract_date", f"after the extract date {extract_on.isoformat()}", exp.GT(this=value.copy(), expression=day(extract_on)))
        )
    return checks


def _of_number(column: Column, raw: Sql, value: Sql) -> list[Check]:
    unread = both(is_not_null(raw), is_null(value))

    def where_unread(condition: Sql) -> Sql:
        """CASE is lazy where AND is not: the patterns are only tried on what could not be read."""
        return case([(unread, condition)], exp.false())

    huge = matches(raw, r"[+-]?[0-9 .,']{13,}")
    checks = [Check(column.name, "not_finite", "not a finite number", where_unread(matches(call("lower", raw), NOT_FINITE)), is_implied=True)]
    if column.type == "money":
        is_beyond, about = exp.GT(this=call("abs", value), expression=number(MONEY_LIMIT * MINOR_UNITS)), f"beyond {MONEY_LIMIT:,} currency units"
        checks.append(Check(column.name, "amount_too_large", about, where_unread(huge), is_implied=True))
        checks.append(Check(column.name, "amount_too_large", about, is_beyond))
    checks.append(Check(column.name, f"unparsable_{'amount' if column.type == 'money' else column.type}", "not a number in the declared form", unread))
    if column.low is not None:
        checks.append(Check(column.name, "out_of_range", f"below {column.low:g}", exp.LT(this=value.copy(), expression=number(column.low))))
    if column.high is not None:
        checks.append(Check(column.name, "out_of_range", f"above {column.high:g}", exp.GT(this=value.copy(), expression=number(column.high))))
    return checks


def _of_owner(extract: Extract, extract_mapping: ExtractMapping) -> list[Check]:
    checks = []
    if extract.owner == "account":
        checks.append(Check("account_id", "unknown_account", "no such account among those loaded", is_null(name("known_account", "account_id"))))
    if extract.name != "clients" and "client_id" in extract_mapping.columns:
        checks.append(Check("client_id", "unknown_client", "no such client among those loaded", is_null(name("known_client", "client_id"))))
    return checks


def _of_order(extract: Extract, mapped: set[str]) -> list[Check]:
    pairs = [pair for pair in ORDERED_DATES.get(extract.name, ()) if set(pair) <= mapped]
    return [Check(later, "dates_out_of_order", f"before {earlier}", exp.LT(this=name(later), expression=name(earlier))) for earlier, later in pairs]


def _of_life() -> list[Check]:
    """A movement belongs between the opening and the closing of its account; what the bank books to settle may follow the closing."""
    booked = name("booked_on")
    is_late = both(exp.GT(this=booked, expression=name("known_account", "closed_on")), exp.Not(this=one_of(name("type"), BANK_INITIATED_TYPES)))
    return [
        Check("booked_on", "before_birth", "before the birth of the client", exp.LT(this=booked.copy(), expression=name("known_account", "birth_on"))),
        Check("booked_on", "before_opening", "before the account was opened", exp.LT(this=booked.copy(), expression=name("known_account", "opened_on"))),
        Check("booked_on", "after_closing", "after the account was closed", is_late),
    ]


def _of_sign() -> list[Check]:
    amount, kind = name("amount_minor"), name("type")
    falls = both(exp.LT(this=amount, expression=number(0)), one_of(kind, NEVER_NEGATIVE))
    rises = both(exp.GT(this=amount, expression=number(0)), one_of(kind, NEVER_POSITIVE))
    return [Check("amount", "wrong_sign", "debit and credit are exchanged; set `negative_when` in the mapping", either(falls, rises))]


def _of_currency(extract: Extract, extract_mapping: ExtractMapping, home: str) -> list[Check]:
    """No two currencies are ever added up: an amount must be in its account's currency, and in the bank's, for which alone there is a rate."""
    amounts = [name(column.stored_name) for column in extract.columns if column.type == "money" and column.name in extract_mapping.columns]
    if "currency" not in extract.column_by_name or not amounts:
        return []
    checks = []
    if extract.owner == "account":
        differs = exp.NEQ(this=name("currency"), expression=name("known_account", "account_currency"))
        shown = "currency" if "currency" in extract_mapping.columns else "account_id"
        checks.append(Check(shown, "currency_mix", "not in the currency of its account", differs))
    if "currency" not in extract_mapping.columns:
        return checks
    is_foreign = both(exp.NEQ(this=name("currency"), expression=text(home)), either(*[is_not_null(amount) for amount in amounts]))
    about = f"an amount that is not in {home} and for which there is no rate; convert it before it is sent"
    return [*checks, Check("currency", "foreign_currency", about, is_foreign)]


def _of_scales(mapping: Mapping) -> list[Check]:
    checks = []
    for source, (low, high) in mapping.scales.items():
        outside = either(exp.LT(this=name("score"), expression=number(low)), exp.GT(this=name("score"), expression=number(high)))
        fails = both(exp.EQ(this=name("source"), expression=text(source)), exp.paren(outside))
        checks.append(Check("score", "score_outside_scale", f"outside the scale of {source}, {low:g} to {high:g}", fails))
    return checks


def first_fault(checks: list[Check]) -> Sql:
    """Number of the first check that fails, null for a good row.

    Whether any fails is asked of whole vectors; only the few rows of which one does are taken through the checks in order.
    """
    which = case([(check.fails, number(position)) for position, check in enumerate(checks)])
    decisive = [check.fails for check in checks if not check.is_implied]
    return cast(case([(either(*decisive), which)]) if decisive else which, "SMALLINT")


def fault_text(checks: list[Check]) -> Sql:
    """The text of the column at fault; a card number is shown by its ends only."""
    branches = []
    for position, check in enumerate(checks):
        raw = name(raw_name(check.column))
        shown = call("mask_card_number", raw) if check.reason == "card_number" else raw
        branches.append((exp.EQ(this=name("fault"), expression=number(position)), shown))
    nothing = cast(exp.Null(), "VARCHAR")
    return case([(is_null(name("fault")), nothing)], case(branches, nothing))


def day(value: date) -> Sql:
    """A date literal."""
    return cast(text(value.isoformat()), "DATE")
