"""Writes the generated reference pages: `python docs/generate.py`. A test compares them with what this would write."""

import json
import pkgutil
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from copy import copy
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import click
from pydantic import SecretStr

import bankseg
from bankseg.cli.main import main
from bankseg.domain.assignment import assignment_terms
from bankseg.domain.errors import BanksegError
from bankseg.domain.horizon import WINDOW_DAYS
from bankseg.domain.policy import Policy, load_policy
from bankseg.domain.reasons import reason_families
from bankseg.domain.rights import Right
from bankseg.domain.rule_words import words
from bankseg.domain.suitability import unsuitable_rules
from bankseg.features.catalogue import EACH_PRODUCT, EACH_WINDOW, Group, groups
from bankseg.propensity.targets import Target, targets_for
from bankseg.settings import CHECKOUT, Settings
from bankseg.web.api.description import description
from bankseg.web.app import create_app
from bankseg.web.policy import POLICY

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py; change the source, not this page. -->\n\n"
HELP_WIDTH = 100


def pages() -> dict[str, str]:
    """Every generated page's text, by file name."""
    return {
        "settings.md": settings_page(),
        "exit-codes.md": exit_codes_page(),
        "command-line.md": command_line_page(),
        "features.md": features_page(),
        "targets.md": targets_page(),
        "reasons.md": reasons_page(),
        "policy.md": policy_page(),
        "api.md": api_page(),
        "openapi.json": json.dumps(api_description(), indent=1, ensure_ascii=False, sort_keys=True) + "\n",
    }


def api_description() -> dict[str, Any]:
    """The description of the API, made from the code as the service makes it."""
    return description(create_app(Settings(home=Path(tempfile.gettempdir()) / "bankseg-docs", secret_key=SecretStr(secrets.token_hex()))))


