"""``cis import``: tables of mailboxes and members, looked at first and carried out here or by a worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from panel.cli.exit_codes import FAILED, INVALID
from panel.cli.lists import listed, print_list
from panel.cli.output import as_json, print_json, print_one
from panel.cli.references import find_member, require_id
from panel.cli.session import with_panel
from panel.imports import actions
from panel.imports.committing import carry_out_one
from panel.imports.models import Import, ImportRow
from panel.imports.reporting import report_lines
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Invalid, PanelError
from panel.kernel.i18n import _
from panel.ledger.waiting import wait_until
from panel.shapes import imports as shapes
from panel.shapes import orders
from panel.wording import describe

_SHOWN = 20
_ROUND_SECONDS, _PAUSE_SECONDS = 0.5, 0.3


@click.group("import")
def imports() -> None:
    """Tables of mailboxes or members, CSV or XLSX."""


def _kind(name: str, words: str) -> None:
    """Add a command that uploads a file of one kind."""

    @imports.command(name, help=words)
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--commit", is_flag=True, help="Carry it out if no row has an error.")
    @click.option("--only-good", is_flag=True, help="Carry out the rows without errors.")
    @click.option("--map", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Which column holds a field.")
    @click.option("--member", metavar="MEMBER", help="Whose the rows are that do not say.")
    @as_json
    @with_panel
    def command(
        actor: Actor, /, *, file: Path, commit: bool, only_good: bool, pairs: tuple[str, ...], member: str | None,
        json_: bool,
    ) -> None:  # fmt: skip
        member_id = find_member(actor, member).id if member else None
        content = file.read_bytes()
        one = actions.start_import(actor, kind=name, content=content, file_name=file.name, member_id=member_id)
        if pairs:
            mapping = one.mapping | dict(map(_pair, pairs))
            one = actions.remap_import(actor, one.id, mapping=mapping, member_id=member_id)
        _tell(file.name, one)
        if commit or only_good:
            actions.commit_import(actor, one.id, only_good=only_good)
            one = _carry_out(actor, one)
        _end(actor, one, json_=json_)


_kind("mailboxes", "Make the mailboxes in FILE that are not there, and change the capacity of those that are.")
_kind("members", "Take in the members in FILE, and change those that are there.")


@imports.command("list")
@listed
@with_panel
def list_(actor: Actor, /, **page: Any) -> None:
    """List imports, newest first."""
    columns = {"id": "id", "kind": "kind", "state": "state", "file": "file_name", "by": "by", "at": "created_at"}
    query = actions.imports_query(actor)
    print_list(query, _shape, columns, orders=orders.IMPORTS, default="-created_at", page=page, searching=False)


@imports.command()
@click.argument("import_id", metavar="IMPORT")
@as_json
@with_panel
def show(actor: Actor, /, *, import_id: str, json_: bool) -> None:
    """Show IMPORT, an id."""
    print_one(_shape(actions.get_import(actor, require_id(import_id))), json_=json_)


@imports.command()
@click.argument("import_id", metavar="IMPORT")
@with_panel
def report(actor: Actor, /, *, import_id: str) -> None:
    """Print the file of IMPORT again as CSV, with what became of each line."""
    one = actions.get_import(actor, require_id(import_id))
    headings = [_("Line"), _("State"), _("Why")]
    for line in report_lines(one, headings=headings, state=lambda row: row.state, describe=describe):
        click.echo(line, nl=False)


@imports.command()
@click.argument("import_id", metavar="IMPORT")
@click.option("--only-good", is_flag=True, help="Carry out the rows without errors.")
@as_json
@with_panel
def commit(actor: Actor, /, *, import_id: str, only_good: bool, json_: bool) -> None:
    """Carry out IMPORT, which was looked at before."""
    one = actions.commit_import(actor, require_id(import_id), only_good=only_good)
    _end(actor, _carry_out(actor, one), json_=json_)


@imports.command()
@click.argument("import_id", metavar="IMPORT")
@as_json
@with_panel
def cancel(actor: Actor, /, *, import_id: str, json_: bool) -> None:
    """Stop IMPORT; what was done stays."""
    print_one(_shape(actions.cancel_import(actor, require_id(import_id))), json_=json_)


@imports.command()
@click.argument("import_id", metavar="IMPORT")
@as_json
@with_panel
def remove(actor: Actor, /, *, import_id: str, json_: bool) -> None:
    """Forget IMPORT with its rows; what it made stays."""
    one = _shape(actions.get_import(actor, require_id(import_id)))
    actions.remove_import(actor, require_id(import_id))
    if json_:
        print_json(one)


def _pair(text: str) -> tuple[str, str]:
    name, equals, heading = text.partition("=")
    if not equals:
        raise Invalid("import_unknown_column", field="mapping", name=text)
    return name.strip(), heading.strip()


def _carry_out(actor: Actor, one: Import) -> Import:
    """Work on it until it is done, or watch a worker that was quicker; the bar stays away without a terminal."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(one.file_name, total=one.total - one.counts.get("error", 0))
        while one.state == "committing":
            if not carry_out_one(one.id, seconds=_ROUND_SECONDS):
                wait_until(lambda: False, _PAUSE_SECONDS)
            one = actions.get_import(actor, one.id)
            bar.update(task, completed=one.counts.get("done", 0) + one.counts.get("failed", 0))
    return one


def _tell(file_name: str, one: Import) -> None:
    """Say what is wrong, row by row, as compilers do."""
    for kept in one.problems:
        click.echo(f"{file_name}: {_words(kept)}", err=True)
    query = actions.rows_query(one).where(ImportRow.verdict != "ok").order_by(ImportRow.line)
    rows = db.session.scalars(query.limit(_SHOWN + 1)).all()
    for row in rows[:_SHOWN]:
        for kept in row.problems:
            click.echo(f"{file_name}:{row.line}: {kept['field'] or ''}: {_words(kept)}", err=True)
    if len(rows) > _SHOWN:
        click.echo(f"{file_name}: … (cis import report {one.id})", err=True)


def _words(kept: dict[str, Any]) -> str:
    return describe(PanelError(kept["code"], **kept["params"]))


def _end(actor: Actor, one: Import, *, json_: bool) -> None:
    """Print how it stands. Exits with 4 where rows have errors and nothing was done, 1 where rows were refused."""
    one = actions.get_import(actor, one.id)
    if json_:
        print_json(_shape(one))
    else:
        counts = ", ".join(f"{number} {word}" for word, number in sorted(one.counts.items()))
        click.echo(f"{one.id}: {one.state}: {counts}")
    if one.state != "done" and (one.counts.get("error") or one.problems):
        sys.exit(INVALID)
    if one.counts.get("failed"):
        sys.exit(FAILED)


def _shape(one: Import) -> dict[str, Any]:
    return shapes.import_(one, describe)
