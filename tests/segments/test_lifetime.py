import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.economics.clv import Outlook, clv
from bankseg.economics.tier_chain import draw_chains
from bankseg.segments.lifetime import BLOCKS, GROUPS, STATES, cuts_of, measured_persistence, observed, standing

CUTS = {"individual": np.array([1_000.0, 900, 800, 700, 600, 500, 400, 100, 0, -50])}
DEFAULT = {
    "kind": "individual",
    "status": "active",
    "activity": "active",
    "value_12m_minor": 1_200,
    "tenure_days": 4_000,
    "age_years": 40,
    "stage": 1,
    "churn": None,
}
TYPES = {
    "client_id": pa.string(), "kind": pa.string(), "status": pa.string(), "activity": pa.string(), "value_12m_minor": pa.int64(), "tenure_days": pa.int64(),
    "age_years": pa.int64(), "stage": pa.int64(), "churn": pa.float64(),
}  # fmt: skip


def roll(*clients):
    rows = [{**DEFAULT, "client_id": f"C{place:03d}", **client} for place, client in enumerate(clients)]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(TYPES.items())))


def placed(**client):
    found = standing(roll(client), CUTS)
    return STATES[found.state[0]] if found.state[0] >= 0 else None


def test_a_client_stands_in_its_band_and_activity():
    # 1,200 a year is 100 a month, the least of band 8; in half a year it is 200.
    assert placed() == "band 8/active"
    assert placed(value_12m_minor=1_188) == "band 9/active"
    assert placed(tenure_days=183, value_12m_minor=600, activity="slowing") == "band 9/slowing"
    assert placed(value_12m_minor=-1_200) == "band 11/active"


@pytest.mark.parametrize(
    ("client", "state"),
    [
        ({"status": "former", "value_12m_minor": None}, "closed"), ({"stage": 3}, "defaulted"), ({"stage": 3, "status": "former"}, "closed"), ({"status": "prospect"}, None),
        ({"value_12m_minor": None}, None), ({"activity": None}, None), ({"kind": "company"}, None),
    ],
)  # fmt: skip
def test_who_left_defaulted_or_is_not_known_stands_apart(client, state):
    assert placed(**client) == state


@pytest.mark.parametrize(
    ("client", "group"),
    [
        ({"age_years": 29}, "individual 0"), ({"age_years": 30}, "individual 1"), ({"age_years": 80}, "individual 4"), ({"age_years": None}, "individual ?"),
        ({"kind": "company"}, "company"), ({"kind": "church"}, "other"),
    ],
)  # fmt: skip
def test_groups_are_kinds_and_age_bands(client, group):
    assert GROUPS[standing(roll(client), CUTS).group[0]] == group


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_the_roll_does_not_matter(order):
    table = roll(*({"value_12m_minor": 3_000 * place, "churn": place / 10} for place in range(6)))

    one, other = standing(table, CUTS), standing(table.take(order), CUTS)

    assert one.ids.tolist() == other.ids.tolist()
    assert one.state.tolist() == other.state.tolist()
    assert one.churn.tolist() == other.churn.tolist()


def test_months_add_up_and_a_client_moves_where_both_hold_it():
    start = standing(roll({}, {}, {}), CUTS)
    end = standing(roll({}, {"status": "former"}), CUTS)

    seen = observed([start, end, end])

    band = STATES.index("band 8/active")
    assert seen.moves.shape == (BLOCKS, len(GROUPS), len(STATES), len(STATES))
    assert seen.moves[:, :, band, band].sum() == 2  # the first client stays twice
    assert seen.moves[:, :, band, STATES.index("closed")].sum() == 1
    assert seen.moves.sum() == 4  # and who closed stays closed once
    assert seen.contributions.sum() == pytest.approx(400, rel=1e-6)  # two clients of 100 in each month
    with pytest.raises(InputError, match="a month apart"):
        observed([start])


def test_from_the_rolls_of_three_months_to_a_value():
    rng = np.random.default_rng(3)
    value = rng.integers(-2_000, 40_000, 400)
    people = [{"value_12m_minor": int(amount), "age_years": int(age)} for amount, age in zip(value, rng.integers(18, 90, 400), strict=True)]
    left = [{**person, "status": "former"} if place % 50 == 0 else person for place, person in enumerate(people)]
    cuts = cuts_of(roll(*people))
    dates = [standing(roll(*people), cuts), standing(roll(*people), cuts), standing(roll(*left), cuts)]

    chain = draw_chains(observed(dates), draws=20, seed=1)
    kept = measured_persistence(chain, dates[0], dates[2], 2)
    found = clv(chain, dates[2].clients(), Outlook(months=12, persistence=kept))
    living = dates[2].state < len(STATES) - 2

    assert 0.5 < kept <= 1
    assert np.isfinite(found.median).all()
    assert found.median[~living].tolist() == [0] * 8
    assert np.corrcoef(found.median[living], value[living])[0, 1] > 0.95
    assert np.all(found.low <= found.high)


def test_what_the_chain_needs_is_asked_for_by_name():
    with pytest.raises(MissingDataError, match="activity"):
        standing(roll({}).drop_columns(["activity"]), CUTS)
    assert np.isnan(standing(roll({}).drop_columns(["churn", "stage", "age_years"]), CUTS).churn[0])
