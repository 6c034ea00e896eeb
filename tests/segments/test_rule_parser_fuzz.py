"""The parsers of rules, schemes and own attributes on anything: they read, or refuse in our words; nothing else ever comes out."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import BanksegError, ConfigurationError
from bankseg.domain.rule_documents import document_of, parse_rule
from bankseg.domain.schemes import parse_scheme, read_scheme
from bankseg.domain.segment_rules import COMPARISONS
from bankseg.segments.custom_expression import checked

BOUNDED = settings(max_examples=400, deadline=None, derandomize=True, database=None)
WORDS = [*COMPARISONS, "attribute", "all", "any", "not", "within", "segments", "code", "kind", "rule", "name_en", "default", "churn", "tier", "exclusive"]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.sampled_from(WORDS)
JSONS = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3), max_leaves=12
)
TESTS = st.builds(lambda attribute, comparison, value: {"attribute": attribute, comparison: value}, VALUES, st.sampled_from(COMPARISONS), JSONS)
RULES = st.recursive(
    TESTS | JSONS,
    lambda inner: (
        st.builds(lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=8,
)
TYPES: dict[str, Any] = {"churn": "number", "tier": "category", "joined_on": "date", "is_vulnerable": "boolean"}
PIECES = [
    "churn", "tier", "joined_on", "is_vulnerable", "as_of", "1", "0.5", "'gold'", "+", "-", "*", "/", "%", "(", ")", ",", "and", "or", "not", "is null", "case when", "then",
    "else", "end", "in", "between", ">", "<=", "=", "select", "from", "read_csv('/etc/passwd')", ";", "--", "/*", "coalesce(", "date_diff(", "||", "::int", "\x00", '"', "'", "$1", "[", "{", "null",
    "cast(", "as", "over (", "1e999", "**", "->", "lambda x: x",
]  # fmt: skip


@BOUNDED
@given(document=RULES)
def test_any_document_is_a_rule_or_refused_in_words(document: Any) -> None:  # whatever a file holds
    try:
        rule = parse_rule(document)
    except ConfigurationError:
        return
    assert parse_rule(document_of(rule)) == rule


@BOUNDED
@given(document=st.dictionaries(st.sampled_from(WORDS), JSONS | st.lists(RULES, max_size=2), max_size=6) | JSONS)
def test_any_document_is_a_scheme_or_refused_in_words(document: Any) -> None:  # whatever a file holds
    with suppress(BanksegError):
        parse_scheme(document)


@BOUNDED
@given(
    text=st.text(max_size=120)
    | st.lists(st.sampled_from(["[", "]", "=", '"', "'", "{", "}", "\n", ".", "#", "1", "nan", "code", "segments"]), max_size=40).map("".join)
)
def test_any_text_is_a_scheme_or_refused_in_words(text: str) -> None:
    with suppress(BanksegError):
        read_scheme(text)


@BOUNDED
@given(text=st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_an_expression_or_refused_in_words(text: str) -> None:
    with suppress(BanksegError):
        checked(text, TYPES)


@pytest.mark.parametrize("depth", [200, 5_000])
def test_rules_within_rules_without_end_are_refused_in_words(depth: int) -> None:
    document: dict[str, Any] = {"attribute": "churn", "below": 0.2}
    for _ in range(depth):
        document = {"not": document}

    with pytest.raises(ConfigurationError, match="within"):
        parse_rule(document)


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "{b = " * 5_000, "[" + ".".join(["a"] * 9_000) + "]\nb = 1"])
def test_a_scheme_text_nested_without_end_is_refused_in_words(text: str) -> None:
    with pytest.raises(BanksegError):
        read_scheme(text)


@pytest.mark.parametrize("text", ["(" * 900 + "churn" + ")" * 900, "-" * 1_900 + "churn", "not " * 400 + "is_vulnerable"])
def test_an_expression_nested_without_end_is_refused_in_words(text: str) -> None:
    with pytest.raises(BanksegError):
        checked(text, TYPES)
