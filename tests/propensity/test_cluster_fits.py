"""Trees grown by two worker processes: the same as grown here where nothing is drawn by worker, and the same again however the rows lie."""

from datetime import date

import numpy as np
import pytest

from bankseg.lake.cluster import connected
from bankseg.propensity.backtest import PATIENCE_ROUNDS
from bankseg.propensity.booster import Matrix, fit, fit_seeds, kept_rounds, text_of
from bankseg.propensity.cluster import SETTLED, ClusterFits, Known
from bankseg.propensity.dataset import Encoding, ModelFeature
from bankseg.propensity.growth import Growth
from bankseg.propensity.structure import END_OF_TREES
from tests.dask_cluster import running_cluster

pytestmark = pytest.mark.slow

ROWS, COLUMNS, ROUNDS = 6_000, 12, 40
DAYS = (date(2024, 6, 30), date(2024, 12, 31))


def drawn(seed: int = 5) -> Matrix:
    """Rows whose outcome goes with two columns, a category among them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:, 0] = rng.integers(0, 8, ROWS)
    log_odds = np.nan_to_num(x[:, 2]) + 0.7 * np.nan_to_num(x[:, 3]) * (x[:, 0] % 3 == 0) - 2
    return Matrix(x, (rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.int8), (0,))


def read_drawn(place: int, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = drawn()
    mine = np.array_split(np.arange(ROWS), parts)[place]
    return rows.x[mine], rows.y[mine], np.ones(len(mine))


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("fits"), [{}, {}]) as (scheduler, _), connected(scheduler) as client:
        yield client


@pytest.fixture(scope="module")
def rows() -> Known:
    features = tuple(ModelFeature(f"x{place}", "category" if place == 0 else "number") for place in range(COLUMNS))
    return Known(drawn(), Encoding(features, {"x0": tuple("abcdefgh")}), dict.fromkeys(DAYS, 1.0))


def fits(client, folder, parts: int) -> ClusterFits:
    return ClusterFits(client, lambda _days, _plan: [(place, parts) for place in range(parts)], read_drawn, folder)


def parameters(rows: Known, **changes) -> dict:
    grown = Growth(**changes).parameters((ROWS, COLUMNS, int(rows.sample.y.sum())), [0, 0, 1, *[0] * (COLUMNS - 3)], seed=7, threads=1)
    return {**grown, **SETTLED}


def trees(booster) -> str:
    """Header and trees of a text, which are all that scores and reasons read."""
    return text_of(booster).partition(END_OF_TREES)[0]


def test_trees_of_two_workers_are_those_grown_here_to_the_byte_however_the_rows_are_cut(client, rows, tmp_path):
    settled = parameters(rows)
    here = trees(fit_seeds(rows.sample, settled, ROUNDS, [7])[0])

    assert [trees(fits(client, tmp_path, parts).fit_bag(rows, settled, ROUNDS, 1)) for parts in (4, 7)] == [here, here]


def test_judged_fits_stop_where_early_stopping_does(client, rows, tmp_path, monkeypatch):
    monkeypatch.setattr("bankseg.propensity.cluster.FIRST_ROUNDS", 20)  # it is grown anew with more until it has stopped
    settled, later = parameters(rows, learning_rate=0.3), drawn(6)
    here = fit(rows.sample, settled, 300, stop=later, patience=PATIENCE_ROUNDS)
    there = fits(client, tmp_path, 5).fit_judged(rows, settled, 300, later, PATIENCE_ROUNDS)

    assert (kept_rounds(there), there.current_iteration()) == (kept_rounds(here), here.current_iteration())
    assert trees(there) == trees(here)


def test_large_trees_and_bags_are_the_same_again_on_the_same_cluster(client, rows, tmp_path):
    settled = parameters(rows, num_leaves=31)
    texts = {trees(fits(client, tmp_path, 4).fit_bag(rows, settled, 10, 2)) for _ in range(3)}

    assert len(texts) == 1
    assert next(iter(texts)).count("\nTree=") == 20
