"""The mapping file: what it may say, and what is answered when it says something else."""

from pathlib import Path

import pytest

from bankseg.domain.errors import ConfigurationError
from bankseg.ingest.expression import checked_expression
from bankseg.ingest.mapping import load_mapping
from tests.ingest.intake import MAPPING

FAULTS = {
    "no such key": (MAPPING.replace("[bank]", '[bank]\ncolour = "red"'), ["bank.colour", "only the keys"]),
    "no such table": (MAPPING.replace('"accounts"', '"acounts"'), ["extract.2", "no canonical table 'acounts'"]),
    "no such column": (MAPPING.replace("closed_on =", "shut_on ="), ["extract.2", "no column 'shut_on'"]),
    "required column left out": (MAPPING.replace('product = "product"\n', ""), ["needs a source for product"]),
    "two origins": (MAPPING.replace('amount = "amount"', 'amount = { column = "a", constant = 1 }'), ["amount", "exactly one of"]),
    "unknown code list": (MAPPING.replace('product = "product"', 'product = { column = "p", codes = "x" }'), ["[codes.x]"]),
    "code that leads nowhere": (
        MAPPING.replace('product = "product"', 'product = { column = "p", codes = "x" }') + '[codes.x]\nA = "currant_account"\n',
        ["'currant_account'", "current_account"],
    ),
    "unknown encoding": (MAPPING.replace("[defaults]", '[defaults]\nencoding = "utf-9"'), ["encoding", "'utf-9'"]),
    "same separators": (MAPPING.replace("[defaults]", '[defaults]\ndecimal = ","\nthousands = ","'), ["separators are the same"]),
    "path outside": (MAPPING.replace("tx*.csv", "../tx*.csv"), ["files", "stay inside"]),
    "unsafe expression": (MAPPING.replace('amount = "amount"', "amount = { expr = \"read_text('/etc/passwd')\" }"), ["amount", "not allowed"]),
    "not TOML": ("[bank\n", ["not TOML"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_mapping_is_answered_with_file_key_found_and_expected(tmp_path: Path, name: str) -> None:
    text, words = FAULTS[name]
    path = tmp_path / "our_mapping.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)

    assert "our_mapping.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_mapping(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "mappings").glob("*.toml")), ids=lambda path: path.name)
def test_every_mapping_that_is_shipped_can_be_read(path: Path) -> None:
    assert load_mapping(path).extract


@pytest.mark.parametrize(
    "source",
    ["(SELECT 1)", "getenv('HOME')", "read_csv('x')", "a; DROP TABLE staged", "count(*)", "t.secret", "sum(a) OVER ()", "'x' IN (SELECT 1)", "x" * 3000],
)
def test_an_expression_outside_the_allow_list_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed|cannot be read|without a table|longer"):
        checked_expression(source)
