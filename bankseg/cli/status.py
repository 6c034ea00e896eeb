"""`bankseg status`: what is published."""

import click

from bankseg.cli.outcome import answer, reported
from bankseg.services.bank import open_bank
from bankseg.services.status import bank_status
from bankseg.settings import Settings


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_json: bool) -> None:
    """Show the published run, its clients, segments, targets and lists."""
    with reported(as_json=as_json):
        status = bank_status(open_bank(Settings()))
        lines = [f"published run: {status['published_run']} as of {status['as_of']}, {status['clients']:,} clients"]
        lines += [f"  {name:<16} {count:>9,}" for name, count in sorted(status["segments"].items(), key=lambda pair: -pair[1])]
        for target, model in status["targets"].items():
            auc = model["metrics"].get("roc_auc", {})
            lines.append(
                f"model {target:<28} v{model['version']}  AUC {auc.get('value', float('nan')):.3f} [{auc.get('low', float('nan')):.3f}, {auc.get('high', float('nan')):.3f}]"
            )
        lines += [f"no model for {target}: {why}" for target, why in status["refusals"].items()]
        answer(status, as_json=as_json, text="\n".join(lines))
