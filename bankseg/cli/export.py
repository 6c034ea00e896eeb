"""`bankseg export`: the lists a person sees on screen, as a file."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import reported
from bankseg.delivery.columns import FORMATS, Format
from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.services import export_list
from bankseg.services.export_list import Exported
from bankseg.settings import Settings
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.storage.database import make_engine
from bankseg.storage.portfolio import PortfolioFilter

if TYPE_CHECKING:  # only the store makes engines
    from sqlalchemy import Engine

LISTS = ("portfolio", "cross-sell", "risk")


@click.command("export")
@click.argument("what", type=click.Choice(LISTS))
@click.option("--as", "login", required=True, help="Login of the person whose scope and rights apply.")
@click.option("--product", default="", help="Product of a cross-sell list.")
@click.option("--least-propensity", type=click.FloatRange(0, 1), default=0.0, help="Leave out candidates below this probability (cross-sell).")
@click.option("--top", type=click.IntRange(min=1), default=None, help="Keep only this many, likeliest first (cross-sell).")
@click.option("--format", "file_format", type=click.Choice(FORMATS), default="csv", show_default=True, help="Format of the file.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="File to write; default: one named after the list under the exports folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(  # noqa: PLR0913  # one argument an option
    what: str,
    login: str,
    product: str,
    least_propensity: float,
    top: int | None,
    file_format: Format,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Write the portfolio, a product's cross-sell list or the risk queue, as one person sees it."""
    with reported(as_json=as_json):
        settings = Settings()
        engine = make_engine(settings.store)
        scope = scope_of(engine, login)
        path = out or settings.exports / _file_name(what, product, scope, file_format)
        done = _export(engine, scope, what, path, file_format, CrossSellFilter(product, least_propensity), top)
    _tell(done, as_json=as_json)


def _export(engine: "Engine", scope: Scope, what: str, path: Path, file_format: Format, found: CrossSellFilter, top: int | None) -> Exported:
    match what:
        case "portfolio":
            return export_list.export_portfolio(engine, scope, PortfolioFilter(), path, file_format=file_format)
        case "risk":
            return export_list.export_risk(engine, scope, path, file_format=file_format)
        case _:
            if not found.product:
                raise InputError("a cross-sell list without a product", "--product P", "`bankseg status` names the products")
            return export_list.export_cross_sell(engine, scope, found, path, file_format=file_format, size=top)


def _file_name(what: str, product: str, scope: Scope, file_format: Format) -> str:
    safe = "".join(letter for letter in product if letter.isalnum() or letter in "_-")
    return "-".join(part for part in (what, safe, str(scope.person_id)) if part) + f".{file_format}"


def _tell(done: Exported, *, as_json: bool) -> None:
    document: dict[str, Any] = {**asdict(done), "path": str(done.path)}
    if as_json:
        click.echo(json.dumps(document))
        return
    console = Console()
    console.print(f"{done.rows} rows as of {date.fromisoformat(done.as_of):%Y-%m-%d} (run {done.run_id}) in {done.path}", markup=False)
    if done.candidates is not None:
        causes = ", ".join(f"{cause} {clients}" for cause, clients in sorted(done.removed.items())) or "nobody removed"
        console.print(f"{done.candidates} candidates = {done.rows} exported + {sum(done.removed.values())} removed ({causes})", markup=False)
