"""Recorded documents: the policy and the declarations in force, kept by their hash so that a run can be computed again."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlmodel import Field, Session, SQLModel


class RecordedDocument(SQLModel, table=True):
    """One document under the SHA-256 of its text."""

    __tablename__ = "recorded_document"

    sha256: str = Field(primary_key=True)
    kind: str  # policy | declarations
    text: str


def keep(session: Session, kind: str, document: Mapping[str, Any]) -> str:
    """Keep a document once and return its hash: SHA-256 of its JSON with sorted keys. Its own order is kept. `Any`: values of a TOML or JSON file."""
    name = sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
    if session.get(RecordedDocument, name) is None:
        session.add(RecordedDocument(sha256=name, kind=kind, text=json.dumps(document, default=str)))
        session.flush()
    return name


def read(session: Session, name: str) -> dict[str, Any] | None:
    """The document under a hash, or None when it was never kept."""
    found = session.get(RecordedDocument, name)
    return dict(json.loads(found.text)) if found else None
