"""A command loads what it needs and no more: who asks for the status does not wait for the libraries of training."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from bankseg.cli import main as command_line
from bankseg.cli.main import MODULES, main

HEAVY = ("lightgbm", "pandas", "scipy", "sklearn", "flask", "celery", "redis")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_listed_command_is_there_under_its_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name


def test_no_command_of_a_module_was_forgotten() -> None:
    folder = Path(str(command_line.__file__)).parent
    modules = {name: import_module(f"bankseg.cli.{name}") for name in {path.stem for path in folder.glob("*.py")} - {"__init__", "main"}}
    below_segments = {"segments", "segment_life", "studies"}
    offered = {
        (command.name, name)
        for name, module in modules.items()
        if name not in below_segments
        for command in getattr(module, "COMMANDS", None) or [getattr(module, "command", None)]
        if isinstance(command, click.Command)
    }

    assert offered == set(MODULES.items())


def test_an_unknown_command_is_told_without_a_trace() -> None:
    done = subprocess.run([str(Path(sys.executable).with_name("bankseg")), "stats"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "stats" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["status", "ingest", "export", "remote", "catalogue"])
def test_a_short_command_loads_no_heavy_library(name: str) -> None:
    code = f"import sys; from bankseg.cli.main import main, MODULES; main.get_command(None, {name!r}); print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_web_starts_without_the_libraries_of_training() -> None:
    code = f"import sys, bankseg.wsgi; print([m for m in {HEAVY[:4]!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
