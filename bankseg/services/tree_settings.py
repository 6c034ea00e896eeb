"""Settings of a target's trees: the policy's, or those a tuning found while they still speak of the same outcome and features."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from bankseg.features.build import features_digest
from bankseg.lake.files import versions_digest
from bankseg.propensity.growth import Growth
from bankseg.propensity.journal import Journal
from bankseg.propensity.targets import Target
from bankseg.propensity.train import Setup
from bankseg.propensity.tune import found_in
from bankseg.services.bank import Bank
from bankseg.services.registry import definition_of
from bankseg.storage.run import Run


def setup_for(bank: Bank, run: Run, target: Target) -> Setup:
    """The policy's settings, with what the latest valid tuning of the target found laid over them.

    A tuning is valid for a training of the same outcome and features, from its own date on for `tuning.valid_days` of the policy; the card says when it was made,
    and whether on the very data of this run.
    """
    policy = policy_growth(bank)
    if not target.has_time:
        return Setup(policy)
    lines = [line for line in journal_of(bank, target).read() if line["meaning"] == meaning_of(bank, target) and _is_valid(bank, run, line["as_of"])]
    if not lines:
        return Setup(policy)
    latest = max(lines, key=lambda line: str(line["as_of"]))["as_of"]
    key = [line for line in lines if line["as_of"] == latest][-1]["key"]
    found = found_in([line for line in lines if line["key"] == key], seed=int(lines[-1]["seed"]))
    about = {"as_of": latest, "same_data": key == key_of(bank, run, target)}
    return Setup(policy.with_(found.best), found.as_json() | about)


def setup_of_card(card: dict[str, Any]) -> Setup:
    """The settings a model was trained with, to train it again to the byte. `Any`: JSON."""
    return Setup(Growth.of(card["growth"] or {}), card["tuning"], int(card["threads"]))


def policy_growth(bank: Bank) -> Growth:
    """Settings of the trees as the policy gives them."""
    return Growth.of(bank.policy.section("training"))


def journal_of(bank: Bank, target: Target) -> Journal:
    """The journal of a target's tunings, beside the artefacts."""
    folder: Path = bank.settings.artefacts.parent / "tuning"
    return Journal(folder / f"{target.name.replace(':', '__')}.jsonl")


def meaning_of(bank: Bank, target: Target) -> str:
    """Digest of what the settings were found for: the target's outcome and the definitions of the features."""
    return sha256(f"{target.name}:{definition_of(bank, target)}:{features_digest()}".encode()).hexdigest()


def key_of(bank: Bank, run: Run, target: Target) -> str:
    """Digest of one search: its meaning, the data it learned from, and the settings it had to beat."""
    parts = [meaning_of(bank, target), versions_digest(run.table_versions), run.as_of, run.plan["targets"].get(target.name), policy_growth(bank).as_json()]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _is_valid(bank: Bank, run: Run, tuned_on: str) -> bool:
    age_days = (date.fromisoformat(run.as_of) - date.fromisoformat(tuned_on)).days
    return 0 <= age_days <= int(bank.policy.section("tuning")["valid_days"])
