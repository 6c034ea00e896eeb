"""Reasons: against peers, and only those that hold when tried."""

import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.reasons import reason_family
from bankseg.propensity.dataset import Encoding, ModelFeature
from bankseg.propensity.peers import LEAST_PEERS, peer_keys, peer_reference, peer_values
from bankseg.propensity.predict import Propensity
from bankseg.propensity.reasons import Explained, reasons_of
from tests.propensity.builders import dataset

ENCODING = Encoding(
    (ModelFeature("logins_30d", "number", "digital"), ModelFeature("housing_type", "category", "profile")), {"housing_type": ("owner", "tenant")}
)


def people(count, kind="individual", age=50, logins=3.0, housing="owner"):
    return {"client_kind": [kind] * count, "age_years": [age] * count, "logins_30d": [logins] * count, "housing_type": [housing] * count}


def table_of(*parts):
    kinds = {"client_kind": pa.string(), "age_years": pa.float64(), "logins_30d": pa.float64(), "housing_type": pa.string()}
    return pa.table({name: pa.array([value for part in parts for value in part[name]], kind) for name, kind in kinds.items()})


def reference_of(table):
    return peer_reference(table, np.ones(table.num_rows, dtype=bool), ENCODING)


def test_peers_are_of_the_same_kind_and_age():
    table = table_of(
        people(LEAST_PEERS, age=30, logins=8.0), people(LEAST_PEERS, age=60, logins=1.0, housing="tenant"), people(LEAST_PEERS, "company", None, 20.0)
    )
    reference = reference_of(table)

    assert set(reference) == {"", "individual", "company", "individual|30 to 44", "individual|60 or more"}
    assert reference["individual|30 to 44"] == {"logins_30d": 8.0, "housing_type": "owner"}
    assert reference["individual|60 or more"] == {"logins_30d": 1.0, "housing_type": "tenant"}
    assert peer_values(reference, peer_keys(table), ENCODING)[[0, LEAST_PEERS, -1]].tolist() == [[8.0, 0.0], [1.0, 1.0], [20.0, 0.0]]


def test_too_few_peers_give_way_to_the_kind_and_then_to_everybody():
    table = table_of(people(LEAST_PEERS, age=50, logins=2.0), people(LEAST_PEERS - 1, age=20, logins=9.0), people(5, "public", None, 70.0))
    reference = reference_of(table)
    keys = peer_keys(table_of(people(1, age=20), people(1, "public", None), people(1, "unheard of", None)))

    assert set(reference) == {"", "individual", "individual|45 to 59"}
    assert peer_values(reference, keys, ENCODING)[:, 0].tolist() == [2.0, 9.0, 9.0]  # everybody: 100 at 2, 99 at 9, 5 at 70


def test_what_most_peers_do_not_have_is_usual_as_missing():
    table = table_of(people(60, logins=None), people(40, logins=5.0))

    assert reference_of(table)[""]["logins_30d"] is None
    assert np.isnan(peer_values(reference_of(table), [("",)], ENCODING)[0, 0])
    assert reference_of(table_of(people(40, logins=None), people(60, logins=5.0)))[""]["logins_30d"] == 5.0


def test_rows_the_model_did_not_learn_from_do_not_count():
    table = table_of(people(10, logins=1.0), people(90, logins=9.0))

    assert peer_reference(table, np.arange(100) < 10, ENCODING)[""]["logins_30d"] == 1.0


def test_a_family_whose_score_does_not_fall_when_moved_is_no_reason():
    # Two families raise by TreeSHAP; moving the first raises the score further, as happens where features interact.
    encoding = Encoding((ModelFeature("logins_30d", "number", "digital"), ModelFeature("cash_share_365d", "number", "spending")), {})
    x = np.array([[1.0, 5.0]], dtype=np.float32)
    rows = Explained(
        pa.table({"logins_30d": [1.0], "cash_share_365d": [5.0]}), x, np.array([2.0]), np.array([[0.9, 0.4]]), np.array([[3.0, 1.0]], dtype=np.float32)
    )

    def score(moved):
        return np.where(moved[:, 0] == 3.0, 2.5, 1.5)

    (found,) = reasons_of(encoding, rows, 3, score)
    assert [(reason.family, reason.direction, reason.value, reason.peer) for reason in found] == [("spending", "+", 5.0, 1.0)]


def test_the_number_named_is_one_that_differs_from_that_of_peers():
    encoding = Encoding((ModelFeature("logins_30d", "number", "digital"), ModelFeature("logins_90d", "number", "digital")), {})
    x, peers = np.array([[2.0, 2.0]], dtype=np.float32), np.array([[2.0, 8.0]], dtype=np.float32)
    rows = Explained(pa.table({"logins_30d": [2.0], "logins_90d": [2.0]}), x, np.array([1.0]), np.array([[0.9, 0.1]]), peers)

    (found,) = reasons_of(encoding, rows, 3, lambda _: np.array([0.5]))
    assert (found[0].feature, found[0].value, found[0].peer) == ("logins_90d", 2.0, 8.0)


def moved_to_peers(propensity: Propensity, table: pa.Table, family: str) -> pa.Table:
    """The same clients with every feature of one family at what is usual, and nothing else changed."""
    usual = propensity.card["reasons_reference"][""]
    for place, name in enumerate(table.column_names):
        feature = next((known for known in propensity.encoding.features if known.name == name and reason_family(known.family) == family), None)
        if feature is not None:
            table = table.set_column(place, name, pa.array([usual[name]] * table.num_rows, table.schema.field(name).type))
    return table


@pytest.mark.parametrize("place", [0, 1, 2])
def test_moving_only_the_named_driver_to_its_peers_lowers_the_score_of_the_likeliest(propensity, place):
    table = dataset(600, seed=8).table
    likeliest = table.take(pa.array(np.argsort(-propensity.predict(table))[: table.num_rows // 10]))
    before = propensity.raw(likeliest)
    after = {family: propensity.raw(moved_to_peers(propensity, likeliest, family)) for family in ("balance", "digital", "profile", "noise")}
    changes = [
        (1 if reasons[place].direction == "+" else -1) * (after[reasons[place].family][row] - before[row])
        for row, reasons in enumerate(propensity.reasons(likeliest))
        if len(reasons) > place
    ]

    assert len(changes) > (50 if place < 2 else 0)
    assert np.mean(np.array(changes) < 0) >= 0.95


def test_a_model_without_peers_gives_reasons_without_them(trained, propensity):
    before = Propensity(trained.booster_text, {name: value for name, value in trained.card.items() if name != "reasons_reference"})
    table = dataset(50, seed=8).table

    assert all(not reason.is_compared and reason.peer is None for own in before.reasons(table) for reason in own)
    assert any(reason.is_compared and reason.peer is not None for own in propensity.reasons(table) for reason in own)
