"""How every command ends: its answer, or one plain sentence and the exit code of the error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console

from bankseg.domain.errors import BanksegError, ConfigurationError, ServiceUnavailableError
from bankseg.storage.refusal import store_refusals_told


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Turn errors into a sentence on stderr (and a JSON document on stdout when asked) and their exit code."""
    try:
        with store_refusals_told():
            yield
    except BanksegError as error:
        _end(error, as_json=as_json)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        expected = "a disk with room, and the right to write there"
        _end(ServiceUnavailableError(f"{error.strerror or error}{where}", expected, "free space or name another place, and ask again"), as_json=as_json)
    except ValidationError as error:
        slips = "; ".join(f"{'.'.join(str(part) for part in slip['loc'])}: {slip['msg']}" for slip in error.errors())
        _end(ConfigurationError(f"a setting is wrong: {slips}", "valid BANKSEG_ variables", "see the settings reference"), as_json=as_json)


def answer(document: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Print the answer in the form asked for."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str) if as_json else text)


def _end(error: BanksegError, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": str(error), "exit_code": error.exit_code}))
    Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
    sys.exit(error.exit_code)
