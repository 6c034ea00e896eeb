"""The clients behind any number of a picture: conditions of the address, listed by number and exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.delivery.columns import Format
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.segments.crossing import chosen, counted_where
from bankseg.services.export_list import Exported
from bankseg.services.scheme_pictures.axes import Chosen, conditions
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.scheme_pictures.taken import File, taken
from bankseg.services.segment_designer import LISTED
from bankseg.services.segments_desk import EXPORTED
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage.database import reading

SHOWN = 200  # on the page; the file holds them all


@dataclass(frozen=True, slots=True)
class ListPage:
    """The first clients who meet every condition, and how many there are."""

    stamp: Stamp
    currency: str
    chosen: list[Chosen]
    clients: int
    rows: list[dict[str, Any]]


def list_page(settings: Settings, session: Session, scope: Scope, inside: Sequence[str], outside: Sequence[str] = ()) -> ListPage:
    """The clients in scope who meet every condition of the address."""
    sight = look(settings, session, scope)
    found = conditions(sight, inside, outside)
    where = [one.condition for one in found]
    rows = chosen(sight.reading, where, _columns(sight), limit=SHOWN).to_pylist()
    return ListPage(sight.stamp, sight.currency, found, counted_where(sight.reading, where), rows)


def export_clients(
    settings: Settings, engine: Engine, scope: Scope, inside: Sequence[str], outside: Sequence[str], path: Path, *, file_format: Format = "csv"
) -> Exported:
    """Write the same clients to a file, as many rows as the page counts, and record who took them."""
    with reading(engine) as session:
        sight = look(settings, session, scope)
        where = [one.condition for one in conditions(sight, inside, outside)]
        clients = chosen(sight.reading, where, _columns(sight))
        stamp, currency = sight.stamp, sight.currency
    rows = ({**row, "currency": currency} for batch in clients.to_batches() for row in batch.to_pylist())
    subject = " and ".join([*inside, *(f"not {text}" for text in outside)]) or "everybody"
    return taken(engine, scope, stamp, EXPORTED, rows, File(path, file_format, f"clients:{subject}"))


def _columns(sight: Sight) -> list[str]:
    return [name for name in LISTED if sees(sight.scope.role, name)]
