"""The revisions of the store that this release knows, read from the heads of its migrations: Alembic itself would load every one."""

import re
from functools import cache
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"
LINK = re.compile(r'^revision = "(\w+)"$.*?^down_revision = (?:None|"(\w+)")$', re.MULTILINE | re.DOTALL)


@cache
def known_revisions() -> tuple[str, ...]:
    """Every revision of this release, oldest first."""
    texts = (path.read_text(encoding="utf-8") for path in (MIGRATIONS / "versions").glob("*.py"))
    follows = {before or None: after for found in map(LINK.search, texts) if found for after, before in [found.groups()]}
    chain: list[str] = []
    while (after := follows.get(chain[-1] if chain else None)) is not None:
        chain.append(after)
    return tuple(chain)


def newest_revision() -> str:
    """Revision this release brings."""
    return known_revisions()[-1]


def suits(at: str | None) -> bool:
    """Whether this release works on a store at a revision: its own, or one it does not know yet, since a migration must suit the release before."""
    return at is not None and (at == newest_revision() or at not in known_revisions())
