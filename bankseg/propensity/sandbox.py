"""The sandbox: a fresh child process with limits that loads a model text and scores its golden rows.

Run as `python -m bankseg.propensity.sandbox`: reads {"model", "rows"} as JSON on stdin, prints the log-odds.
It calls LightGBM's library directly: importing the Python package would take a second and load scikit-learn.
"""

import ctypes
import importlib.util
import json
import resource
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 60
FLOAT64, RAW_SCORE = 1, 1  # codes of LightGBM's C interface
FAILED = 3


def main() -> int:
    """Score the golden rows given on stdin."""
    _limit()
    request = json.load(sys.stdin)
    rows = np.array([[np.nan if value is None else value for value in row] for row in request["rows"]], dtype=np.float64, ndmin=2)
    try:
        scores = _score(request["model"], rows)
    except RuntimeError as error:
        sys.stderr.write(str(error))
        return FAILED
    json.dump([score.hex() for score in scores.tolist()], sys.stdout)
    return 0


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _score(model: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    library = ctypes.CDLL(str(_library()))
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    handle, rounds, length = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int64()
    _call(library, "LGBM_BoosterLoadModelFromString", ctypes.c_char_p(model.encode()), ctypes.byref(rounds), ctypes.byref(handle))
    scores = np.zeros(len(rows), dtype=np.float64)
    data = np.ascontiguousarray(rows)
    _call(
        library, "LGBM_BoosterPredictForMat", handle, data.ctypes.data_as(ctypes.c_void_p), ctypes.c_int(FLOAT64), ctypes.c_int32(rows.shape[0]),
        ctypes.c_int32(rows.shape[1]), ctypes.c_int(1), ctypes.c_int(RAW_SCORE), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_char_p(b"num_threads=1"),
        ctypes.byref(length), scores.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
    )  # fmt: skip
    if length.value != len(rows):
        raise RuntimeError(f"{length.value} scores for {len(rows)} rows")
    return scores


def _library() -> Path:
    found = importlib.util.find_spec("lightgbm")
    if found is None or found.origin is None:
        raise RuntimeError("LightGBM is not installed")
    return Path(found.origin).parent / "lib" / "lib_lightgbm.so"


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(library, name)(*arguments) != 0:
        raise RuntimeError(library.LGBM_GetLastError().decode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
