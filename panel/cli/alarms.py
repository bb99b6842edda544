"""``cis alarms``: what somebody must be told of, and whether the way to tell works."""

from __future__ import annotations

import click
from flask import current_app

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.session import with_panel
from panel.engine.relay import RelayFailed
from panel.kernel.access import Actor, require
from panel.kernel.i18n import _
from panel.ledger.alarms import alarms_query
from panel.shapes import ledger as shapes
from panel.shapes import orders
from panel.wiring import alarm_relay
from panel.wording.alarms import alarm_words


@click.group()
def alarms() -> None:
    """What somebody must be told of although nobody looks at the panel."""


@alarms.command("list")
@click.option("--state", type=click.Choice(("open", "cleared")), default="open", show_default=True)
@listed
@with_panel
def list_(actor: Actor, /, *, state: str, **page: object) -> None:
    """List alarms, newest first."""
    columns: Columns = {
        "what": lambda row: alarm_words(row["code"], row["params"]).title,
        "raised": "raised_at",
        "told": "told_at",
        "cleared": "cleared_at",
    }
    query = alarms_query(actor, state=state)
    print_list(query, shapes.alarm, columns, orders=orders.ALARMS, default="-raised_at", page=page)


@alarms.command()
@as_json
@with_panel
def test(actor: Actor, /, *, json_: bool) -> None:
    """Send one message by the relay of the alarms, and say how that went."""
    require(actor, "nodes:write", staff=True)
    settings = current_app.config["CIS"]
    relay = alarm_relay(settings)
    try:
        subject = _("Test message")
        text = _("This is a test. Alarms of the panel arrive here: %(url)s", url=settings.public_url)
        relay.send(f"[CIS Panel] {subject}", text)
    except RelayFailed as error:
        raise click.ClickException(str(error)) from error
    print_one({"sent_to": list(relay.recipients), "by": settings.alarm_smtp}, json_=json_)
