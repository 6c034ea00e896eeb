"""A child process that does one publish job and kills itself at a named point: HOME LAKE STORE_URL JOB POINT."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bankseg.services import jobs, publish
from bankseg.settings import Settings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> None:
        if after:
            function(*arguments, **named)
        die()

    return wrapped


def main() -> None:
    home, lake, store_url, job_id, point = sys.argv[1:]
    match point:
        case "rows of clients are in":
            publish.append = dying(publish.append, after=True)
        case "every row is in":
            publish._check = dying(publish._check, after=False)
        case "flipped but not committed":
            publish._flip = dying(publish._flip, after=True)
        case "published but not reported":
            jobs._finish = dying(jobs._finish, after=False)
    jobs.execute_job(Settings(home=Path(home), lake_url=lake, store_url=store_url, lease_seconds=5), int(job_id), "doomed")


if __name__ == "__main__":
    main()
