import numpy as np
import pyarrow as pa
import pytest

from bankseg.domain.errors import MissingDataError
from bankseg.propensity import artefacts
from bankseg.propensity.reasons import LEAST_SHARE
from tests.propensity.builders import KEY, dataset

TABLE = dataset(200, seed=5).table


def test_probabilities_lie_between_zero_and_one_and_rank_as_the_booster_does(propensity):
    raw, probability = propensity.raw(TABLE), propensity.predict(TABLE)

    assert probability.dtype == np.float64
    assert ((probability > 0) & (probability < 1)).all()
    assert (np.diff(probability[np.argsort(raw)]) >= 0).all()
    assert len(np.unique(probability)) == len(np.unique(raw))


def test_a_model_saved_and_loaded_scores_the_same_to_the_last_bit(trained, saved, propensity):
    again = artefacts.load(saved.path.parent, saved.digest, KEY)

    assert np.array_equal(again.predict(TABLE), propensity.predict(TABLE))
    golden = np.array([[np.nan if value is None else value for value in row] for row in trained.golden["rows"]], dtype=np.float32)
    assert propensity._predict(golden, 1, raw_score=True).tolist() == trained.golden["raw"]


def test_shards_and_threads_do_not_change_a_score(propensity):
    whole = propensity.predict(TABLE)
    parts = [propensity.predict(TABLE.slice(start, 97), threads=2) for start in range(0, TABLE.num_rows, 97)]

    assert np.array_equal(np.concatenate(parts), whole)


def test_no_rows_give_no_scores(propensity):
    assert len(propensity.predict(TABLE.slice(0, 0))) == 0
    assert propensity.reasons(TABLE.slice(0, 0)) == []


def test_an_unknown_category_scores_as_a_missing_one(propensity):
    rows = TABLE.num_rows
    place = TABLE.column_names.index("segment")
    unknown = TABLE.set_column(place, "segment", pa.array(["corporate"] * rows))
    missing = TABLE.set_column(place, "segment", pa.nulls(rows, pa.string()))

    assert np.array_equal(propensity.predict(unknown), propensity.predict(missing))


def test_a_feature_that_is_empty_today_still_scores(propensity):
    place = TABLE.column_names.index("balance")
    empty = TABLE.set_column(place, "balance", pa.nulls(TABLE.num_rows, pa.float64()))

    assert np.isfinite(propensity.predict(empty)).all()


def test_missing_features_are_named(propensity):
    with pytest.raises(MissingDataError, match="trend, segment"):
        propensity.predict(TABLE.drop_columns(["trend", "segment"]))


def test_contributions_add_up_to_the_score(propensity):
    assert np.abs(propensity.contributions(TABLE).sum(axis=1) - propensity.raw(TABLE)).max() < 1e-9


def test_reasons_name_families_with_their_share_and_the_clients_own_value(propensity):
    reasons = propensity.reasons(TABLE, top=3)

    assert len(reasons) == TABLE.num_rows
    assert max(map(len, reasons)) == 3
    assert np.mean([len(own) > 0 for own in reasons]) > 0.95  # the rest have no family that moves the score as told
    for row, own in enumerate(reasons[:50]):
        assert len({reason.family for reason in own}) == len(own)
        assert all(LEAST_SHARE <= reason.share <= 1 for reason in own)
        assert all(reason.value == TABLE.column(reason.feature)[row].as_py() for reason in own)


def test_what_raises_comes_before_what_lowers_each_strongest_first(propensity):
    for own in propensity.reasons(TABLE, top=5):
        signs = [reason.direction for reason in own]
        assert signs == sorted(signs)  # "+" sorts before "-"
        for sign in "+-":
            shares = [reason.share for reason in own if reason.direction == sign]
            assert shares == sorted(shares, reverse=True)


def test_the_planted_driver_leads_among_the_likeliest(propensity):
    likeliest = np.argsort(-propensity.predict(TABLE))[:80].tolist()
    first = [own[0].family for place, own in enumerate(propensity.reasons(TABLE)) if place in set(likeliest)]

    assert first.count("noise") == 0
    assert first.count("balance") > len(first) / 2
