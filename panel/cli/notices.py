"""``cis notices``: what people were told by mail, and whether the way to them works."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.session import with_panel
from panel.kernel.access import Actor, require
from panel.kernel.db import new_id
from panel.kernel.mail_server import MailFailed
from panel.ledger.messages import STATES
from panel.notices.outbox import messages_query, retry_failed
from panel.notices.sending import notice_sender, server_of, write_mail
from panel.shapes import ledger as shapes
from panel.shapes import orders
from panel.wording.notices import notice_words


@click.group()
def notices() -> None:
    """What people are told by mail."""


@notices.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those on their way, sent, or given up.")
@listed
@with_panel
def list_(actor: Actor, /, *, state: str | None, **page: Any) -> None:
    """List messages, newest first. What they said is kept nowhere."""
    columns: Columns = {
        "id": "id",
        "code": "code",
        "user": "user_id",
        "state": "state",
        "attempts": "attempts",
        "created": "created_at",
        "next try": "retry_at",
        "sent": "sent_at",
        "problem": "problem",
    }
    query = messages_query(actor, state=state)
    print_list(query, shapes.message, columns, orders=orders.MESSAGES, default="-created_at", page=page)


@notices.command()
@as_json
@with_panel
def retry(actor: Actor, /, *, json_: bool) -> None:
    """Try again now what was given up within the last two days."""
    print_one({"queued": retry_failed(actor)}, json_=json_)


@notices.command()
@click.argument("email")
@as_json
@with_panel
def test(actor: Actor, /, *, email: str, json_: bool) -> None:
    """Send one message to EMAIL by the mail server of the notices, and say how that went."""
    require(actor, "nodes:write", staff=True)
    settings = current_app.config["CIS"]
    if not settings.notice_smtp:
        raise click.ClickException("no mail server is set: CIS_NOTICE_SMTP")
    words = notice_words("notices:test", {}, public_url=settings.public_url)
    try:
        mail = write_mail(settings, email, f"[CIS Panel] {words.subject}", "\n".join(words.lines), mail_id=new_id())
        with server_of(settings).session() as send:
            send(mail, notice_sender(settings), [email])
    except (MailFailed, ValueError) as error:
        raise click.ClickException(str(error)) from error
    print_one({"sent_to": email, "by": settings.notice_smtp}, json_=json_)
