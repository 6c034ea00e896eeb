"""`bankseg clv`: lifetime value of a published run, and its back-test."""

from datetime import datetime
from pathlib import Path

import click

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.delivery.columns import in_units
from bankseg.embedded.supervise import embedded_services
from bankseg.services.bank import Bank, open_bank
from bankseg.services.lifetime_page import LifetimePage, lifetime_page, write_values
from bankseg.services.segment_studies import Asked, ask_for_study, follow_study
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading


@click.command("clv")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Date of the published run; default: the one readers see.")
@click.option("--back-test", is_flag=True, help="Also hold what the chain would have said a year ago against what was earned since.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the value of every client to this file: .csv or .parquet.")
@click.option("--as", "login", default="", help="Login of the person who asks; without it the operator.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(as_of: datetime | None, out: Path | None, login: str, *, back_test: bool, as_json: bool) -> None:
    """Show what clients are expected to bring over the coming months, by tier, with the two plain estimates beside it."""
    with reported(as_json=as_json):
        bank = open_bank(Settings())
        schema.upgrade(bank.engine)
        scope = scope_of(bank.engine, login) if login else None
        check = _checked(bank, quiet=as_json) if back_test else None
        with reading(bank.engine) as session:
            page = lifetime_page(bank.settings, session, scope, as_of.date() if as_of else None)
            if out is not None:
                write_values(bank.settings, session, scope, out, as_of.date() if as_of else None)
        document = {
            "run": page.stamp.run_id, "as_of": page.stamp.as_of.isoformat(), **page.summary, "total": page.total, "tiers": page.by_tier, "segments": page.by_segment,
            "back_test": check.study.result if check else None,
        }  # fmt: skip
        answer(document, as_json=as_json, text="\n".join(_lines(page, check)))


def _checked(bank: Bank, *, quiet: bool) -> Asked:
    with embedded_services(bank.settings) as services, bars(quiet=quiet) as progress:
        number = ask_for_study(bank.settings, bank.engine, None, "lifetime", {})
        show = counted_bar(progress)

        def watched(found: Asked) -> None:
            if found.job is not None and found.job.total:
                show(f"back-test:{found.job.message}", found.job.done, found.job.total)

        return follow_study(bank, number, watched, services.pause)


def _lines(page: LifetimePage, check: Asked | None) -> list[str]:
    if page.summary["why"]:
        return [f"run {page.stamp.run_id} as of {page.stamp.as_of}: no data: {page.summary['why']}"]
    lines = [f"run {page.stamp.run_id} as of {page.stamp.as_of}: over {page.summary['months']} months, {page.total['known']:,} clients, {page.currency}"]
    lines += [
        f"{row['code']:10s} {row['clients']:>9,} clients  {_units(row['clv_minor'], page.currency):>16s}  median {_units(row['median_minor'], page.currency):>10s}"
        for row in page.by_tier
    ]
    for name, one in (check.study.result["estimates"] if check else {}).items():
        lines.append(
            f"back-test {name:8s} rank {one['rank_correlation']:.3f}  top tenth {one['top_decile_capture']:.1%}  predicted over realised {one['sum_ratio']:.2f}"
        )
    return lines


def _units(minor: int | None, currency: str) -> str:
    return "no data" if minor is None else f"{in_units(minor, currency):,.0f}"
