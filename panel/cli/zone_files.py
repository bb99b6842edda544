"""``cis zones``: zones that come from files, folders and other servers, and go out as files."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from panel.cli.exit_codes import INVALID
from panel.cli.following import waits
from panel.cli.lists import Columns
from panel.cli.output import as_json, confirm, print_json, print_rows
from panel.cli.progress import wait_shown
from panel.cli.references import find_member, find_zone
from panel.cli.session import with_panel
from panel.cli.zone_output import accepts, comments, follow_zone, tell_change
from panel.dns import importing
from panel.dns.exporting import FORMS, export_zone
from panel.dns.folders import FILES_MAX, Verdict, import_folder, name_in
from panel.dns.models import Zone
from panel.dns.transferring import ALGORITHMS, PORT, Key
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import Invalid, PanelError
from panel.ledger.waiting import settled_of
from panel.shapes import zones as shapes
from panel.wording import describe
from panel.wording.zone_lint import note_words, remark_words

BYTES_MOST = 512 * 1024 * 1024
REFUSALS_SHOWN = 20


@dataclass(frozen=True)
class Given:
    """What stands at a path: a file, or a folder with all files below it (name from the folder on → content)."""

    files: Mapping[str, bytes]
    is_folder: bool


class Place(click.ParamType[Given]):
    """A file or a folder, read before root's rights are given up. Links are not followed."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Given:
        """What is there; nothing at all, or too much, is used wrongly."""
        if isinstance(value, Given):
            return value
        path = Path(value)
        try:
            return Given(self._below(path, param, ctx), True) if path.is_dir() else Given(_file(path), False)
        except OSError as error:
            self.fail(f"{value}: {error.strerror}", param, ctx)

    def _below(self, path: Path, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        octets = 0
        for one in sorted(path.rglob("*")):
            parts = one.relative_to(path).parts
            if one.is_symlink() or not one.is_file() or any(part.startswith(".") for part in parts):
                continue
            octets += one.stat().st_size
            if len(found) >= FILES_MAX or octets > BYTES_MOST:
                self.fail(f"more than {FILES_MAX} files or {BYTES_MOST // 2**20} MB", param, ctx)
            found["/".join(parts)] = one.read_bytes()
        return found


def _file(path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes()}


def _takes(command: Any) -> Any:
    """Give a command the options of taking over."""
    for option in (
        as_json,
        waits,
        accepts,
        comments,
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only say what would change."),
        click.option("--only-good", is_flag=True, help="Leave out what is refused."),
        click.option("--our-servers", is_flag=True, help="With our name servers in place of those it names."),
        click.option("--member", metavar="MEMBER", help="Whose it is; else the association's own."),
    ):
        command = option(command)
    return command


@click.command("import")
@click.argument("places", metavar="DIR|FILE...", nargs=-1, required=True, type=Place())
@click.option("--name", help="Of the zone; else as the file says, or is called.")
@_takes
@with_panel
def import_(actor: Actor, /, *, places: tuple[Given, ...], name: str | None, member: str | None, **taken: Any) -> None:
    """Take zones over: all in DIR, or the one in the first FILE, which may include the others; shown first."""
    member_id = None if member is None else find_member(actor, member).id
    if len(places) == 1 and places[0].is_folder:
        _folder(actor, member_id, places[0].files, **taken)
        return
    files = {path: body for one in places for path, body in one.files.items()}
    main = next(iter(files), "")
    preview = importing.preview_files(
        actor, member_id=member_id, name=name or name_in(main, files.get(main, b"")), files=files, main=main
    )
    _take(actor, preview, **taken)


@click.command()
@click.argument("name")
@click.argument("server")
@click.option("--port", type=click.IntRange(1, 65_535), default=PORT, show_default=True)
@click.option("--key", "key_name", metavar="NAME", help="Name of the TSIG key; its secret is asked for, or read.")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default=ALGORITHMS[0], show_default=True)
@click.option("--secret-stdin", is_flag=True, help="Read the key's secret from standard input's first line.")
@_takes
@with_panel
def axfr(
    actor: Actor, /, *, name: str, server: str, port: int, key_name: str | None, algorithm: str, secret_stdin: bool,
    member: str | None, **taken: Any,
) -> None:  # fmt: skip
    """Take the zone NAME over from SERVER, which has it now; shown first."""
    key = None if key_name is None else Key(name=key_name, algorithm=algorithm, secret=_secret(secret_stdin))
    member_id = None if member is None else find_member(actor, member).id
    preview = importing.preview_transfer(actor, member_id=member_id, name=name, server=server, key=key, port=port)
    _take(actor, preview, **taken)


