"""``cis mailboxes``: asking for mailboxes and changing them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

import click
from flask import current_app
from sqlalchemy.orm import selectinload

from panel.cli.errors import with_rows
from panel.cli.following import follow, waits
from panel.cli.lists import listed, print_list
from panel.cli.mailbox_changes import change_many
from panel.cli.mailbox_files import read_wanted
from panel.cli.node_backups import restore_mail
from panel.cli.output import as_json, print_one, print_rows
from panel.cli.progress import wait_shown
from panel.cli.references import find_domain, find_mailbox, find_member
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished, resource_settled, settled_of
from panel.mail import actions, takeover
from panel.mail.actions import DEFAULT_QUOTA_MB, Changed
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.shapes import mail as shapes
from panel.shapes import orders
from panel.wording import warning_words

_reason = click.option("--reason", default="", help="Why it gets an address that was another member's not long ago.")
_password = click.option("--password-stdin", is_flag=True, help="Read the password from standard input's first line.")


@click.group()
def mailboxes() -> None:
    """Mailboxes. MAILBOX is an id or an address."""


@mailboxes.command("list")
@click.argument("search", default="")
@click.option("--member", metavar="MEMBER")
@click.option("--domain", metavar="DOMAIN")
@click.option("--state", type=click.Choice(RESOURCE_STATES))
@listed
@with_panel
def list_(
    actor: Actor, /, *, search: str, member: str | None, domain: str | None, state: str | None, **page: Any
) -> None:
    """List mailboxes whose address holds SEARCH; removed ones only with --state."""
    member_id = None if member is None else find_member(actor, member).id
    domain_id = None if domain is None else find_domain(actor, domain).id
    query = mailboxes_query(actor, search=search, member_id=member_id, domain_id=domain_id, state=state)
    query = query.options(selectinload(Mailbox.links), selectinload(Mailbox.aliases))
    columns = {
        "address": "address",
        "state": "state",
        "login": "login",
        "quota": "quota_mb",
        "used": "used_mb",
        "seen": "seen_at",
        "id": "id",
    }
    print_list(query, shapes.mailbox, columns, orders=orders.MAILBOXES, default="-created_at", page=page,
               searching=bool(search))  # fmt: skip


@mailboxes.command()
@click.argument("mailbox")
@as_json
@with_panel
def show(actor: Actor, /, *, mailbox: str, json_: bool) -> None:
    """Show MAILBOX."""
    print_one(shapes.mailbox(find_mailbox(actor, mailbox)), json_=json_)


@mailboxes.command()
@click.argument("address")
@click.option("--member", metavar="MEMBER", required=True, help="Whose it is.")
@click.option("--quota", "quota_mb", type=int, default=DEFAULT_QUOTA_MB, show_default=True, help="Mebibytes.")
@_password
@_reason
@waits
@as_json
@with_panel
def create(
    actor: Actor, /, *, address: str, member: str, password_stdin: bool, wait: float, json_: bool, **given: Any
) -> None:
    """Ask for the mailbox ADDRESS; without a password an activation link is printed, this once."""
    password = _read_password() if password_stdin else None
    member_id = find_member(actor, member).id
    changed = actions.create_mailbox(actor, member_id=member_id, address=address, password=password, **given)
    _follow(actor, changed, wait=wait, json_=json_)


@mailboxes.command()
@click.argument("file", type=click.File("rb"))
@click.option("--member", metavar="MEMBER", help="Whose they are, where the file does not say.")
@waits
@as_json
@with_panel
def batch(actor: Actor, /, *, file: IO[bytes], member: str | None, wait: float, json_: bool) -> None:
    """Ask for up to 10,000 mailboxes, all or none, from FILE: CSV with address and optionally member,quota_mb,password.

    Or JSON as the API takes it. Activation links are printed this once.
    """
    with_rows()
    changes = actions.create_mailboxes(actor, read_wanted(actor, file.read(), member=member))
    if wait:
        ids = [change.mailbox.id for change in changes]
        jobs = list({change.job.id for change in changes if change.job})
        wait_shown(jobs_finished(jobs), wait, say="Mailboxes", total=len(ids), done=lambda: settled_of(Mailbox, ids))
    for change in changes:
        _warn(change)
    rows = [
        {"id": str(change.mailbox.id), "address": change.mailbox.address, "activation_link": _link(change)}
        for change in changes
    ]
    print_rows(rows, {"address": "address", "activation link": "activation_link"}, json_=json_)


@mailboxes.command()
@click.argument("mailbox")
@click.argument("quota_mb", type=int)
@waits
@as_json
@with_panel
def quota(actor: Actor, /, *, mailbox: str, quota_mb: int, wait: float, json_: bool) -> None:
    """Let MAILBOX hold QUOTA_MB mebibytes."""
    changed = actions.set_quota(actor, find_mailbox(actor, mailbox).id, quota_mb=quota_mb)
    _follow(actor, changed, wait=wait, json_=json_)


@mailboxes.command()
@click.argument("mailbox")
@_password
@waits
@as_json
@with_panel
def password(actor: Actor, /, *, mailbox: str, password_stdin: bool, wait: float, json_: bool) -> None:
    """Set the password of MAILBOX, asked for on the terminal or read from standard input; never an argument."""
    secret = _read_password() if password_stdin else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    changed = actions.set_password(actor, find_mailbox(actor, mailbox).id, password=secret)
    _follow(actor, changed, wait=wait, json_=json_)


@mailboxes.command()
@click.argument("mailbox")
@click.argument("address")
@_reason
@waits
@as_json
@with_panel
def rename(actor: Actor, /, *, mailbox: str, address: str, reason: str, wait: float, json_: bool) -> None:
    """Give MAILBOX another ADDRESS; mail to the old one keeps arriving."""
    changed = actions.rename_mailbox(actor, find_mailbox(actor, mailbox).id, address=address, reason=reason)
    _follow(actor, changed, wait=wait, json_=json_)


def _simple(name: str, action: Callable[..., Changed], words: str) -> None:
    """Add a command that takes a mailbox and nothing else."""

    @mailboxes.command(name, help=words)
    @click.argument("mailbox")
    @waits
    @as_json
    @with_panel
    def command(actor: Actor, /, *, mailbox: str, wait: float, json_: bool) -> None:
        _follow(actor, action(actor, find_mailbox(actor, mailbox).id), wait=wait, json_=json_)


@mailboxes.command("take-over")
@click.argument("mailbox")
@click.option("--successor", required=True, help="Who takes it over.")
@click.option("--authority", required=True, help="The document that allows it.")
@click.option("--earlier", default="", help="Who held it so far, where that is not on record.")
@waits
@as_json
@with_panel
def take_over(actor: Actor, /, *, mailbox: str, wait: float, json_: bool, **names: str) -> None:
    """Hand MAILBOX over to a successor, whose activation link is printed, this once; the old password is void."""
    changed = takeover.take_over(actor, find_mailbox(actor, mailbox).id, **names)
    _follow(actor, changed, wait=wait, json_=json_)


_simple("hand-back", takeover.hand_back, "Undo the last handing over of MAILBOX; print the earlier holder's link.")
_simple("activation", actions.new_activation_link, "Print a new activation link for MAILBOX; earlier ones are void.")
_simple("suspend", actions.suspend_mailbox, "Refuse logins to MAILBOX until resumed; mail still arrives.")
_simple("resume", actions.resume_mailbox, "End a suspension of MAILBOX.")
_simple("remove", actions.remove_mailbox, "Stop serving MAILBOX; it can be restored for some time.")
_simple("restore", actions.restore_mailbox, "Bring MAILBOX back with its mail, password and aliases.")

mailboxes.add_command(restore_mail)
mailboxes.add_command(change_many)


def _follow(actor: Actor, changed: Changed, *, wait: float, json_: bool) -> None:
    link = _link(changed)
    _warn(changed)

    def shape() -> Mapping[str, Any]:
        return shapes.mailbox(actions.get_mailbox(actor, changed.mailbox.id), link=link)

    follow(shape, resource_settled(Mailbox, changed.mailbox.id), wait=wait, json_=json_)


def _warn(changed: Changed) -> None:
    for code in changed.warnings:
        click.echo(f"{changed.mailbox.address}: {warning_words(code)}", err=True)


def _link(changed: Changed) -> str | None:
    token = changed.activation_token
    return None if token is None else f"{current_app.config['CIS'].public_url.rstrip('/')}/activate/{token}"


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")
