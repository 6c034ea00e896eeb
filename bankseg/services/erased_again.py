"""Clients who were erased and are sent again: their rows go to quarantine, where a pseudonym stands for them."""

from collections.abc import Callable, Sequence

from bankseg.domain.erasure import pseudonym_of
from bankseg.ingest.stage import StagedFile
from bankseg.lake.scratch import Connection
from bankseg.settings import Settings
from bankseg.storage import client_erasure
from bankseg.storage.database import make_engine, reading

CODE, TEXT = "erased_client", "erased at the client's request or by order; it must not come back"
NEW_CLIENTS = "SELECT DISTINCT client_id FROM staged WHERE client_id NOT IN (SELECT client_id FROM known_client)"
ROWS = "SELECT file_no, row_number, client_id FROM staged WHERE client_id IN (SELECT unnest($erased)) ORDER BY file_no, row_number"

Known = Callable[[str], str | None]


def erased_before(settings: Settings) -> Known | None:
    """What tells the pseudonym of an identifier that was erased, and None of any other; None while nobody was ever erased."""
    engine = make_engine(settings.store)
    try:
        with reading(engine) as session:
            keys = client_erasure.erased_keys(session)
    finally:
        engine.dispose()
    key = settings.key()

    def known(identifier: str) -> str | None:
        pseudonym = pseudonym_of(key, identifier)
        return pseudonym if pseudonym in keys else None

    return known if keys else None


def refuse_erased(connection: Connection, files: Sequence[StagedFile], known: Known) -> None:
    """Take erased clients out of the staged rows of the clients' extract; whatever else speaks of them has no owner then, and is refused for that."""
    erased = {client_id: pseudonym for (client_id,) in connection.execute(NEW_CLIENTS).fetchall() if (pseudonym := known(client_id))}
    if not erased:
        return
    by_number = {file.number: file for file in files}
    for file_no, row_number, client_id in connection.execute(ROWS, {"erased": list(erased)}).fetchall():
        file = by_number[file_no]
        file.quarantine.add(row_number + file.header_rows, "client_id", erased[client_id], CODE, TEXT)
    connection.execute("DELETE FROM staged WHERE client_id IN (SELECT unnest($erased))", {"erased": list(erased)})
