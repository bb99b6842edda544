"""Lists on the command line: the same options everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from sqlalchemy import Select

from panel.cli.output import Row, as_json, print_rows
from panel.kernel.listing import PAGE_SIZE, PAGE_SIZE_MAX, paginate
from panel.shapes.orders import Orders

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])
Columns = Mapping[str, str | Callable[[Row], object]]


def listed(command: Command) -> Command:
    """Give a command the options of a list; it takes them as ``**page`` and hands them to ``print_list``."""
    for option in (
        as_json,
        click.option("--page-size", default=PAGE_SIZE, show_default=True, type=click.IntRange(1, PAGE_SIZE_MAX)),
        click.option("--page", default=1, show_default=True, type=click.IntRange(1)),
        click.option("--sort", metavar="NAME", help="What to sort by; -NAME turns the order round."),
    ):
        command = option(command)
    return command


def print_list(
    query: Select[T],
    shape: Callable[[T], Row],
    columns: Columns,
    *,
    orders: Orders,
    default: str,
    page: Mapping[str, Any],
    searching: bool = False,
) -> None:
    """Print one page of ``query``; JSON is an array of the rows, as the API gives each."""
    found = paginate(
        query,
        sorts=orders,
        default=default,
        sort=page["sort"],
        page=page["page"],
        page_size=page["page_size"],
        searching=searching,
    )
    print_rows([shape(row) for row in found.items], columns, json_=page["json_"])
    if not page["json_"]:
        first = (found.page - 1) * found.page_size + 1 if found.items else 0
        last = first + len(found.items) - 1 if found.items else 0
        click.echo(f"{first}–{last} of {found.total}{'' if found.total_exact else '+'}", err=True)
