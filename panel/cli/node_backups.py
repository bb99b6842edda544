"""Backups of nodes on the command line: setting up, making, listing, and mail brought back."""

from __future__ import annotations

import hmac
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from sqlalchemy import select

from panel.cli.attendance import attended
from panel.cli.exit_codes import FAILED, NOT_YET
from panel.cli.following import waits
from panel.cli.lists import Columns, listed, print_list
from panel.cli.operators import operator_options
from panel.cli.output import as_json, confirm, print_json, print_one, say
from panel.cli.privileges import as_panel_user
from panel.cli.progress import wait_shown
from panel.cli.references import find_mailbox, find_node, require_id
from panel.cli.session import with_panel
from panel.cli.settings import load_settings
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger import backups as ledger
from panel.ledger.backups import MailRestore, NodeBackup
from panel.ledger.jobs import Job
from panel.mail.restoring import restore_mail as restore_mail_of
from panel.shapes import backups as shapes
from panel.shapes import ledger as job_shapes
from panel.shapes import orders
from provisioning import backup_setup as hosts
from provisioning.backup_setup import EnrolmentFailed, Repository
from provisioning.operator_session import OperatorLogin
from provisioning.ssh import HostKey, SshError


@click.command("backup-setup")
@click.argument("node")
@click.option(
    "--repository", required=True, metavar="sftp://USER@HOST[:PORT]/FOLDER", help="An account on the backup host."
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The repository's password, where it has one: from your safe.",
)
@click.option(
    "--yes-fingerprint", metavar="SHA256:…", help="Go on without asking if the backup host's key has this fingerprint."
)
@operator_options
@as_json
def backup_setup(
    node: str,
    *,
    json_: bool,
    repository: str,
    password_file: Path | None,
    yes_fingerprint: str | None,
    operator_key: Path,
    operator_user: str,
) -> None:
    """Have NODE back up to another host, with a key and a password of its own that the panel never learns.

    A new password is printed this once: keep it where the node's death does not reach.
    """
    place = read_repository(repository)
    password = password_file.read_text().strip() if password_file else None
    operator = OperatorLogin(operator_user, operator_key)
    settings = load_settings()
    try:
        with attended(settings, node) as held:
            kind, _, key = held.facts["host_key"].partition(" ")
            where = (held.facts["address"], held.facts["ssh_port"], HostKey(kind, key))
            opened = set_up_backups(where, operator, place, password, yes_fingerprint)
    except (SshError, EnrolmentFailed) as error:
        raise click.ClickException(str(error)) from error
    done = as_panel_user(settings, ("nodes", "backup-place", node, repository))
    if done.returncode:
        sys.exit(done.returncode)
    say(f"{node} backs up to {repository}")
    if json_:
        print_json({"node": node, "repository": repository, "password": opened.password or None})
    elif opened.password:
        click.echo(f"The repository's password, shown this once: {opened.password}")


def set_up_backups(
    where: tuple[str, int, HostKey],
    operator: OperatorLogin,
    place: Repository,
    password: str | None,
    expected: str | None,
) -> hosts.Opened:
    """The operator's part: make the node's key, have a person let it in, open the repository."""

    def progress(line: str) -> None:
        say(f"  {line}")

    prepared = hosts.prepare(*where, operator=operator, repository=place, progress=progress)
    say(f"The backup host shows the key {prepared.backup_host_key.fingerprint}")
    say(f"Let this key of the node in there, for SFTP only:\n  restrict {prepared.public_key}")
    if expected is None:
        confirm("Is that the backup host's own key, and was the node's let in?")
    elif not hmac.compare_digest(expected, prepared.backup_host_key.fingerprint):
        raise click.ClickException(f"This is not {expected}: another machine, or one in between.")
    key = prepared.backup_host_key
    return hosts.open_repository(
        *where, operator=operator, repository=place, backup_host_key=key, password=password, progress=progress
    )


@click.command("backup-place", hidden=True)
@click.argument("node")
@click.argument("place")
@with_panel
def backup_place(actor: Actor, /, *, node: str, place: str) -> None:
    """Record that NODE backs up to PLACE."""
    ledger.record_place(actor, find_node(actor, node).id, place=place)


