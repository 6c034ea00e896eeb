"""`bankseg segments tree | clusters | lookalike`: studies of the published run, done by a worker."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bankseg.cli.identity import scope_of
from bankseg.cli.outcome import answer, reported
from bankseg.cli.progress import bars, counted_bar
from bankseg.domain.errors import InputError
from bankseg.domain.people import Scope
from bankseg.embedded.supervise import embedded_services
from bankseg.services.bank import Bank, open_bank
from bankseg.services.segment_studies import Asked, ask_for_study, follow_study
from bankseg.services.study_pages import scheme_of, study_clients
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading

ATTRIBUTES = click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME", help="Attribute the study reads; may be given several times. Default: the usual ones."
)
AS_LOGIN = click.option("--as", "login", default="", help="Login of the person who asks; without it the operator.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
SCHEME = click.option(
    "--scheme-out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the scheme it proposes to this JSON file, for `segments save`."
)
OUT = click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the clients it placed to this file: .csv or .parquet.")


@click.command("tree")
@click.option("--goal", default="value", show_default=True, help="What to part clients by: value, churn, response, or p:TARGET.")
@click.option("--depth", type=click.IntRange(1, 6), default=3, show_default=True, help="Most questions in a row.")
@click.option("--least-clients", type=click.IntRange(1), default=500, show_default=True, help="Least clients of a leaf.")
@click.option("--leaves", type=click.IntRange(2, 16), default=8, show_default=True, help="Most leaves.")
@ATTRIBUTES
@SCHEME
@AS_LOGIN
@AS_JSON
def tree(attributes: tuple[str, ...], scheme_out: Path | None, login: str, *, as_json: bool, **asked: Any) -> None:  # Any: numbers and texts
    """Part the clients by questions that tell a goal apart, top-down, checked on clients the tree never saw."""
    with reported(as_json=as_json):
        bank, found = _studied("tree", {**asked, "attributes": attributes}, login, quiet=as_json)
        del bank
        _write_scheme(found, scheme_out)
        lines = [f"{place}. {leaf['clients']:>8,} clients  goal {leaf['grown']['value']:,.4g}  {json.dumps(leaf['rule'])}" for place, leaf in enumerate(found.study.result["leaves"], start=1)]  # fmt: skip
        _told(found, lines, as_json=as_json)


@click.command("clusters")
@click.option("--method", type=click.Choice(["k_means", "density"]), default="k_means", show_default=True, help="How clusters are found.")
@click.option("--k", type=click.IntRange(2, 8), default=None, help="Number of clusters; default: chosen by stability.")
@ATTRIBUTES
@SCHEME
@OUT
@AS_LOGIN
@AS_JSON
def clusters(attributes: tuple[str, ...], scheme_out: Path | None, out: Path | None, login: str, *, as_json: bool, **asked: Any) -> None:  # Any: as above
    """Group clients who are alike, bottom-up, with how far the groups can be believed and the rule nearest to each."""
    with reported(as_json=as_json):
        bank, found = _studied("clusters", {**asked, "attributes": attributes}, login, quiet=as_json)
        _write_scheme(found, scheme_out)
        _write_clients(bank, found, out)
        result = found.study.result
        lines = [f"silhouette {result['judged']['silhouette']['value']:.2f}, adjusted Rand {result['judged']['rand']['value']:.2f}"]
        for card in result["cards"]:
            lines += [f"cluster {card['cluster']}: {card['clients']:,} clients ({card['share']:.1%})", *(f"   {trait['en']}" for trait in card["traits"])]
        _told(found, lines, as_json=as_json)


@click.command("lookalike")
@click.option("--scheme", default="value_tiers", show_default=True, help="Scheme of the segment to start from.")
@click.option("--segment", default="platinum", show_default=True, help="Segment to start from.")
@click.option("--among", type=click.Choice(["clients", "prospects"]), default="clients", show_default=True, help="Where to look.")
@ATTRIBUTES
@SCHEME
@OUT
@AS_LOGIN
@AS_JSON
def lookalike(attributes: tuple[str, ...], scheme_out: Path | None, out: Path | None, login: str, *, as_json: bool, **asked: Any) -> None:  # Any: as above
    """Find clients or prospects who resemble the members of a segment, in bands of likeness."""
    with reported(as_json=as_json):
        bank, found = _studied("lookalike", {**asked, "attributes": attributes}, login, quiet=as_json)
        _write_scheme(found, scheme_out)
        _write_clients(bank, found, out)
        result = found.study.result
        lines = [f"{result['seeds']:,} clients to resemble, {result['candidates']:,} judged, AUC {result['auc']:.2f}"]
        lines += [f"{band:10s} {count:>10,}" for band, count in result["bands"].items()]
        _told(found, lines, as_json=as_json)


def _studied(kind: str, asked: dict[str, Any], login: str, *, quiet: bool) -> tuple[Bank, Asked]:
    bank = open_bank(Settings())
    schema.upgrade(bank.engine)
    scope: Scope | None = scope_of(bank.engine, login) if login else None
    with embedded_services(bank.settings) as services, bars(quiet=quiet) as progress:
        number = ask_for_study(bank.settings, bank.engine, scope, kind, asked)
        show: Callable[[str, int, int], None] = counted_bar(progress)

        def watched(found: Asked) -> None:
            if found.job is not None and found.job.total:
                show(f"study:{found.job.message}", found.job.done, found.job.total)

        return bank, follow_study(bank, number, watched, services.pause)


def _told(found: Asked, lines: list[str], *, as_json: bool) -> None:
    study = found.study
    document = {
        "study": study.id,
        "run": study.run_id,
        "kind": study.kind,
        "parameters": study.parameters,
        "seed": study.seed,
        "sha256": study.sha256,
        "result": study.result,
    }
    answer(document, as_json=as_json, text="\n".join([f"study {study.id} of run {study.run_id}", *lines]))


def _write_scheme(found: Asked, path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(scheme_of(found.study), ensure_ascii=False, indent=1), encoding="utf-8")


def _write_clients(bank: Bank, found: Asked, path: Path | None) -> None:
    if path is None:
        return
    with reading(bank.engine) as session:
        clients = study_clients(bank.settings, session, None, found.study.id or 0, limit=None)
    table = pa.Table.from_pylist(clients.rows)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        raise InputError(f"a file named {path.name}", "a name that ends in .csv or .parquet")


COMMANDS = (tree, clusters, lookalike)
