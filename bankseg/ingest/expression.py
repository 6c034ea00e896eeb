"""Safe expressions of a mapping file: an allow-list over the syntax tree, no subqueries, nothing that can fail a batch."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

ALLOWED_NODES: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Add, exp.Sub, exp.Mul,
    exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between,
    exp.DPipe, exp.Like, exp.Interval, exp.Var, exp.Tuple,
)  # fmt: skip
ALLOWED_FUNCTIONS = frozenset({
    "abs", "ceil", "coalesce", "concat", "contains", "day", "extract", "floor", "greatest", "if", "least", "left", "length", "lower", "lpad", "ltrim", "make_date",
    "month", "nullif", "regexp_extract", "regexp_matches", "regexp_replace", "replace", "right", "round", "rpad", "rtrim", "split_part", "starts_with",
    "strftime", "strptime", "substr", "substring", "trim", "try_strptime", "upper", "year", "last_day", "hash", "md5", "reverse", "translate",
})  # fmt: skip
# sqlglot reads some of DuckDB's functions as trees of its own; these are their names there.
FUNCTION_NODES: tuple[type[exp.Expr], ...] = (
    exp.Abs, exp.Ceil, exp.Coalesce, exp.Concat, exp.Contains, exp.Day, exp.Floor, exp.Greatest, exp.Least, exp.Left, exp.Length, exp.Lower, exp.Pad,
    exp.DateFromParts, exp.Month, exp.Nullif, exp.RegexpExtract, exp.RegexpLike, exp.RegexpReplace, exp.Replace, exp.Right, exp.Round, exp.SplitPart,
    exp.StartsWith, exp.TimeToStr, exp.StrToTime, exp.Substring, exp.Trim, exp.Upper, exp.Year, exp.LastDay, exp.MD5, exp.Reverse, exp.Translate,
)  # fmt: skip
MOST_CHARACTERS = 2_000


def checked_expression(source: str) -> exp.Expr:
    """The expression's tree.

    Raises
    ------
    ValueError
        When it cannot be read or uses anything outside the allow-list.
    """
    if len(source) > MOST_CHARACTERS:
        raise ValueError(f"expression longer than {MOST_CHARACTERS} characters")
    try:
        tree = sqlglot.parse_one(source, dialect="duckdb")
    except SqlglotError as error:
        raise ValueError(f"expression cannot be read: {str(error).splitlines()[0]}") from error
    for node in tree.walk():
        _refuse_unsafe(node)
    return tree


def columns_of(source: str) -> set[str]:
    """Source columns an expression reads."""
    return {column.name for column in checked_expression(source).find_all(exp.Column)}


def unfailing(source: str) -> exp.Expr:
    """The expression so written that a value it cannot handle gives null instead of stopping the batch."""
    return exp.Anonymous(this="TRY", expressions=[checked_expression(source).copy()])


def _refuse_unsafe(node: exp.Expr) -> None:
    match node:
        case exp.Column() if node.args.get("table") is not None:
            raise ValueError(f"expression names {node.sql()}: columns are written without a table")
        case exp.Anonymous() if node.name.lower() in ALLOWED_FUNCTIONS:
            return
        case _ if isinstance(node, ALLOWED_NODES + FUNCTION_NODES):
            return
    shown = node.name if isinstance(node, exp.Anonymous) else node.sql(dialect="duckdb")
    raise ValueError(f"expression uses {shown[:60]!r}, which is not allowed; allowed functions are {', '.join(sorted(ALLOWED_FUNCTIONS))}")
