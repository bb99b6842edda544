"""``cis domains``: domains whose mail the nodes take."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.following import follow, waits
from panel.cli.lists import listed, print_list
from panel.cli.output import as_json
from panel.cli.references import find_member
from panel.cli.session import with_panel
from panel.kernel.access import Actor
from panel.ledger.waiting import resource_settled
from panel.mail.domains import create_domain, domains_query, get_domain
from panel.mail.models import MailDomain
from panel.shapes import mail as shapes
from panel.shapes import orders


@click.group()
def domains() -> None:
    """Mail domains."""


@domains.command("list")
@click.argument("search", default="")
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, **page: Any) -> None:
    """List mail domains whose name holds SEARCH."""
    columns = {"name": "name", "state": "state", "shared": "shared", "member": "member_id", "id": "id"}
    print_list(domains_query(actor, search=search), shapes.mail_domain, columns, orders=orders.MAIL_DOMAINS,
               default="name", page=page, searching=bool(search))  # fmt: skip


@domains.command()
@click.argument("name")
@click.option("--member", metavar="MEMBER", help="Whose it is; else the association's own.")
@click.option("--shared", is_flag=True, help="Every member may have addresses in it.")
@waits
@as_json
@with_panel
def create(actor: Actor, /, *, name: str, member: str | None, shared: bool, wait: float, json_: bool) -> None:
    """Take mail for the domain NAME."""
    member_id = None if member is None else find_member(actor, member).id
    domain_id = create_domain(actor, name=name, member_id=member_id, shared=shared).id
    follow(
        lambda: shapes.mail_domain(get_domain(actor, domain_id)),
        resource_settled(MailDomain, domain_id),
        wait=wait,
        json_=json_,
    )
