"""The page of capabilities names routes and tests that exist, and every capability once."""

import re
from pathlib import Path

from bankseg.web.policy import POLICY

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "reference" / "capabilities.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
OF_THE_DESKS = {2, *range(7, 21), 35, 38, *range(51, 64), 73, 76}


def test_every_capability_of_the_desks_is_told_once() -> None:
    numbers = [int(row[0].strip("| ")) for row in ROWS]

    assert sorted(set(numbers)) == numbers
    assert set(numbers) >= OF_THE_DESKS


def test_every_route_that_is_named_exists() -> None:
    named = {name for row in ROWS for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", row[2])}

    assert len(named) > 25
    assert named <= set(POLICY)


def test_every_test_that_is_named_exists_and_only_what_is_not_built_has_none() -> None:
    for row in ROWS:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", row[3])
        assert all((CHECKOUT / path).is_file() for path in tests), row[0]
        assert bool(tests) is not row[2].startswith("not built"), row[0]
