from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.segments import lookalike as room
from bankseg.segments.attributes import Attribute
from bankseg.segments.inputs import usable
from bankseg.segments.lookalike import lookalikes
from tests.segments.people import EVERY, planted

PLAIN = Attribute("deposits_minor", "balance_level", "number", "minor", "Deposits", "Dépôts", "balances", ("describe", "marketing"))
CATALOGUE = {
    entry.name: entry
    for entry in (
        PLAIN, replace(PLAIN, name="sex", is_protected=True), replace(PLAIN, name="attr_religion"), replace(PLAIN, name="days_past_due", purposes=("describe", "credit_review")),
    )
}  # fmt: skip


def test_likes_of_a_seed_are_found_among_those_who_were_not_in_it():
    table, group = planted()
    seed = (group == 0) & (np.arange(1_500) % 4 == 0)

    found = lookalikes(table, seed, EVERY)
    others = ~seed

    assert found.seeds == seed.sum()
    assert found.auc > 0.75  # those of the same group outside the seed look the same, and rightly so
    assert found.similarity[others & (group == 0)].mean() > 0.4
    assert found.similarity[others & (group != 0)].max() < 0.25


def test_the_seed_sets_the_scale_half_of_it_is_very_like():
    table, group = planted()
    bands = np.array(lookalikes(table, group == 0, EVERY).band)[group == 0]

    shares = {band: (bands == band).mean() for band in ("very_like", "like", "somewhat", "unlike")}
    assert shares == {"very_like": pytest.approx(0.5, abs=0.01), "like": pytest.approx(0.25, abs=0.01), "somewhat": pytest.approx(0.15, abs=0.01), "unlike": pytest.approx(0.1, abs=0.01)}  # fmt: skip


def test_a_seed_of_chance_is_like_everyone():
    table, _ = planted()
    seed = np.random.default_rng(3).random(1_500) < 0.2

    assert lookalikes(table, seed, EVERY).auc == pytest.approx(0.5, abs=0.08)


def test_the_order_of_rows_does_not_matter():
    table, group = planted(600)
    seed, order = group == 1, np.random.default_rng(1).permutation(600)

    one, other = lookalikes(table, seed, EVERY), lookalikes(table.take(order), seed[order], EVERY)

    assert other.similarity == pytest.approx(one.similarity[order], abs=0.02)


def test_many_others_are_sampled_and_all_are_judged(monkeypatch):
    monkeypatch.setattr(room, "MOST_OTHERS", 200)
    table, group = planted(900)

    found = lookalikes(table, group == 0, EVERY)

    assert len(found.band) == 900
    assert found.auc > 0.95


def test_seeds_that_teach_nothing_are_refused():
    table, _ = planted(200)

    with pytest.raises(InputError, match="larger seed"):
        lookalikes(table, np.arange(200) < 49, EVERY)
    with pytest.raises(InputError, match="wider base"):
        lookalikes(table, np.ones(200, dtype=bool), EVERY)
    with pytest.raises(MissingDataError):
        lookalikes(pa.table({"client_id": table.column("client_id")}), np.arange(200) < 100, EVERY)


@pytest.mark.parametrize("name", ["sex", "attr_religion", "days_past_due", "never_heard_of"])
def test_protected_barred_foreign_and_unknown_attributes_are_refused_by_name(name):
    with pytest.raises(InputError, match=name):
        usable(["deposits_minor", name], CATALOGUE, "marketing", barred=["religion"])


def test_free_attributes_pass_and_a_protected_one_does_not_even_to_describe():
    assert usable(["deposits_minor"], CATALOGUE, "marketing") == ("deposits_minor",)
    assert usable(["days_past_due"], CATALOGUE, "credit_review") == ("days_past_due",)
    with pytest.raises(InputError):
        usable(["sex"], CATALOGUE, "describe")


def test_who_is_only_scored_is_no_example_of_who_is_unlike_the_seed():
    table, group = planted()
    savers = group == 0
    seed = savers & (np.arange(len(group)) % 2 == 0)
    prospects = savers & ~seed  # as like the seed as can be

    learned_from = lookalikes(table, seed, EVERY)
    only_scored = lookalikes(table, seed, EVERY, only_scored=prospects)

    assert only_scored.auc > learned_from.auc
    assert np.median(only_scored.similarity[prospects]) == pytest.approx(0.5, abs=0.1)
