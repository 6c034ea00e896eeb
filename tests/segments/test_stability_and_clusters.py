import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from bankseg.domain.errors import InputError
from bankseg.segments import clusters as room
from bankseg.segments.clusters import candidates, cards, chosen, density, judged, k_means
from bankseg.segments.encoding import Encoding
from bankseg.segments.stability import (
    davies_bouldin,
    davies_bouldin_band,
    jaccard,
    jaccard_band,
    matched_jaccard,
    rand_band,
    silhouette,
    silhouette_band,
)
from tests.segments.people import ATTRIBUTES, EVERY, planted

LABELS = st.lists(st.integers(-1, 3), min_size=2, max_size=30).map(np.array)


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.0, "dissolved"), (0.5, "dissolved"), (0.51, "doubtful"), (0.6, "pattern"), (0.74, "pattern"), (0.75, "valid"), (0.85, "highly_stable"), (1.0, "highly_stable")],
)  # fmt: skip
def test_jaccard_bands_are_those_of_the_definitions(value, code):
    assert jaccard_band(value).code == code


@pytest.mark.parametrize(("value", "code"), [(0.8, "stable"), (0.79, "watch"), (0.6, "watch"), (0.59, "unstable"), (-0.1, "unstable")])
def test_rand_bands_are_those_of_the_definitions(value, code):
    assert rand_band(value).code == code


@pytest.mark.parametrize(
    ("value", "code"), [(0.71, "strong"), (0.70, "reasonable"), (0.51, "reasonable"), (0.5, "weak"), (0.26, "weak"), (0.25, "none"), (-1.0, "none")]
)
def test_silhouette_bands_are_those_of_the_definitions(value, code):
    assert silhouette_band(value).code == code


def test_every_band_has_words_in_both_languages():
    found = [jaccard_band(0.6), rand_band(0.7), silhouette_band(0.3), davies_bouldin_band(0.9), davies_bouldin_band(1.0)]

    assert all(band.en and band.fr for band in found)
    assert [band.code for band in found[3:]] == ["good", "overlapping"]


def test_matched_jaccard_agrees_with_a_hand_count():
    # Cluster 0 = {0, 1, 2}: best match {0, 1}, 2 of 3. Cluster 1 = {3, 4}: {2, 3, 4}, 2 of 3. Cluster 2 has no row.
    found = matched_jaccard(np.array([0, 0, 0, 1, 1]), np.array([5, 5, 1, 1, 1]), 3)

    assert found[:2].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert np.isnan(found[2])


@settings(deadline=None)
@given(LABELS)
def test_a_partition_matches_itself_and_its_renaming(labels):
    met = sorted({int(label) for label in labels if label >= 0})
    renamed = np.where(labels >= 0, 7 - labels, -1)

    assert matched_jaccard(labels, renamed, 4)[met].tolist() == [1.0] * len(met)


@settings(deadline=None)
@given(st.sets(st.text(max_size=2)), st.sets(st.text(max_size=2)))
def test_jaccard_is_symmetric_bounded_and_whole_only_for_equals(one, other):
    assert jaccard(one, other) == jaccard(other, one)
    assert 0 <= jaccard(one, other) <= 1
    assert (jaccard(one, other) == 1) == (one == other)


def test_planted_groups_are_found_numbered_by_size_and_stable():
    table, group = planted(600)
    matrix = Encoding.learn(table, ATTRIBUTES).encode(table)

    found = k_means(matrix, 3)
    sizes = np.bincount(found.labels)

    assert adjusted_rand_score(group, found.labels) > 0.9
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert np.array_equal(found.predict(matrix), found.labels)
    assert np.array_equal(k_means(matrix, 3).labels, found.labels)


def test_the_number_of_planted_groups_is_chosen_by_stability():
    table, _ = planted(400)
    matrix = Encoding.learn(table, ["deposits_minor", "active_days_365d"]).encode(table)

    tried = candidates(matrix, numbers=(2, 3, 5), draws=6)
    best = chosen(tried)

    assert best.k == 3
    assert best.is_stable
    assert best.told()["jaccard"][0]["band"] == "highly_stable"
    assert best.silhouette == max(candidate.silhouette for candidate in tried)


def test_noise_has_no_stable_clusters():
    matrix = np.random.default_rng(0).normal(size=(300, 6))

    found = judged(matrix, 5, draws=6)

    assert not found.is_stable
    assert silhouette_band(found.silhouette).code == "none"
    assert chosen([found]) is found
    with pytest.raises(InputError):
        chosen([])


def test_figures_of_one_cluster_are_not_told():
    matrix = np.random.default_rng(0).normal(size=(20, 2))

    assert np.isnan(silhouette(matrix, np.zeros(20, dtype=np.int64)))
    assert np.isnan(davies_bouldin(matrix, np.zeros(20, dtype=np.int64)))


def test_many_clients_are_clustered_on_mini_batches_and_on_a_sample_of_neighbours(monkeypatch):
    monkeypatch.setattr(room, "WHOLE_ROWS", 200)
    monkeypatch.setattr(room, "DENSITY_ROWS", 200)
    table, group = planted(500)
    matrix = Encoding.learn(table, ATTRIBUTES).encode(table)

    assert adjusted_rand_score(group, k_means(matrix, 3).labels) > 0.9
    assert len(density(matrix).labels) == 500


def test_density_finds_dense_groups_and_leaves_the_others_out():
    rng = np.random.default_rng(1)
    matrix = np.vstack([rng.normal(0, 0.1, (60, 2)), rng.normal(5, 0.1, (40, 2)), [[2.5, 50.0]]])

    found = density(matrix, least_share=0.1)

    assert found.clusters == 2
    assert found.labels[-1] == -1
    assert set(found.labels[:60]) == {0}
    assert found.predict(np.array([[5.0, 5.0]])).tolist() == [1]


def test_more_clusters_than_clients_are_refused():
    with pytest.raises(InputError, match="fewer clusters"):
        k_means(np.zeros((10, 2)), 2)


def test_a_card_says_what_sets_a_cluster_apart():
    table, group = planted(600)
    labels = np.where(np.arange(600) < 5, -1, group)

    found = cards(table, labels, EVERY, names={"deposits_minor": ("Deposits", "Dépôts")}, currency="EUR")

    assert [card["cluster"] for card in found] == [0, 1, 2, -1]
    assert sum(card["clients"] for card in found) == 600
    assert found[0]["traits"][0]["en"].startswith("Deposits: far above the others (")
    assert found[0]["traits"][0]["fr"].startswith("Dépôts : très au-dessus des autres (")


def test_one_cluster_of_all_has_a_card_without_traits():
    assert cards(pa.table({"x": [1, 2]}), np.zeros(2, dtype=np.int64), ["x"]) == [{"cluster": 0, "clients": 2, "share": 1.0, "traits": []}]
