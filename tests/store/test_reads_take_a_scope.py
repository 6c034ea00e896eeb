"""Reads of rows about clients lie in the storage room, and each takes a Scope: the first wall, and on SQLite the only one."""

import ast
from functools import cache
from pathlib import Path

from sqlmodel import SQLModel

from bankseg.storage.row_security import CLIENT_TABLES
from bankseg.storage.tables import METADATA

CHECKOUT = Path(__file__).resolve().parents[2]
ROW_CLASSES = {mapper.class_.__name__ for mapper in SQLModel._sa_registry.mappers if mapper.local_table.name in CLIENT_TABLES}  # the only list of row classes
READS = {"select", "exists", "aliased", "get", "get_one", "join", "select_from", "delete", "update", "query"}
# Who reads for no person: what follows each is why.
FOR_NOBODY = {
    ("published_rows.py", "tiers"): "a job reads the tiers of the run before",
    ("published_rows.py", "sizes"): "counts of a run for the status",
    ("risk_review.py", "settled_with_cases"): "publishing opens reviews again",
    ("portfolio.py", "counted"): "sums and no client; the reads that call it say of whom",
    ("policy_counts.py", "counted"): "counts and no client; the reads that call it say of whom",
    ("offer_counts.py", "counted"): "counts and no client; the reads that call it say of whom",
    ("segment_event.py", "are_written"): "a job asks whether its own rows are there",
    ("segment_event.py", "last_id"): "a number and no client: where the webhook begins",
    ("segment_event.py", "moves_after"): "which scheme moved and how many, no client: what the webhook tells",
    ("segment_event.py", "kinds_after"): "how many messages wait, no client",
    ("client_contact.py", "standing"): "the bank's own extract of interactions, by command",
    ("client_objection.py", "changed"): "whether anything changed, not of whom",
    ("client_objection.py", "of_client"): "the page that asks has the client in scope",
    ("firm_profile.py", "standing"): "a job lays the profiles beside the roll",
    ("client_list.py", "restricted"): "whom a list must not hold, whoever builds it",
}


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    """The modules that name a client table or its row class, and their trees."""
    texts = ((path, path.read_text(encoding="utf-8")) for room in ("bankseg", "workers") for path in sorted((CHECKOUT / room).rglob("*.py")))
    return [(path, ast.parse(text)) for path, text in texts if any(name in text for name in (*ROW_CLASSES, *CLIENT_TABLES))]


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & ROW_CLASSES


def reads_in(node: ast.AST) -> list[ast.Call]:
    """Calls that build or send a statement about a client table."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
    named = ((call, call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")) for call in calls)
    return [call for call, name in named if name in READS and any(names_in(part) for part in (*call.args, *(word.value for word in call.keywords)))]


def test_every_client_table_has_its_row_class():
    assert len(ROW_CLASSES) == len(CLIENT_TABLES)
    assert set(CLIENT_TABLES) <= set(METADATA.tables)


def test_no_module_outside_the_storage_room_reads_a_client_table():
    found = [f"{path.relative_to(CHECKOUT)}:{call.lineno}" for path, tree in sources() if "storage" not in path.parts for call in reads_in(tree)]

    assert found == []


def test_no_sql_text_outside_the_storage_room_names_a_client_table():
    told = {id(line.value) for _, tree in sources() for line in ast.walk(tree) if isinstance(line, ast.Expr)}  # what documents, runs nothing
    texts = (
        (path, part)
        for path, tree in sources()
        if "storage" not in path.parts
        for part in ast.walk(tree)
        if isinstance(part, ast.Constant) and id(part) not in told and isinstance(part.value, str) and {"FROM", "JOIN", "UPDATE"} & set(part.value.split())
    )

    assert [f"{path.relative_to(CHECKOUT)}:{part.lineno}" for path, part in texts if any(table in part.value for table in CLIENT_TABLES)] == []


def test_every_function_that_reads_clients_takes_a_scope_or_says_why_not():
    without = {
        (path.name, made.name)
        for path, tree in sources()
        if "storage" in path.parts
        for made in ast.walk(tree)
        if isinstance(made, ast.FunctionDef) and reads_in(made)
        if (names := {argument.arg for argument in (*made.args.args, *made.args.kwonlyargs)}) and "session" in names and "scope" not in names
    }

    assert without == set(FOR_NOBODY)


def test_a_read_that_forgets_its_scope_would_be_found():
    forgetful = ast.parse("def all_of(session):\n    return session.exec(select(PublishedClient.client_id))")

    assert [call.lineno for call in reads_in(forgetful)] == [2]
