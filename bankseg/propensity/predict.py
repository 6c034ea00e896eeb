"""A propensity model in use: calibrated probabilities and reasons for any table of features."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.propensity.calibration import Calibrator
from bankseg.propensity.dataset import Encoding
from bankseg.propensity.peers import peer_keys, peer_values
from bankseg.propensity.reasons import Explained, Reason, reasons_of
from bankseg.propensity.tree_shap import TreeShap

if TYPE_CHECKING:
    import lightgbm

TOP_REASONS = 3
# Rows explained at once: contributions are float64 and as wide as the features.
BLOCK_ROWS = 65_536


class Propensity:
    """A model text and its card; built by `artefacts.load`, which checks both first.

    Parameters
    ----------
    text
        LightGBM text.
    card
        The model's card. `Any`: JSON.
    """

    def __init__(self, text: str, card: dict[str, Any]) -> None:
        self.card = card
        self.encoding = Encoding.from_json(card)
        self.calibrator = Calibrator.from_json(card["calibration"])
        self._text = text

    @property
    def target(self) -> str:
        """Name of the target."""
        return str(self.card["target"])

    def predict(self, table: pa.Table, threads: int = 1) -> NDArray[np.float64]:
        """Calibrated probability of the target, float64 in [0, 1], shape (n,).

        Raises
        ------
        MissingDataError
            When the table lacks features of the model; names them.
        """
        return self.calibrator(self.raw(table, threads))

    def raw(self, table: pa.Table, threads: int = 1) -> NDArray[np.float64]:
        """Log-odds before calibration, shape (n,)."""
        return self._predict(self.encoding.matrix(table), threads, raw_score=True).reshape(-1)

    def contributions(self, table: pa.Table) -> NDArray[np.float64]:
        """TreeSHAP contributions and, last, the base value: shape (n, features + 1); a row's sum is its log-odds."""
        return self._shap.contributions(self.encoding.matrix(table))

    def reasons(self, table: pa.Table, top: int = TOP_REASONS, threads: int = 1) -> list[list[Reason]]:
        """At most `top` reasons per row, what raises the propensity first."""
        found: list[list[Reason]] = []
        for start in range(0, table.num_rows, BLOCK_ROWS):
            rows = self._explained(table.slice(start, BLOCK_ROWS), threads)
            found += reasons_of(self.encoding, rows, top, lambda x: self._predict(x, threads, raw_score=True).reshape(-1))
        return found

    def _explained(self, table: pa.Table, threads: int) -> Explained:
        x = self.encoding.matrix(table)
        contributions = self._shap.contributions(x)
        reference = self.card.get("reasons_reference")
        peers = peer_values(reference, peer_keys(table), self.encoding) if reference else None
        return Explained(table, x, self._predict(x, threads, raw_score=True).reshape(-1), contributions[:, :-1], peers)

    def _predict(self, matrix: NDArray[np.float32], threads: int, **how: bool) -> NDArray[np.float64]:
        if not len(matrix):
            return np.empty(0)
        return np.asarray(self._booster.predict(matrix, num_threads=threads, **cast("dict[str, Any]", how)), dtype=np.float64)

    @cached_property
    def _shap(self) -> TreeShap:
        return TreeShap(self._text, len(self.encoding.features))

    @cached_property
    def _booster(self) -> "lightgbm.Booster":
        import lightgbm  # its OpenMP does not survive fork: loaded only where a job runs

        return lightgbm.Booster(model_str=self._text)
