"""Trees grown by a Dask cluster through LightGBM's own `lightgbm.dask`, on rows that its workers read themselves."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bankseg.propensity.bag import SEED_STEP, mean_booster
from bankseg.propensity.booster import Matrix, binned, raw_scores
from bankseg.propensity.calibration import log_loss, sigmoid
from bankseg.propensity.dataset import Encoding
from bankseg.propensity.recount import recounted

if TYPE_CHECKING:
    import lightgbm
    from distributed import Client

# Rows that carry the cut points of the bins to the workers; the cut points themselves come from all rows held here.
BEARER_ROWS = 64
# Of LightGBM's sockets: a worker that dies in the middle ends the fit after so many minutes, and the job is tried again.
SILENCE_MINUTES = 5
NETWORK = ("machines", "local_listen_port", "time_out", "num_machines", "tree_learner")
# What makes trees independent of who read which rows: no draws of rows or cut points, which every worker would make for itself, and no bound on the
# rows of a leaf, which workers only estimate; its least weight (min_sum_hessian_in_leaf) bounds it.
SETTLED = {"extra_trees": False, "bagging_fraction": 1.0, "bagging_freq": 0, "min_data_in_leaf": 1}
# Nobody can stop workers early together, so a fit that is judged is grown anew with twice the rounds until patience has run out.
FIRST_ROUNDS = 125

Part = tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of the rows of a fit: a sample of them, how they are encoded, and what a row of each origin weighs."""

    sample: Matrix
    encoding: Encoding
    weights: Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker needs to know to read rows of a fit: columns with their levels, and the weight of each origin's rows."""

    encoding: Encoding
    weights: Mapping[str, float]

    def written(self, folder: Path) -> Path:
        """Write it as a file named by its content."""
        text = json.dumps({**self.encoding.as_json(), "weights": dict(self.weights)}, sort_keys=True)
        path = folder / f"{sha256(text.encode()).hexdigest()[:16]}.json"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read it back."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(Encoding.from_json(document), document["weights"])


@dataclass(frozen=True, slots=True)
class ClusterFits:
    """Fits boosters on every row of a bank, where this process holds a sample of whole buckets.

    Parameters
    ----------
    tasks
        From origins and the file of a plan: what `read` is asked for, one tuple a part, ids only.
    read
        Returns one part as (x float32 of shape (n, columns), y int8, weight float64); called in a worker.
    folder
        Under home, where every worker sees it.
    """

    client: "Client"
    tasks: Callable[[Sequence[date], Path], list[tuple[Any, ...]]]  # JSON values
    read: Callable[..., Part]
    folder: Path

    def fit_bag(self, rows: Known, parameters: Mapping[str, Any], rounds: int, seeds: int) -> "lightgbm.Booster":
        """One booster that scores as the mean of `seeds` boosters. `Any`: LightGBM parameters."""
        return mean_booster([self._fit(rows, {**parameters, "seed": parameters["seed"] + place * SEED_STEP}, rounds) for place in range(seeds)])

    def fit_judged(self, rows: Known, parameters: Mapping[str, Any], most_rounds: int, stop: Matrix, patience: int) -> "lightgbm.Booster":
        """A booster with the rounds that early stopping on `stop` would have kept. `Any`: LightGBM parameters."""
        import lightgbm

        rounds = min(FIRST_ROUNDS, most_rounds)
        while True:
            booster = self._fit(rows, parameters, rounds)
            best, grown = stopped(booster, stop, patience)
            if grown < rounds or rounds == most_rounds:
                return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best))
            rounds = min(2 * rounds, most_rounds)

    def _fit(self, rows: Known, parameters: Mapping[str, Any], rounds: int) -> "lightgbm.Booster":
        plan = Plan(rows.encoding, {day.isoformat(): weight for day, weight in rows.weights.items()}).written(self.folder)
        bins = write_bins(rows.sample, parameters, plan.with_suffix(".bins"))
        tasks = self.tasks(sorted(rows.weights), plan)
        return recounted(grow(self.client, self.read, tasks, (rows.sample.x.shape[1], parameters, rounds, bins)), rows.sample.x)


