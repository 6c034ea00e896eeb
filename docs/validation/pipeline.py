"""Writes docs/validation/pipeline.md: every public data set through the whole service, from extract files to published lists.

    python docs/validation/pipeline.py [MAPPING ...]

Each set gets a home of its own in a temporary folder and goes through the commands any user has: init, ingest, run. The data is read from
../shared/data; a set that is absent is left out of the page.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bankseg.services.bank import open_bank
from bankseg.settings import Settings
from bankseg.storage.database import reading
from bankseg.storage.propensity_model import PropensityModel, champions

ROOT = Path(__file__).resolve().parents[2]
DATA = Path("../shared/data")
PAGE = ROOT / "docs" / "validation" / "pipeline.md"
MOST_REASONS = 3


@dataclass(frozen=True)
class Case:
    """One public data set and how it is run."""

    mapping: str
    folder: str
    as_of: str | None = None
    policy: str | None = None

    def commands(self) -> list[list[str]]:
        """What a user types."""
        return [
            ["init"],
            ["ingest", str(DATA / self.folder), "--mapping", f"mappings/{self.mapping}.toml", "--json"],
            ["run", *(["--as-of", self.as_of] if self.as_of else []), "--json"],
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {"BANKSEG_POLICY_FILE": self.policy} if self.policy else {}

    @property
    def line(self) -> str:
        """The commands on one line, for the page."""
        prefix = " ".join(f"{name}={value}" for name, value in {"BANKSEG_HOME": f"var/{self.mapping}", **self.environment}.items())
        return "; ".join(f"{prefix} bankseg {' '.join(part for part in command if part != '--json')}" for command in self.commands())


CASES = (
    Case("churn_modelling", "churn_modelling"),
    Case("churn_modelling_dirty", "churn_modelling"),
    Case("bank_marketing_additional", "bank_marketing"),
    Case("bank_marketing_full", "bank_marketing"),
    Case("hillstrom", "hillstrom"),
    Case("berka", "berka", "1998-12-31", "mappings/policies/berka.toml"),
    Case("cdnow", "cdnow"),
)

INTRODUCTION = """<!-- Written by docs/validation/pipeline.py; change the script, not this page. -->

# Public data through the whole service

Each set is loaded through its mapping and run as a bank would: `bankseg init`, `bankseg ingest`, `bankseg run`. Seconds are on two cores, with a worker and
the embedded broker started for the run. Regenerate with `python docs/validation/pipeline.py`.

## Intake

Rows are counted for each table a file feeds; read = accepted + quarantined + duplicates + filtered, or the load is refused.

| Mapping | Table | Read | Accepted | Quarantined | Duplicates | Filtered | Top reasons |
|---|---|---:|---:|---:|---:|---:|---|
"""
MODELS = """
## Models

Flat files have no time: their labels are cross-validated, and the card says so. Berka is judged out of time, on the last origin whose outcomes have matured.

| Mapping | Target | Validation | Positives | AUC (95 % interval) | Lift 10 % | Brier | ECE |
|---|---|---|---:|---|---:|---:|---:|
"""
RUNS = """
## Runs

| Mapping | As of | Clients published | Tiers | Segments | Seconds | Targets refused, and why |
|---|---|---:|---|---|---:|---|
"""
COMMANDS = """
## Commands

"""
LIMITS = """
## How to read this

- The flat churn and marketing files reach here what `bankseg evaluate` reaches on them without a lake ([public files](public-data.md)), less what the protected
  columns (sex, country of residence, marital status) are worth: a bank's model may not read them, so the service never does, while `evaluate` takes every column it is given.
- Berka's transactions end in March 1994 in the published slice, its cards and loans in 1998: for every later origin activity looks silent, so these models rest on
  accounts, tenure, age and place. That is a limit of the slice; the same commands on the full file have more to learn from.
- CDNOW has one kind of event and 18 months of it: tiers and RFM are published, and no churn model is trained, because train, calibration and test windows do not fit.
"""


def main(names: list[str]) -> None:
    intake, models, runs, commands = [], [], [], []
    for case in CASES:
        if not (ROOT / DATA / case.folder).is_dir() or (names and case.mapping not in names):
            continue
        with tempfile.TemporaryDirectory(prefix="bankseg-pipeline-") as home:
            start = time.monotonic()
            _, loaded, outcome = (_bankseg(case, home, command) for command in case.commands())
            seconds = time.monotonic() - start
            status = _bankseg(case, home, ["status", "--json"])
            trained = _models(home)
        intake += [_intake_row(case, file) for file in loaded["files"] if file["state"] != "already_loaded"]
        models += [_model_row(case, model, card) for model, card in trained]
        runs.append(_run_row(case, outcome, status, seconds))
        commands.append(f"- `{case.line}`")
        print(*intake[-1:], *(_model_row(case, model, card) for model, card in trained), runs[-1], sep="\n", flush=True)
    parts = [INTRODUCTION, *intake, MODELS, *models, RUNS, *runs, COMMANDS, *commands]
    if not names:
        PAGE.write_text("".join(part if part.endswith("\n") else f"{part}\n" for part in parts) + LIMITS, encoding="utf-8")


def _bankseg(case: Case, home: str, command: list[str]) -> dict[str, Any]:
    environment = {**os.environ, **case.environment, "BANKSEG_HOME": home}
    done = subprocess.run([Path(sys.executable).with_name("bankseg"), *command], check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bankseg {' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout) if "--json" in command else {}
    return found


def _models(home: str) -> list[tuple[PropensityModel, dict[str, Any]]]:
    settings = Settings(home=Path(home))
    bank = open_bank(settings)
    with reading(bank.engine) as session:
        found = champions(session)
        session.expunge_all()
    bank.engine.dispose()
    return [(model, json.loads((settings.artefacts / model.digest / "card.json").read_text(encoding="utf-8"))) for model in found]


def _intake_row(case: Case, file: dict[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(file["reasons"].items())[:MOST_REASONS]) or ""
    counts = " | ".join(f"{file[key]:,}" for key in ("read", "accepted", "quarantined", "duplicates", "filtered"))
    return f"| {case.mapping} | {file['table']} | {counts} | {reasons} |"


def _model_row(case: Case, model: PropensityModel, card: dict[str, Any]) -> str:
    metrics = model.metrics
    auc = metrics["roc_auc"]
    figures = " | ".join(f"{metrics[name]['value']:.{digits}f}" for name, digits in (("lift10", 2), ("brier", 4), ("ece", 4)))
    return f"| {case.mapping} | {model.target} | {card['validation']} | {model.positives:,} | **{auc['value']:.3f}** ({auc['low']:.3f} to {auc['high']:.3f}) | {figures} |"


def _run_row(case: Case, outcome: dict[str, Any], status: dict[str, Any], seconds: float) -> str:
    tiers, segments = (", ".join(f"{name} {clients:,}" for name, clients in status[key].items()) for key in ("tiers", "segments"))
    refusals = "; ".join(f"{target}: {why.split(' Expected:')[0]}" for target, why in outcome["refusals"].items())
    return f"| {case.mapping} | {outcome['as_of']} | {outcome['clients']:,} | {tiers} | {segments} | {seconds:.0f} | {refusals} |"


if __name__ == "__main__":
    main(sys.argv[1:])