@click.command()
@click.argument("node")
@waits
@as_json
@with_panel
def backup(actor: Actor, /, *, node: str, wait: float, json_: bool) -> None:
    """Have NODE back up what it holds, besides the nightly one."""
    job = ledger.request_backup(actor, find_node(actor, node).id)
    _follow(job, NodeBackup, shapes.backup, wait=wait, json_=json_)


@click.command()
@click.argument("node", required=False)
@listed
@with_panel
def backups(actor: Actor, /, *, node: str | None, **page: Any) -> None:
    """List backups, of NODE or of all, newest first."""
    query = ledger.backups_query(actor, node_id=None if node is None else find_node(actor, node).id)
    columns: Columns = {
        "id": "id",
        "node": "node",
        "state": "state",
        "at": "at",
        "MB": lambda row: row["bytes"] // 1_000_000,
        "files": "files",
        "problem": lambda row: (row["problem"] or {}).get("code", ""),
    }
    print_list(query.order_by(None), shapes.backup, columns, orders=orders.BACKUPS, default="-at", page=page)


@click.command("restore-mail-store")
@click.argument("node")
@click.option("--backup", "backup_", metavar="BACKUP", help="Its id.  [default: the newest]")
@waits
@as_json
@with_panel
def restore_mail_store(actor: Actor, /, *, node: str, backup_: str | None, wait: float, json_: bool) -> None:
    """Put all mail that NODE held at its last backup beneath what has come since."""
    backup_id = None if backup_ is None else require_id(backup_)
    job = ledger.request_store_restore(actor, find_node(actor, node).id, backup_id=backup_id)
    _follow(job, MailRestore, shapes.mail_restore, wait=wait, json_=json_)


@click.command("restore-mail")
@click.argument("mailbox")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The last backup of that day.")
@click.option("--folder", help="One folder of the mailbox, as its holder sees it.  [default: all]")
@click.option("--into", help="The folder made for what comes back.  [default: named after the backup's day]")
@waits
@as_json
@with_panel
def restore_mail(
    actor: Actor, /, *, mailbox: str, as_of: datetime | None, wait: float, json_: bool, **which: Any
) -> None:
    """Bring mail of MAILBOX back from a backup of its node, into a new folder; nothing is overwritten."""
    day = None if as_of is None else as_of.date()
    job = restore_mail_of(actor, find_mailbox(actor, mailbox).id, as_of=day, **which)
    _follow(job, MailRestore, shapes.mail_restore, wait=wait, json_=json_)


def _follow(job: Job, model: type[NodeBackup | MailRestore], shape: Any, *, wait: float, json_: bool) -> None:
    """Print the job, or what came of it within ``wait`` seconds. Exits with 1 where it failed, 8 while not done."""
    if not wait:
        print_one(job_shapes.job(job), json_=json_)
        return
    ended = wait_shown(lambda: _state(model, job.id) not in (None, "running"), wait, say="The node is at work")
    row = db.session.get(model, job.id, populate_existing=True)
    told: Mapping[str, Any] = job_shapes.job(job) if row is None else shape(row)
    print_one(told, json_=json_)
    if not ended:
        click.echo(f"not done after {wait:g} s", err=True)
        sys.exit(NOT_YET)
    if told["state"] == "failed":
        problem = told["problem"] or {}
        click.echo(f"{problem.get('code')}: {problem.get('message')}", err=True)
        sys.exit(FAILED)


def _state(model: type[NodeBackup | MailRestore], run: uuid.UUID) -> str | None:
    with db.engine.connect() as connection:
        state: str | None = connection.scalar(select(model.state).where(model.id == run))
        return state


def read_repository(text: str) -> Repository:
    """``sftp://USER@HOST[:PORT]/FOLDER`` as a place for backups. Raises BadParameter."""
    parts = urlsplit(text)
    plain = parts.scheme == "sftp" and not (parts.password or parts.query or parts.fragment)
    try:
        return Repository(parts.username or "", parts.hostname or "", parts.port or 22, parts.path if plain else "")
    except ValueError as error:
        raise click.BadParameter(f"sftp://USER@HOST[:PORT]/FOLDER ({error})", param_hint="--repository") from error
