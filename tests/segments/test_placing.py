"""Clients placed bucket by bucket, by cuts found over everybody first, are those placed all at once, to the byte."""

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bankseg.lake.parquet import digest_of, write_whole
from bankseg.segments.assign import Assignment, Cuts, Inputs, Placed, assign, cuts_of, place
from tests.segments.book import Book

SAVINGS = "p:cross_sell:savings"


def drawn(number: int) -> dict[str, Any]:
    random.seed(number)
    churn = random.random() if number % 7 else None
    return {
        "kind": "individual" if number % 5 else "firm",
        "status": "active" if number % 11 else "prospect",
        "interest_margin_12m_minor": None if number % 13 == 0 else random.randrange(-50_000, 900_000),
        "exposure_minor": random.randrange(0, 2_000_000),
        "arrears_minor": random.choice([0, 0, 20_000, 90_000]),
        "days_past_due": random.choice([None, 0, 12, 45, 95]),
        "recency_days": random.choice([None, 1, 20, 100, 400]),
        "active_days_365d": random.randrange(0, 300),
        "credit_minor_365d": random.randrange(0, 5_000_000),
        "churn": churn,
        "churn_target": None if churn is None else "churn:left",
        "churn_reasons": None if churn is None else "[]",
        SAVINGS: random.random() if number % 3 else None,
        "p:cross_sell:personal_loan": random.random(),
        "consents_email": number % 2,
        "balance_minor": random.randrange(0, 10_000_000),
    }


def by_bucket(book: Book, inputs: Inputs, cuts: Cuts, folder: Path) -> Assignment:
    parts = [folder / f"placed={number}.parquet" for number in range(len(inputs.scores))]
    for part, scores in zip(parts, inputs.scores, strict=True):
        alone = replace(inputs, scores=[scores], roll=None, described=(), cuts=None)
        assert place(book.policy, alone, cuts, part) == pq.read_metadata(scores).num_rows
    return assign(book.policy, replace(inputs, placed=Placed(cuts, parts)))


def digest(folder: Path, found: Assignment, roll: Path) -> str:
    for name in ("clients", "offers", "cases"):
        write_whole(getattr(found, name), folder / f"{name}.parquet")
    return digest_of([*(folder / f"{name}.parquet" for name in ("clients", "offers", "cases")), roll])


@pytest.mark.parametrize("is_reference", [True, False])
def test_every_byte_is_the_same(tmp_path: Path, *, is_reference: bool) -> None:
    book = Book(tmp_path)
    before = {f"C{number:05d}": tier for number, tier in enumerate(["platinum", "gold", "silver", "bronze"] * 40)}
    inputs = book.inputs([drawn(number) for number in range(400)], files=4, tiers_before=before)
    write_whole(
        pq.read_table(inputs.scores[2], partitioning=None).drop_columns([SAVINGS, "balance_minor"]), Path(inputs.scores[2])
    )  # a bucket's file may lack columns
    described = tmp_path / "described.parquet"
    write_whole(pq.read_table(inputs.scores[0], columns=["client_id"], partitioning=None), described)
    inputs = replace(inputs, described=[described])
    if not is_reference:
        inputs = replace(inputs, cuts=cuts_of(book.policy, replace(inputs, scores=inputs.scores[:2])).points)

    whole = assign(book.policy, replace(inputs, roll=tmp_path / "whole" / "roll.parquet"))
    cuts = cuts_of(book.policy, inputs)
    parts = by_bucket(book, replace(inputs, roll=tmp_path / "parts" / "roll.parquet"), cuts, tmp_path)

    assert parts.clients.equals(whole.clients)
    assert digest(tmp_path / "parts", parts, tmp_path / "parts" / "roll.parquet") == digest(tmp_path / "whole", whole, tmp_path / "whole" / "roll.parquet")
    assert parts.cuts == whole.cuts
    assert parts.summary["segments"].keys() == whole.summary["segments"].keys()
    assert parts.summary["grid"] == whole.summary["grid"]
    assert parts.summary["coverage"] == whole.summary["coverage"]
    assert len(set(whole.clients.column("segment").to_pylist())) > 3
    assert len(set(whole.clients.column("churn_band").to_pylist())) == 4


def test_a_book_that_nobody_scored_has_no_churn_cuts(tmp_path: Path) -> None:
    book = Book(tmp_path)
    inputs = book.inputs([{**drawn(number), "churn": None} for number in range(20)], files=2)

    cuts = cuts_of(book.policy, inputs)

    assert (cuts.high, cuts.medium) == (None, None)
    assert set(by_bucket(book, inputs, cuts, tmp_path).clients.column("churn_band").to_pylist()) == {"not_scored"}


def test_cuts_survive_being_written_as_json(tmp_path: Path) -> None:
    cuts = cuts_of(Book(tmp_path).policy, Book(tmp_path).inputs([drawn(number) for number in range(60)]))

    assert Cuts(**json.loads(json.dumps(asdict(cuts)))) == cuts
    assert list(Cuts(**json.loads(json.dumps(asdict(cuts)))).columns) == list(cuts.columns)
