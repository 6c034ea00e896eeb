"""Clients kept aside by the hash of their identifier, so that a rule is checked on clients it never saw, the same ones every time."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

SHARE = 0.3
_RANGE = 1 << 32


def held_out(client_ids: Sequence[str], share: float = SHARE, salt: str = "segment-analytics") -> NDArray[np.bool_]:
    """Whether each client is kept aside, shape (n,).

    Parameters
    ----------
    share
        Part kept aside, in [0, 1].
    salt
        Another salt keeps aside other clients.

    Examples
    --------
    >>> held_out(["C1", "C2", "C3"]).tolist() == held_out(["C1", "C2", "C3"]).tolist()
    True
    """
    bound = share * _RANGE
    return np.array([int.from_bytes(sha256(f"{salt}:{client}".encode()).digest()[:4], "big") < bound for client in client_ids], dtype=np.bool_)
