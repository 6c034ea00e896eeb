"""Runs a command that ends with its parent: `python -m bankseg.embedded.leash PARENT_PID SIGNAL COMMAND...`.

A separate interpreter rather than a preexec function, because code run between fork and exec in a threaded parent may deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals) -> None:
    """Ask the kernel for a signal when the parent ends, where the kernel knows how."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


def main(arguments: list[str]) -> None:
    """End with the parent, then become the command."""
    parent, number, command = int(arguments[0]), signal.Signals(int(arguments[1])), arguments[2:]
    end_with_parent(number)
    if os.getppid() != parent:  # it ended before the kernel was asked
        raise SystemExit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
