"""``cis step-ins``: stays of staff in members' views."""

from __future__ import annotations

from typing import Any

import click

from panel.cli.lists import listed, print_list
from panel.cli.output import as_json, print_one
from panel.cli.references import find_member, require_id
from panel.cli.session import with_panel
from panel.identity import stepping_in
from panel.kernel.access import Actor
from panel.shapes import identity as shapes
from panel.shapes import orders


@click.group()
def step_ins() -> None:
    """Stays of staff in members' views. They begin in the pages only."""


@step_ins.command("list")
@click.option("--member", metavar="MEMBER")
@click.option("--open", "going_on", is_flag=True, help="Only those that go on now.")
@listed
@with_panel
def list_(actor: Actor, /, *, member: str | None, going_on: bool, **page: Any) -> None:
    """List stays, newest first."""
    member_id = None if member is None else find_member(actor, member).id
    query = stepping_in.step_ins_query(actor, member_id=member_id, going_on=going_on)
    columns = {"from": "opened_at", "until": "until", "ended": "ended_at", "by": "ended_by", "who": "user_name",
               "member": "member_id", "reason": "reason", "pages": "pages", "id": "id"}  # fmt: skip
    print_list(query, shapes.step_in, columns, orders=orders.STEP_INS, default="-opened_at", page=page)


@step_ins.command()
@click.argument("step_in")
@as_json
@with_panel
def end(actor: Actor, /, *, step_in: str, json_: bool) -> None:
    """End STEP_IN (its id) at once."""
    print_one(shapes.step_in(stepping_in.end(actor, require_id(step_in))), json_=json_)
