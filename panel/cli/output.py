"""Printing: JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, as the API gives it.")


def say(line: str) -> None:
    """Tell a person how it goes: on standard output, or beside the answer where that is JSON."""
    click.echo(line, err=_answers_json())


def confirm(question: str) -> None:
    """Go on only if a person says yes; the question stands beside an answer in JSON. Raises Abort."""
    click.confirm(question, abort=True, err=_answers_json())


def print_json(value: Any) -> None:
    """Print ``value`` as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_rows(rows: Sequence[Row], columns: Mapping[str, str | Callable[[Row], object]], *, json_: bool) -> None:
    """Print ``rows`` as a JSON array, or as a table of ``columns``: heading → the row's key, or what makes the cell."""
    if json_:
        print_json(list(rows))
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_text(column(row) if callable(column) else row.get(column)) for column in columns.values()))
    _console().print(table)


def print_one(row: Row, *, json_: bool) -> None:
    """Print one thing as a JSON object, or its fields one below the other."""
    if json_:
        print_json(row)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in row.items():
        if name != "links":
            table.add_row(name, _text(value))
    _console().print(table)


def _answers_json() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.params.get("json_"))


def _text(value: object) -> str:
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(_text(part) for part in value)
    return str(value)


def _console() -> Console:
    """Without a terminal nothing is cut, wrapped or coloured."""
    return Console(
        width=None if sys.stdout.isatty() else 400,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not sys.stdout.isatty(),
    )
