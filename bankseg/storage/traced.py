"""Statements of the store as spans of what asked for them: verb and tables, never a value."""

from contextlib import ExitStack
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext

from bankseg import traces

OPEN = "bankseg_spans"


def install(engine: Engine) -> None:
    """Trace every statement of an engine, in a process that sends traces."""
    if traces.is_on():
        event.listen(engine, "before_cursor_execute", _begin)
        event.listen(engine, "after_cursor_execute", _end)
        event.listen(engine, "handle_error", _fail)


def _begin(connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:  # noqa: FBT001  # SQLAlchemy's signature
    del cursor, parameters, context, is_many
    span = ExitStack()
    span.enter_context(traces.span(traces.statement_name(statement), database=connection.dialect.name))
    connection.info.setdefault(OPEN, []).append(span)


def _end(connection: Connection, *unused: Any) -> None:  # SQLAlchemy's signature
    del unused
    if spans := connection.info.get(OPEN):
        spans.pop().close()


def _fail(context: ExceptionContext) -> None:
    if context.connection is not None and (spans := context.connection.info.get(OPEN)):
        error = context.original_exception
        spans.pop().__exit__(type(error), error, None)
