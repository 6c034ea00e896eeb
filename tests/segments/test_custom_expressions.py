"""Own attributes: what the language takes and refuses, and that SQL and the plain reader give the same value for the same client."""

import random
from datetime import date, timedelta

import pyarrow as pa
import pytest

from bankseg.domain.errors import InputError
from bankseg.lake.analysis import Analysis
from bankseg.segments.custom_expression import checked
from bankseg.segments.custom_readers import as_sql, value_for

AS_OF = date(2025, 12, 31)
TYPES = {
    "value": "number",
    "balance": "number",
    "visits": "number",
    "tier": "category",
    "kind": "category",
    "joined_on": "date",
    "seen_on": "date",
    "is_vip": "boolean",
}
SCHEMA = pa.schema([
    ("place", pa.int64()), ("value", pa.int64()), ("balance", pa.int64()), ("visits", pa.float64()), ("tier", pa.string()), ("kind", pa.string()), ("joined_on", pa.date32()),
    ("seen_on", pa.date32()), ("is_vip", pa.bool_()),
])  # fmt: skip


def clients(rng: random.Random, count: int) -> list[dict]:
    def perhaps(value):
        return None if rng.random() < 0.25 else value

    def day():
        return AS_OF - timedelta(days=rng.randint(0, 3000))

    return [
        {"place": place, "value": perhaps(rng.choice([0, -5, rng.randint(-(10**6), 10**6), 10**15])), "balance": perhaps(rng.randint(-3, 3)),
         "visits": perhaps(rng.choice([0.0, 1.5, rng.random() * 10])), "tier": perhaps(rng.choice(["gold", "silver", ""])), "kind": perhaps(rng.choice(["gold", "firm"])),
         "joined_on": perhaps(day()), "seen_on": perhaps(day()), "is_vip": perhaps(rng.random() < 0.5)}
        for place in range(count)
    ]  # fmt: skip


def number(rng: random.Random, depth: int) -> str:
    if not depth or rng.random() < 0.2:
        return rng.choice(["value", "balance", "visits", "0", "1", "2.5", "1e12", "(as_of - joined_on)", "nullif(1, 1)"])
    left, right = number(rng, depth - 1), number(rng, depth - 1)
    return rng.choice([
        f"({left} {rng.choice('+-*/')} {right})", f"abs({left})", f"-({left})", f"floor({left})", f"ceil({left})", f"coalesce({left}, {right})", f"least({left}, {right}, 3)",
        f"greatest({left}, {right})", f"nullif({left}, {right})", f"case when {truth(rng, depth - 1)} then {left} when {truth(rng, depth - 1)} then 7 else {right} end",
        f"case when {truth(rng, depth - 1)} then {left} end",
    ])  # fmt: skip


def truth(rng: random.Random, depth: int) -> str:
    if not depth or rng.random() < 0.3:
        return rng.choice([
            "is_vip", "true", "tier = 'gold'", "tier in ('gold', 'silver')", "tier in ('gold', null)", "tier = kind", "joined_on > date '2022-06-30'", "seen_on between joined_on and as_of",
            "value between 0 and 10", "visits is null", "tier is not null", "balance <> 0", "not is_vip",
        ])  # fmt: skip
    kind = rng.random()
    if kind < 0.4:
        return f"({truth(rng, depth - 1)} {rng.choice(['and', 'or'])} {truth(rng, depth - 1)})"
    if kind < 0.6:
        return f"(not {truth(rng, depth - 1)})"
    return f"({number(rng, depth - 1)} {rng.choice(['<', '<=', '>', '>=', '=', '<>'])} {number(rng, depth - 1)})"


def same(one, other) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    return one == other and type(one) is type(other)


def test_sql_and_the_plain_reader_agree_on_hundreds_of_random_expressions_nulls_included():
    rng = random.Random(20251231)
    rows = clients(rng, 60)
    texts = (rng.choice([number, truth])(rng, 3) for _ in range(600))
    tried = [checked(text, TYPES) for text in texts if any(name in text for name in TYPES)]
    assert len(tried) > 400
    with Analysis() as analysis:
        analysis.register("roll", pa.Table.from_pylist(rows, schema=SCHEMA))
        for start in range(0, len(tried), 50):
            part = tried[start : start + 50]
            columns = ", ".join(f"{as_sql(one, AS_OF, TYPES)} AS e{place}" for place, one in enumerate(part))
            found = analysis.arrow(f"SELECT place, {columns} FROM roll ORDER BY place")  # noqa: S608  # the text under test
            for place, one in enumerate(part):
                for row, value in zip(rows, found.column(f"e{place}").to_pylist(), strict=True):
                    assert same(value, value_for(one, row, AS_OF)), (one.text, row, value)


@pytest.mark.parametrize(
    ("text", "type_", "reads"),
    [
        ("value / nullif(balance, 0)", "number", {"value", "balance"}),
        ("(as_of - joined_on) / 365.25", "number", {"joined_on"}),
        ("tier = 'gold' and value > 0", "boolean", {"tier", "value"}),
        ("case when value > 0 then 'earns' else 'costs' end", "category", {"value"}),
        ("coalesce(seen_on, joined_on)", "date", {"seen_on", "joined_on"}),
    ],
)
def test_an_expression_has_a_type_and_says_what_it_reads(text, type_, reads):
    found = checked(text, TYPES)

    assert (found.type, found.reads) == (type_, reads)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "0 characters"),
        ("value + tier", "'tier' is a category"),
        ("value + ", "cannot be read"),
        ("salary * 2", "'salary' is no attribute"),
        ("roll.value", "'roll.value' is no attribute"),
        ("(select max(value) from roll)", "not part of the language"),
        ("value in (select value from roll)", "a list of values"),
        ("read_csv('/etc/passwd')", "not part of the language"),
        ("getenv('HOME')", "not part of the language"),
        ("sum(value)", "not part of the language"),
        ("random() * value", "not part of the language"),
        ("value; drop table roll", "2 expressions"),
        ("cast(tier as integer)", "changes a type"),
        ("tier < 'gold'", "puts category together"),
        ("tier || kind", "not part of the language"),
        ("value = 'x'", "together"),
        ("case value when 1 then 2 end", "names a value first"),
        ("value > 1e99", "the number 1e99"),
        ("joined_on > date 'soon'", "the date 'soon'"),
        ("null + 1", "reads no attribute"),
        ("null", "always missing"),
        ("1 + 1", "reads no attribute"),
        ("value is true", "is null or is not null"),
        ("+".join(["value"] * 100), "too long"),
        ("v" * 1001, "1001 characters"),
    ],
)
def test_everything_else_is_refused_in_words(text, told):
    with pytest.raises(InputError, match=r".") as refused:
        checked(text, TYPES)

    assert told in str(refused.value)


def test_hand_counted_values():
    client = {"value": 10, "balance": 0, "visits": None, "tier": "gold", "joined_on": date(2025, 12, 1)}

    for text, value in (
        ("value / balance", None), ("value + visits", None), ("coalesce(visits, value) * 2", 20.0), ("as_of - joined_on", 30.0), ("greatest(value, visits, 3)", 10.0),
        ("visits > 1 or tier = 'gold'", True), ("visits > 1 and tier = 'gold'", None), ("visits > 1 and tier = 'silver'", False), ("floor(-value / 4)", -3.0),
    ):  # fmt: skip
        assert value_for(checked(text, TYPES), client, AS_OF) == value
