"""``cis demo zone``: one zone made for real, until all name servers answer it. Part of what ``cis run`` shows."""

from __future__ import annotations

import secrets
import uuid

import click
from flask import current_app
from sqlalchemy import select

from panel.cli.output import print_json
from panel.cli.session import with_panel
from panel.dns.actions import change_zone, create_zone
from panel.dns.judging import Wanted
from panel.dns.models import Zone
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.ledger.nodes import Node
from panel.ledger.waiting import wait_until
from panel.members.models import Member
from provisioning.lab.fleet import DOMAIN

_SECONDS = 120.0
"""Longer than any notification takes that was lost: secondaries ask by themselves, and the look is had again."""


@click.command()
@click.argument("member")
@with_panel
def zone(actor: Actor, *, member: str) -> None:
    """Make a zone for MEMBER (its short name) and tell how all name servers answer it."""
    if current_app.config["CIS"].env != "lab":
        raise click.ClickException("demo data is for the lab only (CIS_ENV=lab)")
    _name_nodes(actor)
    member_id = db.session.scalars(select(Member.id).where(Member.slug == member)).one()
    name = f"pokaz-{secrets.token_hex(3)}.example"
    www = Wanted(name="www", type="A", ttl=3600, values=["192.0.2.80"])
    made = create_zone(actor, member_id=member_id, name=name, sets=[www], comment="cis run", accept_warnings=True).zone
    zone_id = made.id
    # Where servers are slow the first look comes too early; what failed for a moment is tried again by itself.
    wait_until(lambda: _state(zone_id) == "active", _SECONDS)
    db.session.expire_all()
    print_json(_told(db.session.get_one(Zone, zone_id)))


def _name_nodes(actor: Actor) -> None:
    """Have a zone of the association's hold the names of all nodes, at the addresses they have now."""
    wanted = [
        Wanted(name=node.hostname.removesuffix(f".{DOMAIN}"), type="A", ttl=60, values=[node.address])
        for node in db.session.scalars(select(Node))
        if node.hostname.endswith(f".{DOMAIN}")
    ]
    row = db.session.scalar(select(Zone).where(Zone.name == DOMAIN))
    if row is None:
        create_zone(actor, member_id=None, name=DOMAIN, sets=wanted, comment="cis run", accept_warnings=True)
    else:
        change_zone(actor, zone_id=row.id, changes=wanted, comment="cis run", accept_warnings=True)


def _state(zone_id: uuid.UUID) -> str | None:
    with db.engine.connect() as connection:
        return connection.scalar(select(Zone.state).where(Zone.id == zone_id))


def _told(row: Zone) -> dict[str, object]:
    seen = row.seen_at.isoformat(timespec="milliseconds") if row.seen_at else None
    problem = {"code": row.problem_code, "message": row.problem_message} if row.problem_code else None
    names = ("name", "state", "dnssec", "seen_how")
    told = {name: getattr(row, name) for name in names}
    return told | {"answers": dict(row.answers), "seen_at": seen, "problem": problem}
