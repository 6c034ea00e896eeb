"""A child process with limits, in which files that people send are parsed: a hostile one takes nothing else down."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bankseg.domain.errors import BanksegError, ConfigurationError, InputError, MissingDataError, ServiceUnavailableError

# Address space, of which an engine reserves far more than it uses.
MOST_MEMORY_BYTES = 12 << 30
MOST_CPU_SECONDS = 600
MOST_SECONDS = 300
REFUSED = 1
KINDS = {kind.__name__: kind for kind in (InputError, ConfigurationError, MissingDataError, ServiceUnavailableError)}


def run_in_child(module: str, question: Mapping[str, Any], told_name: str) -> dict[str, Any]:
    """Ask a module's `serve` in a process of its own; question and answer are JSON. `Any`: JSON values.

    Raises
    ------
    BanksegError
        What the child refused with, in its own words, or that it took more time or memory than a file may.
    """
    command = [sys.executable, "-m", module]
    try:
        done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{told_name} took more than {MOST_SECONDS} s to read", "a smaller file", "send it in parts, or load it by the command line"
        ) from error
    if done.returncode not in {0, REFUSED}:
        raise InputError(f"{told_name} took more memory or time than a file may", "a smaller file", "send it in parts, or load it by the command line")
    answer: dict[str, Any] = json.loads(done.stdout)
    if done.returncode == REFUSED:
        raise KINDS.get(answer["kind"], InputError)(answer["found"], answer["expected"], answer["remedy"])
    return answer


def serve(work: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Answer one question from the standard input; the child's own limits are set first."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    try:
        answer = work(json.load(sys.stdin))
    except BanksegError as error:
        answer = {"kind": type(error).__name__, "found": error.found, "expected": error.expected, "remedy": error.remedy}
        sys.stdout.write(json.dumps(answer))
        return REFUSED
    sys.stdout.write(json.dumps(answer))
    return 0
