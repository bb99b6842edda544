"""How a command ends that could not do what was asked: one line for each error on stderr, and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError
from panel.wording import describe, field_label

FAILED, USAGE, NOT_YET = 1, 2, 8
EXIT_CODES: dict[type[PanelError], int] = {NotFound: 3, Invalid: 4, Conflict: 5, NotAllowed: 6, OverLimit: 7}
"""0 done, 1 failed, 2 used wrongly, 3 not found, 4 invalid, 5 conflict, 6 not allowed, 7 over limit, 8 not yet done."""


def exit_with(error: PanelError) -> NoReturn:
    """Say what is wrong, naming each field, and end with the error's exit code."""
    for one in error.errors if isinstance(error, Invalid) else [error]:
        say(one)
    sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))


def say(error: PanelError) -> None:
    """Print one error on stderr: where, and what to do."""
    row = error.params.get("row")
    line = "" if row is None else f"{row}: "
    place = "" if error.field is None else f"{field_label(error.field)} ({error.field}): "
    click.echo(f"{line}{place}{describe(error)}", err=True)
