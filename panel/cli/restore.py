"""``cis restore``: a panel from its backup, and the way back to its nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask_migrate import upgrade

from config import Settings
from panel.backups.contents import BackupBroken
from panel.backups.databases import DumpFailed
from panel.backups.finishing import RESTORED
from panel.backups.finishing import finish as finish_restore
from panel.backups.placing import NotPlaced, place
from panel.backups.sealing import SealingFailed, digest_of, opened
from panel.cli.backup import identity_option, summary
from panel.cli.exit_codes import FAILED
from panel.cli.output import as_json, print_json, print_one, print_rows
from panel.cli.privileges import become_panel_user, pipe_as_panel_user
from panel.cli.session import with_panel
from panel.cli.settings import load_settings
from panel.engine.comparing import Ask
from panel.engine.exchange import Exchange
from panel.kernel.access import Actor
from panel.kernel.db import db, unit_of_work
from panel.kinds import KINDS
from panel.ledger.closings import close
from panel.ledger.nodes import Node
from panel.wiring import create_core_app, make_exchange

SECONDS, ASK_SECONDS = 3600.0, 120.0


class Restore(click.Group):
    """A group whose first word may be a file instead of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Restore from a file where no command is named."""
        named = not args or args[0] in self.commands or args[0] in ("-h", "--help")
        return super().parse_args(ctx, args if named else ["from", *args])


@click.group(cls=Restore)
def restore() -> None:
    """Restore the panel: `cis restore FILE --identity KEY` places a backup, `cis restore finish` opens the engine."""


@restore.command("from")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@identity_option
@click.option("--replace", is_flag=True, help="Put what is there aside, and keep it.")
@click.option("--digest", help="Go on only if the file has this SHA-256, as `cis backup` printed it.")
@as_json
def from_(*, file: Path, identity: Path, replace: bool, digest: str | None, json_: bool) -> None:
    """Place the backup FILE. Web server and workers must be stopped; workers then do nothing before `finish`."""
    settings = load_settings()
    if os.geteuid() == 0 and not settings.data_dir.exists():
        raise click.ClickException(f"make {settings.data_dir} first and give it to the panel's user")
    if digest is not None and digest != digest_of(file):
        raise click.ClickException("the file has another digest")
    arguments = ["restore", "place", *(["--replace"] if replace else [])]
    try:
        with opened(file, identity) as stream:
            program = pipe_as_panel_user(settings, arguments, stdin=stream, stdout=subprocess.PIPE)
            placed, _ = program.communicate(timeout=SECONDS)
            if program.returncode:
                sys.exit(program.returncode)
    except SealingFailed as error:
        raise click.ClickException(str(error)) from error
    print_one(json.loads(placed), json_=json_)
    click.echo("The engine is closed. Now: cis restore finish --dry-run, then cis restore finish.", err=True)


@restore.command("place", hidden=True)
@click.option("--replace", is_flag=True)
def place_(*, replace: bool) -> None:
    """Place a backup, unsealed, from standard input: the panel's part of `cis restore`."""
    settings = load_settings()
    become_panel_user(settings)
    try:
        contents, kept = place(settings, sys.stdin.buffer, replace_data=replace, prepare=_prepare)
    except (NotPlaced, BackupBroken, DumpFailed) as error:
        raise click.ClickException(f"nothing was changed: {error}") from error
    print_json(summary(contents) | {"kept": None if kept is None else str(kept)})


@restore.command()
@click.option("--dry-run", is_flag=True, help="Ask the nodes and show what would be done.")
@as_json
@with_panel
def finish(actor: Actor, /, *, dry_run: bool, json_: bool) -> None:
    """Lift counters above what nodes know, show what they have otherwise, and open the engine.

    Nothing on a node is changed; what differs waits for a person (`cis drift`). A node that cannot be asked stays
    closed for itself: run it again. Exit code 1: such a node is left.
    """
    done = finish_restore(actor, KINDS, _asker(make_exchange(current_app.config["CIS"])), dry_run=dry_run)
    rows = [asdict(one) | {"fence": list(one.fence)} for one in done]
    columns: dict[str, Any] = {
        "node": "node",
        "problem": "problem",
        "lifted": "lifted",
        "differences": "differences",
        "only on the node": "only_here",
    }
    print_rows(rows, columns, json_=json_)
    if not done:
        click.echo("Nothing is closed: there is nothing to finish.", err=True)
    if any(one.problem for one in done):
        sys.exit(FAILED)


def _asker(exchange: Exchange) -> Any:
    def ask_of(node: Node) -> Ask:
        def ask(op: str, **fields: Any) -> dict[str, Any]:
            return exchange.ask(node, op, timeout=ASK_SECONDS, **fields)

        return ask

    return ask_of


def _prepare(settings: Settings) -> None:
    """Bring a placed database to this release's shape, and close its engine before anybody can open it."""
    app = create_core_app(settings)
    with app.app_context():
        upgrade()
        with unit_of_work():
            close(RESTORED)
        db.session.remove()
        db.engine.dispose()
