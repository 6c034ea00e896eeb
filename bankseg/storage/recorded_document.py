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


def digest_of_document(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's JSON with sorted keys. `Any`: values of a TOML or JSON file."""
    return sha256(_text(document).encode()).hexdigest()


def keep(session: Session, kind: str, document: Mapping[str, Any]) -> str:
    """Keep a document once and return its hash."""
    text = _text(document)
    name = sha256(text.encode()).hexdigest()
    if session.get(RecordedDocument, name) is None:
        session.add(RecordedDocument(sha256=name, kind=kind, text=text))
        session.flush()
    return name


def read(session: Session, name: str) -> dict[str, Any] | None:
    """The document under a hash, or None when it was never kept."""
    found = session.get(RecordedDocument, name)
    return dict(json.loads(found.text)) if found else None


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, default=str)