class OnGivenBins:
    """What `lightgbm.dask` fits in every worker: a booster on bins whose cut points are those of the rows that settled the setup.

    Left alone, each worker would cut the bins of its share of the features from its own rows, and trees would depend on who read what.
    """

    def __init__(self, *, bins: str, rounds: int, **parameters: Any) -> None:  # LightGBM parameters
        self.bins, self.rounds, self.parameters = bins, rounds, parameters
        self._other_params: dict[str, Any] = {}  # lightgbm.dask takes its network settings out of it
        self.text = ""

    def fit(self, x: NDArray[np.float32], y: NDArray[np.int8], *, sample_weight: NDArray[np.float64], **_: Any) -> "OnGivenBins":  # the rest is None
        """Grow the trees together with the other workers."""
        import lightgbm

        local = {name: value for name, value in self.parameters.items() if name not in NETWORK}
        reference = lightgbm.Dataset(self.bins, params=local).construct()
        weight = None if (sample_weight == 1).all() else sample_weight
        data = lightgbm.Dataset(x, y, weight=weight, reference=reference, params=local).construct()
        booster = lightgbm.train(self.parameters, data, num_boost_round=self.rounds)
        booster.free_network()
        self.text = str(booster.model_to_string())
        return self


def write_bins(rows: Matrix, parameters: Mapping[str, Any], path: Path) -> Path:
    """Write the cut points of the bins of `rows` as LightGBM's own file, borne by a few rows. `Any`: LightGBM parameters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # LightGBM leaves a file of that name as it is
    binned(rows, parameters).construct().subset(list(range(min(BEARER_ROWS, len(rows.y))))).construct().save_binary(path)
    return path


def grow(client: "Client", read: Callable[..., Part], tasks: Sequence[tuple[Any, ...]], shape: tuple[int, Mapping[str, Any], int, Path]) -> "lightgbm.Booster":
    """Grow trees on parts that workers read; `shape` is (columns, LightGBM parameters, rounds, file of the bins). `Any`: JSON values, parameters."""
    import dask.array as chunks
    import lightgbm
    from dask.delayed import delayed
    from lightgbm.dask import _train

    columns, parameters, rounds, bins = shape
    # In turn to every worker, in one order: memory is shared evenly, and the same cluster adds up the same rows in the same order.
    workers = sorted(client.nthreads())
    parts = [delayed(client.submit(read, *task, workers=[workers[place % len(workers)]], allow_other_workers=True), nout=3) for place, task in enumerate(tasks)]

    def joined(place: int, sizes: tuple[float, ...], kind: str) -> Any:  # a dask array
        return chunks.concatenate([chunks.from_delayed(part[place], sizes, dtype=kind) for part in parts], allow_unknown_chunksizes=True)

    many = float("nan")
    network = {"tree_learner": "data", "time_out": SILENCE_MINUTES}
    with client.as_current():
        grown = _train(
            client=client,
            data=joined(0, (many, columns), "float32"),
            label=joined(1, (many,), "int8"),
            sample_weight=joined(2, (many,), "float64"),
            params={**{name: value for name, value in parameters.items() if name != "num_threads"}, **network, "bins": str(bins), "rounds": rounds},
            model_factory=OnGivenBins,  # type: ignore[arg-type]  # it asks only for fit and a few attributes
        )
    return lightgbm.Booster(model_str=grown.text)


def stopped(booster: "lightgbm.Booster", judging: Matrix, patience: int) -> tuple[int, int]:
    """The round of lowest log loss and the rounds grown when it has not fallen for `patience` more; all of them when it never rested so long."""
    raw, lowest, best = np.zeros(len(judging.y)), np.inf, 0
    for number in range(booster.current_iteration()):
        raw = raw + raw_scores(booster, judging.x, threads=1, rounds=1, start=number)
        loss = float(log_loss(judging.y, sigmoid(raw)).mean())
        if loss < lowest:
            lowest, best = loss, number + 1
        elif number + 1 - best >= patience:
            return best, number + 1
    return best, booster.current_iteration()
