"""Everything below `bankseg segments`: design, life and studies."""

from bankseg.cli import segment_life, segments, studies

command = segments.command
for step in (*segment_life.COMMANDS, *studies.COMMANDS):
    command.add_command(step)