def api_page() -> str:
    """One row a call of the API."""
    lines = [
        "# API\n",
        "Every call under `/api/v1`, made from [its OpenAPI description](openapi.json); `/api/docs` of a running service shows the same with forms to try it. How to call",
        "stands in [Use the API](../how-to/use-the-api.md). A call opens for whoever has the right: of the role, and of the token.\n",
    ]
    parts: dict[str, list[str]] = {}
    doors = {endpoint.replace(".", "_"): door for endpoint, door in POLICY.items()}
    for path, calls in sorted(api_description()["paths"].items()):
        for method, call in calls.items():
            right = f"`{doors[call['operationId']]}`" if isinstance(doors[call["operationId"]], Right) else "everybody"
            parts.setdefault(call["tags"][0], []).append(f"| `{method.upper()}` | `{path}` | {call['summary']} | {right} |")
    for tag, rows in sorted(parts.items()):
        lines += [f"## {tag.capitalize()}\n", "| Method | Address | Does | Right |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


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
    """One row an error class; every module is read first, so that the page does not hang on what happens to be imported."""
    for module in pkgutil.walk_packages(bankseg.__path__, "bankseg."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    lines = [
        "# Exit codes\n",
        "Every command ends with one of these. An error says what was found, what was expected and what to do; `--json` carries the same code as `exit_code`.\n",
        "| Code | Means | Web status |",
        "|---|---|---|",
    ]
    rows = [(0, "Done", "200"), (2, "The command line itself is wrong (unknown option, missing argument)", "")]
    classes = [found for found in _with_subclasses(BanksegError) if found.__module__.startswith("bankseg.")]
    rows += [(found.exit_code, f"{(found.__doc__ or '').splitlines()[0]} (`{found.__name__}`)", str(found.status)) for found in classes]
    lines += [f"| {code} | {meaning} | {status} |" for code, meaning, status in sorted(rows)]
    return "\n".join(lines) + "\n"


def command_line_page() -> str:
    """The help of every command."""
    lines = ["# Command line\n", "`bankseg COMMAND --help` prints the same. Exit codes stand on [their own page](exit-codes.md).\n"]
    for name, command in commands():
        fresh = copy(command)  # click keeps the help option as it was first asked for, which hangs on who asked
        fresh._help_option = None  # noqa: SLF001
        context = click.Context(fresh, info_name=f"bankseg {name}", max_content_width=HELP_WIDTH, terminal_width=HELP_WIDTH, help_option_names=["-h", "--help"])
        lines += [f"## {name}\n", "```", fresh.get_help(context), "```\n"]
    return "\n".join(lines)


def features_page() -> str:
    """One table a feature group."""
    lines = [
        "# Features\n",
        "Every column of a snapshot: one row a client and as-of date, computed by the SQL file of its group from point-in-time views, so that nothing later",
        "than the as-of date can be seen. A group exists when all its extracts are loaded; otherwise its features are absent. Null means not known.\n",
        "Money is in minor units (cents). A name in angle brackets stands for each of the bank's products. A model reads only features whose purposes hold",
        "`propensity`. `bankseg catalogue` lists a bank's own features with the share of clients that have each.\n",
    ]
    for group in groups():
        lines += [f"## {group.name}\n", f"From {_listed(group.requires)}; `bankseg/features/groups/{group.name}.sql`.\n"]
        lines += ["| Feature | Meaning | Unit | Family | Purposes |", "|---|---|---|---|---|", *_feature_rows(group), ""]
    lines += [
        "## The attributes door\n",
        "A column that a mapping declares under `[extract.attributes]` becomes the feature `attr_<name>` with the label, family, purposes and direction given",
        "there. One that is declared protected describes only: no model, rule text or reason can name it.",
    ]
    return "\n".join(lines) + "\n"


def targets_page() -> str:
    """One row a target."""
    horizon = load_policy().section("horizon")
    shared = {
        "gap_days": horizon["gap_days"],
        "horizon_days": horizon["outcome_days"],
        "minimum_positives": load_policy().section("churn")["minimum_positives"],
    }
    targets = targets_for(shared, ["<product>"], ["<name>"])
    lines = [
        "# Targets\n",
        "What is estimated, over whom, and when the outcome counts: in the window after the gap, `(as_of + gap, as_of + gap + window]`. Outcomes are observed by",
        "the SQL of each sense, which alone may read past the as-of date. A client whose outcome cannot be observed, or ended otherwise than the target says,",
        "is left out of training, never counted as zero; so is every origin whose window has not closed.\n",
        "A target with too few positives is refused with the number found and the number needed; the run goes on without it. No propensity may serve a decision",
        "on credit. The common table `eligible` of the outcome's SQL is both whom a model learns from and who is scored.\n",
        "| Target | Over whom | Gap, window (days) | Left out | May serve | Materiality | Fewest positives | Outcome |",
        "|---|---|---|---|---|---|---|---|",
        *(_target_row(target) for target in targets),
    ]
    return "\n".join(lines) + "\n"


def reasons_page() -> str:
    """One row a reason family."""
    lines = [
        "# Reason families\n",
        "What a reason of a propensity is called. The code is stable and stored with every reason; a family speaks for the families of the",
        "[feature catalogue](features.md) named beside it. A bank's own attribute may name a family that is not here; it speaks for itself under R99.\n",
        "| Code | Family | English | French | Speaks for |",
        "|---|---|---|---|---|",
        *(f"| {entry.code} | `{entry.family}` | {entry.english} | {entry.french} | {', '.join(entry.speaks_for)} |" for entry in reason_families()),
    ]
    return "\n".join(lines) + "\n"


def policy_page() -> str:
    """One table a section of the policy, then its rules in words."""
    policy = load_policy()
    lines = [
        "# Policy\n",
        "Every threshold is an entry of `bankseg/policies/default.toml`. A bank writes what it changes into a file of its own, in the same form, and names that file",
        "in `BANKSEG_POLICY_FILE`; the rest stays. An entry the default does not have, or of another kind, is refused, except that products, channels, score",
        "sources and kinds of client may be added. The hash of the policy in force is part of a run's key: another policy is another run.\n",
    ]
    text = files("bankseg.policies").joinpath("default.toml").read_text(encoding="utf-8")
    comments = _comments(text)
    for name, entries in _sections(text, policy.values):
        if entries and name:
            lines += [f"## {name}\n", "| Entry | Default | Note |", "|---|---|---|"]
            lines += [f"| `{key}` | {_policy_value(value)} | {comments.get((name, key), '')} |" for key, value in entries.items()]
            lines.append("")
    return "\n".join([*lines, *_rules(policy)]) + "\n"


def _rules(policy: Policy) -> list[str]:
    lines = [
        "## Early-warning rules\n",
        "A client is in the high-risk segment at stage 2 or 3, with any red, or with ambers of two families or more. A missing value fires nothing.\n",
        "| Rule | Family | Amber | Red |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {trigger.code} | {trigger.family} | {words(trigger.amber) if trigger.amber else ''} | {words(trigger.red) if trigger.red else ''} |"
        for trigger in policy.triggers()
    ]
    lines += [
        "\n## What suits whom\n",
        "A product is not proposed to a client for whom one of these holds. A rule over an attribute the bank does not have bars nothing.\n",
        "| Rule | Products | When |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{rule.code}` | {', '.join((*(f'every {nature} product' for nature in rule.natures), *rule.products))} | {words(rule.when)} |"
        for rule in unsuitable_rules(policy.section("cross_sell")["unsuitable"])
    ]
    lines += [
        "\n## What clients need of their adviser\n",
        "A client for whom the rule holds needs an adviser with the skill; who lacks it costs `assignment.skill_unmet` points.\n",
        "| Skill | When |",
        "|---|---|",
        *(f"| `{need.code}` | {words(need.when)} |" for need in assignment_terms(policy.section("assignment")).needs),
        "\n## Segments\n",
        "The first rule that holds gives the segment, and is kept as its reason; the last has no rule and always holds.\n",
        "| Segment | Name | Action | Owner | When |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| `{entry.code}` | {entry.label_en} / {entry.label_fr} | {entry.action} | {entry.owner} | {words(entry.when)} |" for entry in policy.segments()]
    return lines


def _feature_rows(group: Group) -> Iterator[str]:
    for feature in group.templates:
        names = [feature.name.replace(EACH_WINDOW, f"_{days}d") for days in WINDOW_DAYS] if EACH_WINDOW in feature.name else [feature.name]
        shown = ", ".join(f"`{name.replace(EACH_PRODUCT, '_<product>')}`" for name in names)
        yield f"| {shown} | {feature.definition} | {feature.unit} | {feature.family} | {', '.join(feature.purposes)} |"


def _target_row(target: Target) -> str:
    window = f"{target.gap_days}, {target.horizon_days}" if target.has_time else "none: known without a date"
    return (
        f"| `{target.name}` | {target.population} | {window} | {', '.join(target.exclusions)} | {', '.join(target.purposes)} | {target.materiality} | {target.minimum_positives} "
        f"| `bankseg/features/labels/{target.label_sql}.sql` |"
    )


def _sections(text: str, values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sections of a TOML text in order, each with the entries that are no section themselves and no rules, which are told in words."""
    names = ["", *re.findall(r"^\[([a-z_.0-9]+)\]", text, re.MULTILINE)]
    for name in names:
        table: Any = values
        for part in filter(None, name.split(".")):
            table = table[part]
        yield name, {key: value for key, value in table.items() if f"{name}.{key}".lstrip(".") not in names and not _is_rules(value)}


def _is_rules(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(part, Mapping) and "code" in part for part in value)


def _policy_value(value: Any) -> str:
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case Mapping():
            return ", ".join(f"{key} {part}" for key, part in value.items())
        case list():
            return "; ".join(_policy_value(part) for part in value) if any(isinstance(part, Mapping) for part in value) else ", ".join(map(str, value))
        case _:
            return f"`{value}`"


def _comments(text: str) -> dict[tuple[str, str], str]:
    """The note behind each entry, or in the lines right above it."""
    found: dict[tuple[str, str], str] = {}
    section, above = "", ""
    for line in text.splitlines():
        if header := re.match(r"\[+([a-z_.0-9]+)\]+", line):
            section, above = header[1], ""
        elif line.startswith("#"):
            above = f"{above} {line.lstrip('# ')}".strip()
        elif entry := re.match(r"(\w+) = .*?(?:  # (.*))?$", line):
            found[section, entry[1]], above = entry[2] or above, ""
    return found


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def commands() -> list[tuple[str, click.Command]]:
    """Every command with its name, the parts of a group behind it."""
    found: list[tuple[str, click.Command]] = []
    context = click.Context(main)
    for name in main.list_commands(context):
        command = cast("click.Command", main.get_command(context, name))  # it is listed, so it is there
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {part}", below) for part, below in sorted(command.commands.items())]
    return found


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
        (REFERENCE / name).write_text((NOTE if name.endswith(".md") else "") + text, encoding="utf-8")
