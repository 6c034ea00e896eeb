"""The command line: one command, one service."""

import logging
import sys
from contextlib import nullcontext
from importlib import import_module

import click

from bankseg import __version__
from bankseg.embedded import openmp
from bankseg.starting import starting

# Where each command is: its module is imported when it is asked for, so that a short one does not wait for the libraries of training.
MODULES = {
    "advisers": "advisers",
    "backup": "backup",
    "catalogue": "catalogue",
    "clv": "clv",
    "compact": "compact",
    "contacts": "contacts",
    "database": "database",
    "demo": "demo",
    "doctor": "doctor",
    "erase": "erase",
    "evaluate": "evaluate",
    "export": "export",
    "ingest": "ingest",
    "init": "init",
    "models": "models",
    "monitor": "monitor",
    "objection": "erase",
    "publish": "stages",
    "remote": "remote",
    "reproduce": "reproduce",
    "restore-drill": "restore_drill",
    "run": "stages",
    "score": "stages",
    "segment": "stages",
    "segments": "segment_commands",
    "snapshot": "stages",
    "status": "status",
    "subject-access": "erase",
    "train": "stages",
    "tune": "tune",
    "up": "up",
    "webhook": "webhook",
}


class Commands(click.Group):
    """The commands by name, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name there is."""
        del ctx
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None when there is none."""
        del ctx
        if cmd_name not in MODULES:
            return None
        name = f"bankseg.cli.{MODULES[cmd_name]}"
        with nullcontext() if name in sys.modules else starting():
            module = import_module(name)
        found: dict[str | None, click.Command] = {command.name: command for command in getattr(module, "COMMANDS", None) or [module.command]}
        return found[cmd_name]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bankseg")
def main() -> None:
    """Customer-value scoring for banks: extracts in; tiers, propensities, segments and lists out."""
    openmp.ensure()  # before anything loads LightGBM
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
