"""Ways to part the clients, crossed: every cell is counted once, ranked over the whole book and listed within the reader's scope."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.schemes import parse_scheme
from bankseg.domain.segment_rules import Every
from bankseg.lake.roll import Roll
from bankseg.segments import places
from bankseg.segments.crossing import Condition, chosen, counted_where, crossed
from bankseg.segments.pmg import pmg
from bankseg.segments.reading import Reading

EVERYONE = Every(())
MINE = parse_rule({"attribute": "rm_id", "equals": "RM1"})
ROWS = [
    {"client_id": "A", "rm_id": "RM1", "kind": "individual", "tier": "gold", "value_12m_minor": 50, "churn": 0.2, "age_years": 17, "recency_score": 5, "frequency_score": 5, "monetary_score": 4},
    {"client_id": "B", "rm_id": "RM2", "kind": "individual", "tier": "gold", "value_12m_minor": 30, "churn": 0.4, "age_years": 18, "recency_score": 1, "frequency_score": None, "monetary_score": 2},
    {"client_id": "C", "rm_id": "RM1", "kind": "individual", "tier": None, "value_12m_minor": None, "churn": None, "age_years": None, "recency_score": None, "frequency_score": 1, "monetary_score": 1},
    {"client_id": "D", "rm_id": "RM1", "kind": "company", "tier": "silver", "value_12m_minor": -7, "churn": 0.1, "age_years": 80, "recency_score": 3, "frequency_score": 2, "monetary_score": 3},
]  # fmt: skip


def reading_of(rows, folder, scope=EVERYONE):
    path = folder / "roll.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return Reading(Roll(path), date(2025, 12, 31), lambda _: {}, scope)


@pytest.fixture
def reading(tmp_path):
    return reading_of(ROWS, tmp_path)


def codes(reading, place):
    return {cell["row"]: cell["clients"] for cell in crossed(reading, place)}


def test_every_cell_has_its_clients_value_and_churn_and_nobody_valued_is_no_zero(reading):
    cells = {(cell["row"], cell["column"]): cell for cell in crossed(reading, places.of_attribute("tier"), places.of_attribute("kind"))}

    assert set(cells) == {("gold", "individual"), (None, "individual"), ("silver", "company")}
    assert (cells["gold", "individual"]["clients"], cells["gold", "individual"]["value_12m_minor"]) == (2, 80)
    assert cells["gold", "individual"]["mean_churn"] == pytest.approx(0.3)
    assert (cells[None, "individual"]["value_12m_minor"], cells[None, "individual"]["mean_churn"]) == (None, None)


def test_a_reader_counts_and_lists_only_its_own_clients(tmp_path):
    mine = reading_of(ROWS, tmp_path, MINE)
    gold = Condition(places.of_attribute("tier"), "gold")

    assert codes(mine, places.of_attribute("tier")) == {"gold": 1, "silver": 1, None: 1}
    assert counted_where(mine, [gold]) == 1
    assert chosen(mine, [gold], ["rm_id"]).to_pylist() == [{"client_id": "A", "rm_id": "RM1"}]


def test_conditions_hold_together_are_turned_round_and_find_who_is_not_known(reading):
    gold, unknown = Condition(places.of_attribute("tier"), "gold"), Condition(places.of_attribute("tier"), None)

    assert chosen(reading, [gold, Condition(places.of_age(), "18-24")], []).column("client_id").to_pylist() == ["B"]
    assert chosen(reading, [Condition(places.of_attribute("tier"), "gold", holds=False)], []).column("client_id").to_pylist() == ["C", "D"]
    assert chosen(reading, [unknown], []).column("client_id").to_pylist() == ["C"]


def test_the_mean_of_frequency_and_amount_goes_down_to_whole_points(reading):
    # A (5, 4) has 4.5, B (none, 2) 1.5, D (2, 3) 2.5; C has no recency.
    assert codes(reading, places.of_frequency_and_amount("fm", "monetary_score")) == {"4": 1, "1": 1, "2": 1, None: 1}


def test_age_bands_begin_with_their_first_year(reading):
    assert codes(reading, places.of_age()) == {"under 18": 1, "18-24": 1, "75 and over": 1, None: 1}


def test_a_sector_is_the_division_of_the_activity(tmp_path):
    reading = reading_of([{"client_id": "A", "naf_code": "47.11Z"}, {"client_id": "B", "naf_code": "4719A"}, {"client_id": "C", "naf_code": None}], tmp_path)

    assert codes(reading, places.of_sector()) == {"47": 2, None: 1}


def test_a_scheme_and_one_of_its_segments_part_alike(reading):
    gold = {"code": "best", "label_en": "B", "label_fr": "B", "when": {"attribute": "tier", "equals": "gold"}}
    scheme = parse_scheme({"code": "s", "label_en": "S", "label_fr": "S", "segment": [gold, {"code": "rest", "label_en": "R", "label_fr": "R"}]})

    assert codes(reading, places.of_scheme(scheme, reading)) == {"best": 2, "rest": 2}
    assert codes(reading, places.of_segment(scheme, scheme.segments[1], reading)) == {"inside": 2, "outside": 2}


def test_the_tenths_are_of_the_kind_most_profitable_first(tmp_path):
    rows = [{"client_id": f"C{number:02d}", "kind": "individual", "value_12m_minor": number} for number in range(20)] + [
        {"client_id": "X", "kind": "company", "value_12m_minor": 1},
        {"client_id": "Y", "kind": "company", "value_12m_minor": None},
    ]
    reading = reading_of(rows, tmp_path)

    first = chosen(reading, [Condition(places.of_value_decile(), "1")], [])

    assert first.column("client_id").to_pylist() == ["C18", "C19", "X"]
    assert codes(reading, places.of_value_decile())[None] == 1


def test_the_main_interest_is_the_largest_share_and_no_spending_has_none(tmp_path):
    rows = [
        {"client_id": "A", "spend_share_travel": 0.3, "spend_share_car": 0.3, "spend_share_home": None},
        {"client_id": "B", "spend_share_travel": 0.1, "spend_share_car": 0.2, "spend_share_home": 0.0},
        {"client_id": "C", "spend_share_travel": None, "spend_share_car": None, "spend_share_home": None},
        {"client_id": "D", "spend_share_travel": 0.0, "spend_share_car": 0.0, "spend_share_home": 0.0},
    ]
    reading = reading_of(rows, tmp_path)

    assert codes(reading, places.of_interest(reading.roll.columns)) == {"travel": 1, "car": 1, None: 2}


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["individual", "company"]), st.one_of(st.none(), st.integers(-50, 100))), min_size=1, max_size=25),
    st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted),
)
def test_movable_classes_list_whom_the_curve_counts(tmp_path_factory, clients, cuts):
    rows = [{"client_id": f"C{number:03d}", "kind": kind, "value_12m_minor": value} for number, (kind, value) in enumerate(clients)]
    schema = pa.schema([("client_id", pa.string()), ("kind", pa.string()), ("value_12m_minor", pa.int64())])
    path = tmp_path_factory.mktemp("classes") / "roll.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    reading = Reading(Roll(path), date(2025, 12, 31), lambda _: {}, EVERYONE)
    values = np.array([np.nan if value is None else value for _, value in clients], dtype=np.float64)

    told = pmg(values, [kind for kind, _ in clients], large=cuts[0] / 100, medium=cuts[1] / 100)[0]

    for code in ("large", "medium", "small", None):
        listed = chosen(reading, [Condition(places.of_contribution_class(*cuts), code)], []).column("client_id").to_pylist()
        assert listed == [row["client_id"] for row, found in zip(rows, told, strict=True) if found == code]
