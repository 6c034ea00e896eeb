"""What mappings declared beside the rows: products, attributes-door columns, labels; kept with the lake."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bankseg.lake.places import read_document, write_small

DECLARATIONS = "_attributes.json"


@dataclass(frozen=True, slots=True)
class Declarations:
    """Declared by the mappings loaded so far, latest per name."""

    attributes: tuple[Mapping[str, Any], ...] = ()
    outcomes: tuple[Mapping[str, Any], ...] = ()  # of flat files: name, meaning (loss, sale, other), product sold, label_en, label_fr
    products: Mapping[str, str] = field(default_factory=dict)
    bank: str = ""
    currency: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outcome columns."""
        return tuple(str(entry["name"]) for entry in self.outcomes)


def read_declarations(lake: str) -> Declarations:
    """The declarations of a lake; none when nothing was declared."""
    return declarations_of(read_document(lake, DECLARATIONS) or {})


def declarations_of(document: Mapping[str, Any]) -> Declarations:
    """Declarations from their JSON form."""
    return Declarations(
        tuple(document.get("attributes", ())),
        tuple(document.get("outcomes", ())),
        dict(document.get("products", {})),
        document.get("bank", ""),
        document.get("currency", ""),
    )


def declare(lake: str, new: Declarations) -> None:
    """Add a mapping's declarations, replacing entries of the same name; written whole or not at all."""
    known = read_declarations(lake)
    document = {
        "attributes": _latest(known.attributes, new.attributes),
        "outcomes": _latest(known.outcomes, new.outcomes),
        "products": {**known.products, **new.products},
        "bank": new.bank or known.bank,
        "currency": new.currency or known.currency,
    }
    write_small(lake, DECLARATIONS, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _latest(known: tuple[Mapping[str, Any], ...], new: tuple[Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Entries by name, the latest of each."""
    return list({entry["name"]: dict(entry) for entry in (*known, *new)}.values())
