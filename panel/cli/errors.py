"""How a command ends that could not do what was asked: one line for each error on stderr, and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError, TooMany
from panel.wording import describe, field_label

FAILED, NOT_YET = 1, 8
_ROWS = "cis.rows"
EXIT_CODES: dict[type[PanelError], int] = {
    NotFound: 3,
    Invalid: 4,
    Conflict: 5,
    NotAllowed: 6,
    OverLimit: 7,
    TooMany: 9,
}
"""0 done, 1 failed, 2 used wrongly, 3 not found, 4 invalid, 5 conflict, 6 not allowed, 7 over limit, 8 not yet done,
9 tried too often."""


def with_rows() -> None:
    """Have errors of the running command tell their rows: what it reads has more than one."""
    click.get_current_context().meta[_ROWS] = True


def exit_with(error: PanelError) -> NoReturn:
    """Say what is wrong, naming each field, and end with the error's exit code."""
    rows = click.get_current_context().meta.get(_ROWS, False)
    for one in error.errors if isinstance(error, Invalid) else [error]:
        row = one.params.get("row") if rows else None
        place = "" if row is None else f"#{row + 1}: "
        click.echo(f"{place}{_field(one)}{describe(one)}", err=True)
    sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))


def _field(error: PanelError) -> str:
    """The field at fault by its label and its name, nothing where no single field is."""
    if error.field is None:
        return ""
    label = field_label(error.field)
    return f"{label}: " if label == error.field else f"{label} ({error.field}): "
