"""Point-in-time views: what was known of each table on a day, and nothing later.

Feature SQL can only name these views, so `event <= as_of` and `recorded <= as_of` hold by construction.
Outcome views (`outcome_<table>`) reach to the end of the outcome window and are given to labels alone.
"""

from datetime import UTC, date, datetime, time, timedelta

from sqlglot import exp

from bankseg.domain.extracts import BALANCE_AFTER, EXTRACT_BY_NAME, RECORDED_AT, RECORDED_UNTIL, Extract

DIALECT = "duckdb"


def as_of_view(table: str, paths: tuple[str, ...], *, event_until: date, known_on: date, prefix: str = "") -> str:
    """SQL that creates the view of one table.

    Parameters
    ----------
    paths
        Parquet files to read.
    event_until
        Last day on which a fact may have happened; columns learned later show null.
    known_on
        Last day on which the bank may have learned it.
    """
    return _create(f"{prefix}{table}", as_of_rows(table, paths, event_until=event_until, known_on=known_on))


def as_of_rows(table: str, paths: tuple[str, ...], *, event_until: date, known_on: date) -> exp.Select:
    """The rows of that view."""
    extract = EXTRACT_BY_NAME[table]
    visible = exp.and_(*_visibility(extract, event_until, known_on))
    return exp.select(*_projections(extract, event_until)).from_(_parquet(paths)).where(visible)


def balances_from_transactions(prefix: str = "", *, are_known: bool = True) -> str:
    """SQL that creates `balances` from the balance after each movement, for banks that send no balance extract; without a row where no movement says one."""
    rows = balance_rows(prefix)
    return _create(f"{prefix}balances", rows if are_known else rows.where(exp.false()))


def balance_rows(prefix: str = "") -> exp.Select:
    """The rows of that view."""
    select = exp.select(
        "account_id",
        "client_id",
        exp.alias_(exp.column("booked_on"), "balance_on"),
        exp.alias_(exp.func("arg_max", exp.column(BALANCE_AFTER), exp.column("transaction_id"), dialect=DIALECT), "balance_minor"),
        exp.alias_(exp.func("any_value", exp.column("currency"), dialect=DIALECT), "currency"),
    )
    select = select.from_(exp.to_table(f"{prefix}transactions")).where(exp.column(BALANCE_AFTER).is_(exp.null()).not_())
    return select.group_by("account_id", "client_id", "booked_on")


def instant_after(day: date) -> datetime:
    """Midnight UTC that ends `day`: what was recorded before it was known on that day."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)


def _create(name: str, select: exp.Select) -> str:
    return exp.Create(this=exp.to_table(name), kind="VIEW", expression=select).sql(dialect=DIALECT).replace("CREATE VIEW", "CREATE TEMP VIEW", 1)


def _parquet(paths: tuple[str, ...]) -> exp.Expr:
    files = exp.Array(expressions=[exp.Literal.string(path) for path in paths])
    hive = exp.PropertyEQ(this=exp.to_identifier("hive_partitioning"), expression=exp.false())
    return exp.Table(this=exp.Anonymous(this="read_parquet", expressions=[files, hive]))


def _date(day: date) -> exp.Expr:
    return exp.cast(exp.Literal.string(day.isoformat()), "date")


def _instant(moment: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(moment.isoformat(sep=" ")), "timestamptz")


def _visibility(extract: Extract, event_until: date, known_on: date) -> list[exp.Expr]:
    known_before = _instant(instant_after(known_on))
    still_open = exp.or_(exp.column(RECORDED_UNTIL).is_(exp.null()), exp.GTE(this=exp.column(RECORDED_UNTIL), expression=known_before.copy()))
    return [
        exp.LTE(this=exp.column(extract.event_on), expression=_date(event_until)),
        exp.LT(this=exp.column(RECORDED_AT), expression=known_before),
        exp.paren(still_open),
    ]


def _projections(extract: Extract, event_until: date) -> list[exp.Expr]:
    projections: list[exp.Expr] = []
    for column in extract.columns:
        source = exp.column(column.stored_name)
        if column.learned_on is None:
            projections.append(source)
            continue
        learned = exp.LTE(this=exp.column(column.learned_on), expression=_date(event_until))
        projections.append(exp.alias_(exp.Case().when(learned, source), column.stored_name))
    return projections
