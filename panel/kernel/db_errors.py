"""What databases say when they refuse something: told apart, and without the values it was about."""

from __future__ import annotations

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, InternalError, OperationalError

from panel.kernel.errors import Invalid

_PASSING = frozenset({"25006", "25P03"})
"""States of PostgreSQL that pass: it takes no writes now (a standby), or it ended a transaction that was idle."""


def listen() -> None:
    """Have every error of a database pass through here before anybody else sees it."""
    for hear in (_tell_no_rows, _refuse_what_cannot_be_kept, _tell_what_passes):
        event.listen(Engine, "handle_error", hear)


def _tell_no_rows(context: ExceptionContext) -> None:
    """PostgreSQL tells the whole row in its errors' details (hashes, people), and errors go to logs: only what failed.

    ``hide_parameters`` keeps back no more than what SQLAlchemy itself would say.
    """
    told = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
    if told is not None:
        context.original_exception.args = (told,)
        if context.sqlalchemy_exception is not None:
            kind = type(context.original_exception)
            context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__name__}) {told}",)


def _refuse_what_cannot_be_kept(context: ExceptionContext) -> None:
    """PostgreSQL keeps no NUL in texts and only 32 bits in integers; whoever sent more is told so."""
    if isinstance(context.sqlalchemy_exception, DataError):
        raise Invalid("text_bad") from context.original_exception


def _tell_what_passes(context: ExceptionContext) -> None:
    """A server that is a standby by now, or ended a transaction that did nothing, is away as a stopped one is."""
    error = context.original_exception
    if isinstance(context.sqlalchemy_exception, InternalError) and getattr(error, "sqlstate", "") in _PASSING:
        raise OperationalError(context.statement, None, error) from error
