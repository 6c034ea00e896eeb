"""Writes the generated reference pages: `python docs/generate.py`. A test compares them with what this would write."""

from pathlib import Path

import click
from pydantic import SecretStr

from bankseg.cli.main import main
from bankseg.domain.errors import BanksegError
from bankseg.settings import CHECKOUT, Settings

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py; change the source, not this page. -->\n\n"
HELP_WIDTH = 100


def pages() -> dict[str, str]:
    """Every generated page's text, by file name."""
    return {"settings.md": settings_page(), "exit-codes.md": exit_codes_page(), "command-line.md": command_line_page()}


def settings_page() -> str:
    """One row a setting."""
    lines = [
        "# Settings\n",
        "Every setting is an environment variable, read once when a process starts. A variable that ends in `_FILE` names a file that holds the value,",
        "for secrets; a value given directly wins.\n",
        "| Variable | Default | Meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `BANKSEG_{name.upper()}` | {_default(field.default)} | {field.description} |")
    lines += [
        "\n## For the tests only\n",
        "| Variable | Meaning |",
        "|---|---|",
        "| `BANKSEG_TEST_POSTGRES_URL` | PostgreSQL server on which the tests make databases of their own; empty: they start one |",
        "\n## For the build only\n",
        "| Variable | Meaning |",
        "|---|---|",
        "| `BANKSEG_NO_FRONT_END` | Set to anything: the build hook does not fetch the front-end files |",
    ]
    return "\n".join(lines) + "\n"


def exit_codes_page() -> str:
    """One row an error class."""
    lines = [
        "# Exit codes\n",
        "Every command ends with one of these. An error says what was found, what was expected and what to do; `--json` carries the same code as `exit_code`.\n",
        "| Code | Means | Web status |",
        "|---|---|---|",
    ]
    rows = [(0, "Done", "200"), (2, "The command line itself is wrong (unknown option, missing argument)", "")]
    classes = _with_subclasses(BanksegError)
    rows += [(found.exit_code, f"{(found.__doc__ or '').splitlines()[0]} (`{found.__name__}`)", str(found.status)) for found in classes]
    lines += [f"| {code} | {meaning} | {status} |" for code, meaning, status in sorted(rows)]
    return "\n".join(lines) + "\n"


def command_line_page() -> str:
    """The help of every command."""
    lines = ["# Command line\n", "`bankseg COMMAND --help` prints the same. Exit codes stand on [their own page](exit-codes.md).\n"]
    for command in commands():
        context = click.Context(command, info_name=f"bankseg {command.name}", max_content_width=HELP_WIDTH, terminal_width=HELP_WIDTH)
        lines += [f"## {command.name}\n", "```", command.get_help(context), "```\n"]
    return "\n".join(lines)


def commands() -> list[click.Command]:
    """Every command, by name."""
    return [command for _, command in sorted(main.commands.items())]


def _with_subclasses(found: type[BanksegError]) -> list[type[BanksegError]]:
    return [found, *(below for subclass in found.__subclasses__() for below in _with_subclasses(subclass))]


def _default(value: object) -> str:
    match value:
        case SecretStr():
            return ""
        case Path():
            return f"`{value.relative_to(CHECKOUT)}/` in the checkout" if value.is_relative_to(CHECKOUT) else f"`{value}`"
        case None | "":
            return ""
        case _:
            return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(NOTE + text, encoding="utf-8")
