"""Writing a model file: rendered from one consistent read, written whole, and recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bankseg.domain.people import Scope
from bankseg.durable import flush_file, make_folders, settle
from bankseg.services.bank import Bank
from bankseg.services.model_file import model_file
from bankseg.storage import audit
from bankseg.storage.database import reading, transaction


def export_model_file(bank: Bank, scope: Scope, target: str, version: int, path: Path, render: Callable[[dict[str, Any]], str]) -> int:
    """Write one version's file and record who took it; the bytes written. `Any`: JSON."""
    with reading(bank.engine) as session:
        text = render(model_file(session, bank.settings, scope, target, version))
    make_folders(path.parent)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    record_export(bank, scope, target, version)
    flush_file(part)
    settle(part, path)
    return len(text.encode())


def record_export(bank: Bank, scope: Scope, target: str, version: int) -> None:
    """Record that a person took a version's file out."""
    with transaction(bank.engine) as session:
        audit.record(session, "model_file_exported", f"{target} v{version}", person_id=scope.person_id)
