"""A scheme read on a roll: counts, lists, movements and the Python reader say the same."""

import random
from datetime import date
from importlib.resources import files

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from bankseg.domain import segment_rules
from bankseg.domain.errors import ArtefactError, MissingDataError
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.schemes import parse_scheme, read_scheme
from bankseg.domain.segment_rules import holds
from bankseg.lake.roll import open_roll
from bankseg.segments.cut_points import cuts_of
from bankseg.segments.reading import Reading, listing, members, movement, placed, profile, sizes

AS_OF = date(2025, 12, 31)
EVERYONE = segment_rules.Every(())
SCHEMES = sorted(entry.name for entry in files("bankseg.policies").joinpath("schemes").iterdir() if entry.name.endswith(".toml"))
TIERS = ["platinum", "gold", "silver", None]


def row(number: int, rng: random.Random) -> dict:
    return {
        "client_id": f"C{number:04d}", "name": f"Client {number}", "rm_id": f"RM{number % 3}", "kind": rng.choice(["individual", "company"]), "tier": rng.choice(TIERS),
        "churn": rng.choice([None, rng.random()]), "value_12m_minor": rng.choice([None, rng.randint(-500, 5000)]), "balance_minor": rng.randint(0, 9999),
        "risk_band": rng.choice(["normal", "high"]), "consents_email": rng.choice([0, 1, None]), "consents_phone": rng.choice([0, 1]),
        "p:cross_sell:savings": rng.choice([None, rng.random()]), "joined_on": date(2025, rng.randint(1, 12), rng.randint(1, 28)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    rng = random.Random(5)
    return [row(number, rng) for number in range(300)]


@pytest.fixture(scope="module")
def roll(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("roll") / "roll.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return open_roll(path)


@pytest.fixture(scope="module")
def reading(roll):
    return Reading(roll, AS_OF, lambda share: cuts_of(roll, "roll", share, roll.columns), EVERYONE)


def random_rule(rng: random.Random, depth: int = 2) -> dict:
    if depth and rng.random() < 0.6:
        word = rng.choice(["all", "any", "not"])
        return {"not": random_rule(rng, depth - 1)} if word == "not" else {word: [random_rule(rng, depth - 1) for _ in range(2)]}
    return rng.choice([
        {"attribute": "tier", "in": rng.sample(["platinum", "gold", "silver"], 2)},
        {"attribute": "churn", rng.choice(["at_least", "below"]): round(rng.random(), 2)},
        {"attribute": "value_12m_minor", "between": sorted(rng.sample(range(-500, 5000), 2))},
        {"attribute": "value_12m_minor", rng.choice(["in_top_share", "in_bottom_share"]): 0.2, "within": "kind"},
        {"attribute": "joined_on", "in_last_days": rng.choice([30, 180])},
        {"attribute": rng.choice(["churn", "tier", "never_loaded"]), "is_missing": rng.random() < 0.5},
    ])  # fmt: skip


def test_the_count_is_the_number_of_rows_listed_for_500_random_rules_and_the_python_reader_agrees(reading, rows):
    rng = random.Random(11)
    for _ in range(500):
        rule = parse_rule(random_rule(rng))
        inside = reading.predicate(rule)
        listed = listing(reading, inside, ["tier"]).column("client_id").to_pylist()

        settled = reading.settled(rule)
        assert listed == [row["client_id"] for row in rows if holds(settled, row)], rule
        assert profile(reading, inside, [])["clients"] == len(listed)


def test_a_profile_adds_up_what_the_rows_say(reading, rows):
    inside = [row for row in rows if row["tier"] == "gold"]
    found = profile(reading, reading.predicate(parse_rule({"attribute": "tier", "equals": "gold"})), ["cross_sell:savings", "cross_sell:boats"])

    known = [row["churn"] for row in inside if row["churn"] is not None]
    savings = [row["p:cross_sell:savings"] for row in inside if row["p:cross_sell:savings"] is not None]
    assert (found["clients"], found["of"]) == (len(inside), len(rows))
    assert found["value_12m_minor"] == sum(row["value_12m_minor"] or 0 for row in inside)
    assert found["expected_loss_minor"] is None
    assert found["mean_churn"] == pytest.approx(sum(known) / len(known))
    assert found["propensities"] == {"cross_sell:savings": pytest.approx(sum(savings) / len(savings))}
    assert found["risk"]["high"] == sum(row["risk_band"] == "high" for row in inside)
    assert found["reachable"] == {
        "email": sum(row["consents_email"] == 1 for row in inside),
        "phone": sum(row["consents_phone"] == 1 for row in inside),
        "any": sum(row["consents_email"] == 1 or row["consents_phone"] == 1 for row in inside),
    }


def test_who_enters_and_who_leaves_against_the_version_before(reading, rows):
    before, after = ({"attribute": "tier", "in": names} for names in (["gold", "silver"], ["platinum", "gold"]))

    found = movement(reading, reading.predicate(parse_rule(after)), reading.predicate(parse_rule(before)))

    entering, leaving = ([row["client_id"] for row in rows if row["tier"] == tier] for tier in ("platinum", "silver"))
    assert (found["entering"]["clients"], found["leaving"]["clients"]) == (len(entering), len(leaving))
    assert [entry["client_id"] for entry in found["entering"]["sample"]] == entering[:10]
    assert found["leaving"]["sample"][0] == {"client_id": leaving[0], "name": f"Client {int(leaving[0][1:])}", "tier": "silver"}


def test_a_reader_counts_and_lists_only_the_clients_in_scope(roll, reading, rows):
    own = Reading(roll, AS_OF, reading.cuts, segment_rules.Test("rm_id", "equals", "RM1"))
    gold = own.predicate(parse_rule({"attribute": "tier", "equals": "gold"}))
    scheme = parse_scheme({"code": "s", "label_en": "S", "label_fr": "S", "segment": [{"code": "all", "label_en": "All", "label_fr": "Tous"}]})

    mine = [row["client_id"] for row in rows if row["rm_id"] == "RM1"]
    assert profile(own, gold, [])["of"] == len(mine)
    assert set(listing(own, gold, []).column("client_id").to_pylist()) <= set(mine)
    assert sizes(scheme, own)[0]["clients"] == len(mine)
    assert movement(own, exp.true(), exp.false())["entering"]["clients"] == len(mine)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_ready_made_scheme_places_each_client_once(reading, rows, name):
    scheme = read_scheme(files("bankseg.policies").joinpath("schemes", name).read_text(encoding="utf-8"))

    found = sizes(scheme, reading)

    assert scheme.code == name.removesuffix(".toml")
    if scheme.is_exclusive:
        assert sum(entry["clients"] for entry in found) == len(rows)
        assert sum(entry["share"] for entry in found) == pytest.approx(1)
        assert all(entry["clients"] <= entry["matching"] for entry in found)
        assert len(listing(reading, members(scheme, scheme.segments[-1], reading), [])) == found[-1]["clients"]
    else:
        assert all(entry["clients"] == entry["matching"] for entry in found)


def test_the_first_rule_that_holds_places_a_client_and_rules_never_reached_show(reading):
    segments = [
        {"code": "gold", "label_en": "G", "label_fr": "O", "when": {"attribute": "tier", "equals": "gold"}},
        {
            "code": "shadowed",
            "label_en": "S",
            "label_fr": "O",
            "when": {"all": [{"attribute": "tier", "equals": "gold"}, {"attribute": "kind", "equals": "company"}]},
        },
        {"code": "empty", "label_en": "E", "label_fr": "V", "when": {"attribute": "tier", "equals": "copper"}},
        {"code": "rest", "label_en": "R", "label_fr": "R"},
    ]
    scheme = parse_scheme({"code": "s", "label_en": "S", "label_fr": "S", "segment": segments})

    found = {entry["code"]: entry for entry in sizes(scheme, reading)}

    assert (found["shadowed"]["clients"], found["shadowed"]["matching"] > 0) == (0, True)
    assert found["empty"]["matching"] == 0
    assert placed(scheme, reading).sql("duckdb").startswith("CASE")


def test_a_missing_or_damaged_roll_is_told(tmp_path):
    with pytest.raises(MissingDataError, match="roll"):
        open_roll(tmp_path / "7" / "roll.parquet")
    damaged = tmp_path / "roll.parquet"
    damaged.write_bytes(b"PAR1 no more")
    with pytest.raises(ArtefactError, match="roll"):
        open_roll(damaged)
