"""`bankseg monitor`: how the models in use are doing."""

from typing import Any

import click

from bankseg.cli.outcome import answer, reported
from bankseg.domain.governance import figure
from bankseg.services.bank import open_bank
from bankseg.services.monitor import monitor
from bankseg.settings import Settings
from bankseg.storage import schema


@click.command("monitor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """Observe the published runs: drift, outcomes that have matured, alerts and proposals to train again. Beat does the same every BANKSEG_MONITOR_SECONDS."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        schema.upgrade(bank.engine)
        found = monitor(bank)
        lines = [_line(one) for one in found.champions] or ["no model is in use yet"]
        lines += [f"alert {one['id']} ({one['level']}, {one['state']}, {one['owner']}): {one['target']}: {one['words']}" for one in found.alerts]
        lines += [f"proposed to train again: {target}" for target in found.proposals]
        lines.append(f"{found.observed} observations added, {found.matured} completed by outcomes")
        document = {
            "champions": found.champions,
            "alerts": found.alerts,
            "proposals": found.proposals,
            "observed": found.observed,
            "matured": found.matured,
        }
        answer(document, as_json=as_json, text="\n".join(lines))


def _line(one: dict[str, Any]) -> str:
    if not one["as_of"]:
        return f"{one['target']:<28} v{one['version']:<3} not observed: no published run of it is kept"
    drift = "trained before drift was measured"
    if one["score_psi"] is not None:
        drift = f"PSI {figure(one['score_psi'], 'en')} {one['score_level']}, {len(one['moved_attributes'])} attributes moved"
    if one["outcome"]:
        came = (
            f"outcomes of {one['outcome_as_of']}: AUC {figure(one['outcome']['roc_auc'], 'en')}, observed over expected {figure(one['outcome']['ratio'], 'en')}"
        )
    elif one["matures_on"]:
        came = f"outcomes not matured yet: known from {one['matures_on']} on"
    else:
        came = "outcomes have no date"
    return f"{one['target']:<28} v{one['version']:<3} as of {one['as_of']}  {drift}; {came}"
