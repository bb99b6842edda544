"""How a command ends that could not do what was asked: one line for each error on stderr, and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from panel.cli.exit_codes import CONFLICT, INVALID, NOT_ALLOWED, NOT_FOUND, OVER_LIMIT, TOO_MANY
from panel.dns.lint import Remark
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError, TooMany
from panel.wording import describe, field_label
from panel.wording.zone_lint import remark_words

_ROWS = "cis.rows"
EXIT_CODES: dict[type[PanelError], int] = {
    NotFound: NOT_FOUND,
    Invalid: INVALID,
    Conflict: CONFLICT,
    NotAllowed: NOT_ALLOWED,
    OverLimit: OVER_LIMIT,
    TooMany: TOO_MANY,
}
"""Error of an action → how the command ends."""


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
    for remark in error.params.get("remarks", ()):
        click.echo(remark_line(remark), err=True)
    sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))


def remark_line(remark: Remark) -> str:
    """What the lint of zones says, in a line."""
    place = " ".join(filter(None, (remark.name, remark.type)))
    return f"{remark.level}: {place}: {remark_words(remark.code, remark.params)}"


def _field(error: PanelError) -> str:
    """The field at fault by its label and its name, nothing where no single field is."""
    if error.field is None:
        return ""
    label = field_label(error.field)
    return f"{label}: " if label == error.field else f"{label} ({error.field}): "
