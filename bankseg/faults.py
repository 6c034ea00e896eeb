"""Named points in the code at which this process can be made to end, as by SIGKILL: how the crash laboratory visits every instant that matters."""

import os
from collections import Counter

VARIABLE = "BANKSEG_FAULT"
KILLED = 137  # what a shell reports of a process that SIGKILL ended

_passes: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """End the process at the n-th pass through a point when the environment says `BANKSEG_FAULT=name:n`; else do nothing.

    Nothing is flushed, closed or rolled back: whatever must survive is on the disk already.
    """
    wanted, _, nth = os.environ.get(VARIABLE, "").partition(":")
    if wanted != name:
        return
    _passes[name] += 1
    if _passes[name] == int(nth or 1):
        os._exit(KILLED)
