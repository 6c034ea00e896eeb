"""Named points in the code at which this process can be made to end, as by SIGKILL, or to stop: how the crash laboratory visits every instant that matters."""

import os
import signal
from collections import Counter

VARIABLE = "BANKSEG_FAULT"
KILLED = 137  # what a shell reports of a process that SIGKILL ended
STOP = "stop"

_passes: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """End the process at the n-th pass through a point when the environment says `BANKSEG_FAULT=name:n`, stop it on `name:n:stop`; else do nothing.

    At an end nothing is flushed, closed or rolled back: whatever must survive is on the disk already. A stopped process goes on at SIGCONT.
    """
    wanted, _, rest = os.environ.get(VARIABLE, "").partition(":")
    if wanted != name:
        return
    nth, _, manner = rest.partition(":")
    _passes[name] += 1
    if _passes[name] != int(nth or 1):
        return
    if manner == STOP:
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        os._exit(KILLED)