@click.command()
@click.argument("zone")
@click.option("--form", type=click.Choice(FORMS), default=FORMS[0], show_default=True)
@click.option("--json", "json_", is_flag=True, help="The same as --form json.")
@with_panel
def export(actor: Actor, /, *, zone: str, form: str, json_: bool) -> None:
    """Print ZONE as a zone file or as JSON; imported again it changes nothing."""
    file = export_zone(actor, zone_id=find_zone(actor, zone).id, form="json" if json_ else form)
    click.echo(file.text, nl=False)


def _take(
    actor: Actor, preview: importing.Preview, *, only_good: bool, our_servers: bool, accept_warnings: bool,
    comment: str, yes: bool, dry_run: bool, wait: float, json_: bool,
) -> None:  # fmt: skip
    """Show what would change, and do it unless only that was asked. Exits with 4 where lines are refused."""
    import_id, refused = preview.row.id, bool(preview.row.refusals) and not only_good
    _tell(preview)
    if dry_run or refused or preview.is_unchanged:
        importing.forget_import(actor, import_id=import_id)
        if json_:
            print_json(shapes.zone_import(preview, describe, remark_words, note_words))
        sys.exit(INVALID if refused else 0)
    if not (yes or json_):
        confirm("Do it?")
    try:
        done = importing.take_over(
            actor, import_id=import_id, only_good=only_good, our_servers=our_servers,
            accept_warnings=accept_warnings, comment=comment,
        )  # fmt: skip
    except PanelError:
        importing.forget_import(actor, import_id=import_id)
        raise
    follow_zone(actor, done, wait=wait, json_=json_)


def _tell(preview: importing.Preview) -> None:
    tell_change(preview.changes, soa=preview.soa)
    for one in preview.row.refusals[:REFUSALS_SHOWN]:
        words = describe(Invalid(one["code"], **one["params"]))
        click.echo(f"{one['file']}:{one['line']}: {words}", err=True)
    for one in preview.row.notes:
        click.echo(note_words(one["code"], one["params"]), err=True)
    if preview.is_elsewhere:
        click.echo("none of our name servers is among those it names: --our-servers", err=True)


def _folder(
    actor: Actor, member_id: uuid.UUID | None, files: Mapping[str, bytes], *, yes: bool, dry_run: bool, json_: bool,
    wait: float, **taken: Any,
) -> None:  # fmt: skip
    """Judge all files, then take them over. Exits with 4 where any was refused and nothing, or not all, was taken."""
    asks = not (yes or json_ or dry_run)
    found = import_folder(actor, member_id=member_id, files=files, dry_run=dry_run or asks, **taken)
    _print(found, json_=json_)
    refused = any(one.would == "refused" for one in found)
    if asks and (taken["only_good"] or not refused) and any(one.would in ("create", "change") for one in found):
        confirm("Do it?")
        import_folder(actor, member_id=member_id, files=files, **taken)
    if wait:
        _wait(found, wait)
    sys.exit(INVALID if refused else 0)


def _wait(found: Sequence[Verdict], wait: float) -> None:
    """Until all that were taken over are answered."""
    names = [one.name for one in found if one.would in ("create", "change")]
    ids = [id_ for start in range(0, len(names), 500) for id_ in db.session.scalars(
        select(Zone.id).where(Zone.name.in_(names[start : start + 500]), Zone.want == "put"))]  # fmt: skip
    wait_shown(lambda: settled_of(Zone, ids) == len(ids), wait, say="Zones", total=len(ids),
               done=lambda: settled_of(Zone, ids))  # fmt: skip


def _print(found: Sequence[Verdict], *, json_: bool) -> None:
    rows = [shapes.verdict(one, describe) for one in found]
    columns: Columns = {"file": "file", "zone": "name", "would": "would", "records": "sets",
                        "why": lambda row: (row["problem"] or {}).get("message")}  # fmt: skip
    print_rows(rows, columns, json_=json_)


def _secret(from_stdin: bool) -> str:  # noqa: FBT001 - where the secret comes from
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else str(click.prompt("Secret", hide_input=True))
