"""The command line: one command, one service."""

import logging

import click

from bankseg import __version__
from bankseg.cli import (
    backup,
    catalogue,
    clv,
    compact,
    contacts,
    database,
    demo,
    doctor,
    erase,
    evaluate,
    export,
    ingest,
    init,
    models,
    monitor,
    remote,
    reproduce,
    restore_drill,
    segment_life,
    segments,
    stages,
    status,
    studies,
    tune,
    up,
    webhook,
)
from bankseg.embedded import openmp


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bankseg")
def main() -> None:
    """Customer-value scoring for banks: extracts in; tiers, propensities, segments and lists out."""
    openmp.ensure()  # before anything loads LightGBM
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


for module in (
    init,
    ingest,
    compact,
    status,
    catalogue,
    evaluate,
    export,
    demo,
    doctor,
    tune,
    up,
    models,
    monitor,
    remote,
    reproduce,
    segments,
    clv,
    contacts,
    backup,
    restore_drill,
    database,
    webhook,
):
    main.add_command(module.command)
for step in segment_life.COMMANDS:
    segments.command.add_command(step)
for study in studies.COMMANDS:
    segments.command.add_command(study)
for right in erase.COMMANDS:
    main.add_command(right)
for command in stages.COMMANDS:
    main.add_command(command)
