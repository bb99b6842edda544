"""``cis webhooks``: what is told to other programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from sqlalchemy import select

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one
from panel.cli.references import find_member, require_id
from panel.cli.session import with_panel
from panel.identity.actions import actor_for_user
from panel.identity.models import User
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.shapes import orders
from panel.shapes import webhooks as shapes
from panel.webhooks import actions
from panel.webhooks.models import DELIVERY_STATES


@click.group()
def webhooks() -> None:
    """What is told to other programs, and how that went."""


@webhooks.command("list")
@click.option("--member", metavar="MEMBER", help="Only those of this member.")
@listed
@with_panel
def list_(actor: Actor, /, *, member: str | None, **page: Any) -> None:
    """List webhooks, newest first."""
    query = actions.webhooks_query(actor, member_id=None if member is None else find_member(actor, member).id)
    columns: Columns = {"id": "id", "name": "name", "url": "url", "member": "member_id", "active": "active",
                        "failing since": "failing_since"}  # fmt: skip
    print_list(query, shapes.webhook, columns, orders=orders.WEBHOOKS, default="-created_at", page=page)


@webhooks.command()
@click.argument("url")
@click.option("--for", "email", required=True, metavar="EMAIL", help="The user in whose right events are sent.")
@click.option("--member", metavar="MEMBER", help="Whose events, with those of what is below; else all.")
@click.option("--name", default="", help="What it is for.")
@click.option("--event", "events", multiple=True, help="Only tags that begin so; may be repeated.")
@click.option("--kind", "kinds", multiple=True, help="Only events about this kind; may be repeated.")
@as_json
@with_panel
def create(actor: Actor, /, *, email: str, member: str | None, json_: bool, **values: Any) -> None:
    """Have events sent to URL from now on. The secret that signs them is printed this once."""
    member_id = None if member is None else find_member(actor, member).id
    row, secret = actions.create_webhook(_owner(actor, email), member_id=member_id, **values)
    print_one({"secret": secret} | shapes.webhook(row), json_=json_)


@webhooks.command()
@click.argument("webhook")
@as_json
@with_panel
def show(actor: Actor, /, *, webhook: str, json_: bool) -> None:
    """Show WEBHOOK (its id)."""
    print_one(shapes.webhook(actions.get_webhook(actor, require_id(webhook))), json_=json_)


@webhooks.command()
@click.argument("webhook")
@click.option("--url", help="Another address.")
@click.option("--name", help="Another name.")
@click.option("--event", "events", multiple=True, help="Only tags that begin so; may be repeated.")
@click.option("--kind", "kinds", multiple=True, help="Only events about this kind; may be repeated.")
@click.option("--on/--off", "active", default=None, help="Switch it on or off.")
@as_json
@with_panel
def change(actor: Actor, /, *, webhook: str, active: bool | None, json_: bool, **values: Any) -> None:
    """Change WEBHOOK, or switch it on or off; what happens while it is off is not sent."""
    given = {name: value for name, value in values.items() if value not in (None, ())}
    row = actions.change_webhook(actor, require_id(webhook), active=active, **given)
    print_one(shapes.webhook(row), json_=json_)


@webhooks.command()
@click.argument("webhook")
@as_json
@with_panel
def rotate(actor: Actor, /, *, webhook: str, json_: bool) -> None:
    """Make a new secret for WEBHOOK, printed this once; the earlier one signs beside it for a day."""
    row, secret = actions.rotate_secret(actor, require_id(webhook))
    print_one({"secret": secret} | shapes.webhook(row), json_=json_)


@webhooks.command()
@click.argument("webhook")
@as_json
@with_panel
def remove(actor: Actor, /, *, webhook: str, json_: bool) -> None:
    """Take WEBHOOK away, with the record of what it sent."""
    webhook_id = require_id(webhook)
    actions.remove_webhook(actor, webhook_id)
    print_one({"removed": str(webhook_id)}, json_=json_)


@webhooks.command()
@click.argument("webhook")
@as_json
@with_panel
def test(actor: Actor, /, *, webhook: str, json_: bool) -> None:
    """Have a message sent to WEBHOOK that is about nothing."""
    print_one(shapes.delivery(actions.send_test(actor, require_id(webhook))), json_=json_)


@webhooks.command()
@click.argument("webhook")
@click.option("--state", type=click.Choice(DELIVERY_STATES))
@listed
@with_panel
def deliveries(actor: Actor, /, *, webhook: str, state: str | None, **page: Any) -> None:
    """List what was sent by WEBHOOK within thirty days, newest first."""
    query = actions.deliveries_query(actor, require_id(webhook), state=state)
    columns: Columns = {"id": "id", "event": "tag", "state": "state", "attempts": "attempts", "last answer": _last,
                        "created": "created_at"}  # fmt: skip
    print_list(query, shapes.delivery, columns, orders=orders.DELIVERIES, default="-created_at", page=page)


@webhooks.command()
@click.argument("webhook")
@click.argument("delivery")
@as_json
@with_panel
def resend(actor: Actor, /, *, webhook: str, delivery: str, json_: bool) -> None:
    """Send DELIVERY of WEBHOOK again, under the id it had."""
    row = actions.resend(actor, require_id(webhook), require_id(delivery))
    print_one(shapes.delivery(row), json_=json_)


def _last(row: Row) -> str:
    last = row["tries"][-1] if row["tries"] else {}
    return str(last.get("status") or last.get("problem") or "")


def _owner(actor: Actor, email: str) -> Actor:
    """The user in whose right it is sent; that they may have one is the decision of the person at the terminal."""
    user = db.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound("not_found", field="email")
    owner = actor_for_user(user, fresh=True)
    grants = tuple(replace(grant, permissions=grant.permissions | {"webhooks:write"}) for grant in owner.grants)
    return replace(owner, ref=actor.ref, name=actor.name, on_behalf_of=owner.ref, grants=grants)
