"""Everything held on one client as one self-contained HTML page, in English or French."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bankseg.delivery.subject_values import FRENCH_VALUES
from bankseg.delivery.subject_words import FRENCH_COLUMNS, PARTS

MINOR = "_minor"  # columns of amounts in minor units
SECTIONS: dict[str, tuple[str, str]] = {
    "facts": ("Facts, by the extract they came with", "Faits, par extrait d'origine"),
    "attributes": ("What the published run computed", "Ce que le calcul publié a établi"),
    "reasons": ("Why, in words", "Pourquoi, en clair"),
    "models": ("Models that computed the scores", "Modèles qui ont calculé les scores"),
    "segments": ("Segments", "Segments"),
    "lists": ("Marketing lists", "Listes de prospection"),
    "store": ("What people see and decide", "Ce que les équipes voient et décident"),
    "trail": ("What was done about you", "Ce qui a été fait vous concernant"),
}
TITLE = ("Everything held on client {client_id}", "Tout ce qui est détenu sur le client {client_id}")
AS_OF = ("Scores as of {as_of}, run {run_id}. Amounts in units of the currency.", "Scores au {as_of}, calcul {run_id}. Montants en unités de la devise.")
NOTHING = ("nothing is held", "rien n'est détenu")
YES_NO = (("yes", "no"), ("oui", "non"))
ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2})(?::[\d.]+)?(?:Z|[+-]\d{2}:\d{2})?)?")
FRENCH_MARKS = str.maketrans(",.", "\u202f,")
STYLE = (
    ":root{color-scheme:light;background:#fff}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#16202a}h2{margin-top:2.5rem;border-bottom:1px solid #c5ced6}"
    "table{border-collapse:collapse;font-size:13px}th,td{border:1px solid #dde3e8;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#f2f5f7}"
    ".scroll{overflow-x:auto}"
)


def subject_page(document: Mapping[str, Any], language: str) -> str:
    """The page of a subject-access document. `Any`: JSON values."""
    place = 1 if language == "fr" else 0
    as_of = _french("as_of", str(document["as_of"])) if place else document["as_of"]
    title = escape(TITLE[place].format(**document))
    parts = "".join(f"<section><h2>{escape(words[place])}</h2>{_part(document[name], place)}</section>" for name, words in SECTIONS.items())
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="{language}"><head>{head}</head><body><h1>{title}</h1><p>{escape(AS_OF[place].format(**{**document, "as_of": as_of}))}</p>{parts}</body></html>'


def _part(part: Any, place: int) -> str:  # JSON
    if not part:
        return f"<p>{NOTHING[place]}</p>"
    if isinstance(part, Mapping) and all(isinstance(rows, list) for rows in part.values()):
        return "".join(f"<h3>{escape(PARTS[name][place] if name in PARTS else name)}</h3>{_table(rows, place)}" for name, rows in part.items())
    if isinstance(part, Mapping):
        rows = "".join(
            f"<tr><th>{escape(_name(name, place))}</th><td>{_cell(name, value, place)}</td></tr>" for name, value in part.items() if value is not None
        )
        return f'<div class="scroll"><table>{rows}</table></div>'
    return _table(part, place)


def _table(rows: Sequence[Mapping[str, Any]], place: int) -> str:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if any(row.get(name) is not None for row in rows)]
    if set(names) >= {"en", "fr"}:
        names.remove(("fr", "en")[place])
    head = "".join(f"<th>{escape(_name(name, place))}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(name, row.get(name), place)}</td>' for name in names)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _name(name: str, place: int) -> str:
    plain = name.removesuffix(MINOR)
    return (FRENCH_COLUMNS.get(plain) if place else None) or plain.replace("_", " ")


def _cell(name: str, value: Any, place: int) -> str:  # JSON
    if value is None:
        return ""
    if isinstance(value, bool):
        return YES_NO[place][0 if value else 1]
    if name.endswith(MINOR) and isinstance(value, int):
        amount = f"{value / 100:,.2f}"
        return amount.translate(FRENCH_MARKS) if place else amount
    return escape(_french(name, str(value)) if place else str(value))


def _french(name: str, text: str) -> str:
    """A code in words and a date as it is written in France; all else as it is.

    >>> _french("sex", "female"), _french("opened_on", "2025-12-31"), _french("note", "female")
    ('femme', '31/12/2025', 'female')
    >>> _french("recorded_at", "2025-12-31T08:05:00+00:00")
    '31/12/2025 08:05'
    """
    found = ISO_DAY.fullmatch(text)
    if found:
        year, month, day, time = found.groups()
        return f"{day}/{month}/{year}{f' {time}' if time else ''}"
    return FRENCH_VALUES.get(name, {}).get(text, text)
