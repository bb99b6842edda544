"""``cis contracts``: what members signed."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path
from typing import Any

import click

from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import Row, as_json, print_one, print_rows
from panel.cli.references import find_contract, find_member, require_id
from panel.cli.session import with_panel
from panel.cli.values import Day, days, read_table
from panel.contracts import actions
from panel.contracts.ending import STEPS, TASK_STATES, finish_task, tasks_query
from panel.contracts.models import SUSPENSION_LEVELS
from panel.contracts.steps import steps_of
from panel.contracts.suspending import cancel_step, plan_suspension
from panel.kernel.access import Actor
from panel.kernel.errors import NotFound
from panel.shapes import contracts as shapes
from panel.shapes import orders

_STATUSES = ("future", "active", "expiring", "suspended", "ended")


@click.group()
def contracts() -> None:
    """What members signed. CONTRACT is an id or a number, MEMBER an id, a slug or a TERYT code."""


@contracts.command("list")
@click.argument("search", default="")
@click.option("--member", metavar="MEMBER")
@click.option("--status", type=click.Choice(_STATUSES))
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, member: str | None, status: str | None, **page: Any) -> None:
    """List contracts whose number or member holds all words of SEARCH."""
    member_id = None if member is None else find_member(actor, member).id
    query = actions.contracts_query(actor, search=search, member_id=member_id, status=status)
    columns: Columns = {
        "number": "number",
        "status": "status",
        "from": "starts_on",
        "until": "ends_on",
        "items": _items,
        "id": "id",
    }
    print_list(query, shapes.contract, columns, orders=orders.CONTRACTS, default="-created_at", page=page,
               searching=bool(search))  # fmt: skip


@contracts.command()
@click.argument("contract")
@as_json
@with_panel
def show(actor: Actor, /, *, contract: str, json_: bool) -> None:
    """Show CONTRACT."""
    print_one(shapes.contract(find_contract(actor, contract)), json_=json_)


@contracts.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--member", metavar="MEMBER")
@click.option("--number")
@click.option("--signed-on", type=Day())
@click.option("--starts-on", type=Day())
@click.option("--ends-on", type=Day(), help="Without it: for an unlimited time.")
@click.option("--notice-days", type=int)
@click.option("--item", "items", multiple=True, metavar="SERVICE=QUANTITY", help="May be repeated.")
@as_json
@with_panel
def create(
    actor: Actor, /, *, file: Path | None, member: str | None, items: tuple[str, ...], json_: bool, **given: Any
) -> None:
    """Record a signed contract, from FILE (TOML or JSON, fields as in the API), from options, or both."""
    values = {} if file is None else read_table(file)
    wanted = [days(item) for item in values.pop("items", [])] + [_item(text) for text in items]
    values = days(values) | {name: value for name, value in given.items() if value is not None}
    named = member or str(values.pop("member", values.pop("member_id", "")))
    contract = actions.create_contract(actor, **(values | {"member_id": find_member(actor, named).id}), items=wanted)
    print_one(shapes.contract(contract), json_=json_)


@contracts.command()
@click.argument("contract")
@click.option("--level", type=click.Choice(SUSPENSION_LEVELS), required=True)
@click.option("--reason", required=True, help="What the member reads.")
@click.option("--contact", default="", help="Whom those may ask who are stopped.")
@as_json
@with_panel
def suspend(actor: Actor, /, *, contract: str, level: str, reason: str, contact: str, json_: bool) -> None:
    """Suspend what CONTRACT grants, at once. By announced steps: `cis contracts plan`."""
    contract_id = find_contract(actor, contract).id
    changed = actions.suspend_contract(actor, contract_id, level=level, reason=reason, contact=contact)
    print_one(shapes.contract(changed), json_=json_)


@contracts.command()
@click.argument("contract")
@as_json
@with_panel
def resume(actor: Actor, /, *, contract: str, json_: bool) -> None:
    """End a suspension of CONTRACT."""
    print_one(shapes.contract(actions.resume_contract(actor, find_contract(actor, contract).id)), json_=json_)


@contracts.command()
@click.argument("contract")
@click.option("--on", "ended_on", type=Day(), required=True, help="Its last day.")
@as_json
@with_panel
def end(actor: Actor, /, *, contract: str, ended_on: date, json_: bool) -> None:
    """Let CONTRACT end on a day."""
    changed = actions.end_contract(actor, find_contract(actor, contract).id, ended_on=ended_on)
    print_one(shapes.contract(changed), json_=json_)


@contracts.command()
@click.argument("contract")
@click.option("--step", "steps", multiple=True, required=True, metavar="LEVEL=DAY", help="May be repeated.")
@click.option("--reason", required=True, help="What the member reads.")
@click.option("--contact", default="", help="Whom those may ask who are stopped.")
@as_json
@with_panel
def plan(actor: Actor, /, *, contract: str, steps: tuple[str, ...], reason: str, contact: str, json_: bool) -> None:
    """Suspend CONTRACT step by step: each LEVEL from its DAY on, announced to the member before."""
    wanted = [_step(text) for text in steps]
    contract_id = find_contract(actor, contract).id
    plan_suspension(actor, contract_id, steps=wanted, reason=reason, contact=contact)
    _print_steps(contract_id, json_=json_)


@contracts.command("steps")
@click.argument("contract")
@as_json
@with_panel
def list_steps(actor: Actor, /, *, contract: str, json_: bool) -> None:
    """Show the steps, to come and taken, by which what CONTRACT grants is held back."""
    _print_steps(find_contract(actor, contract).id, json_=json_)


@contracts.command("cancel-step")
@click.argument("contract")
@click.argument("level", type=click.Choice(SUSPENSION_LEVELS))
@as_json
@with_panel
def cancel_step_(actor: Actor, /, *, contract: str, level: str, json_: bool) -> None:
    """Take the step to LEVEL back: one to come does not come, one that holds is undone."""
    contract_id = find_contract(actor, contract).id
    for step in steps_of(contract_id):
        if step.level == level:
            cancel_step(actor, step.id)
            return _print_steps(contract_id, json_=json_)
    raise NotFound("not_found")


@contracts.command()
@click.argument("search", default="")
@click.option("--contract", metavar="CONTRACT")
@click.option("--step", type=click.Choice([str(step) for step in STEPS]), help="Days before the last day.")
@click.option("--state", type=click.Choice(TASK_STATES), default="open", show_default=True)
@listed
@with_panel
def tasks(actor: Actor, /, *, search: str, contract: str | None, step: str | None, state: str, **page: Any) -> None:
    """List what is to be done before contracts end; SEARCH covers their numbers and members."""
    contract_id = None if contract is None else find_contract(actor, contract).id
    query = tasks_query(actor, contract_id=contract_id, search=search, step=int(step) if step else None, state=state)
    columns: Columns = {
        "contract": "contract_number",
        "days before": "step",
        "last day": "last_day",
        "state": "state",
        "note": "note",
        "id": "id",
    }
    print_list(query, shapes.task, columns, orders=orders.CONTRACT_TASKS, default="due_on", page=page,
               searching=bool(search))  # fmt: skip


@contracts.command("task-done")
@click.argument("task")
@click.option("--note", required=True, help="What was done.")
@as_json
@with_panel
def task_done(actor: Actor, /, *, task: str, note: str, json_: bool) -> None:
    """Say that TASK (its id) is done, and what was done."""
    print_one(shapes.task(finish_task(actor, require_id(task), note=note)), json_=json_)


def _print_steps(contract_id: uuid.UUID, *, json_: bool) -> None:
    rows = [shapes.step(step) for step in steps_of(contract_id)]
    print_rows(rows, {"level": "level", "from": "takes_on", "state": "state", "why": "why"}, json_=json_)


def _step(text: str) -> dict[str, Any]:
    level, _, takes_on = text.partition("=")
    try:
        return {"level": level, "takes_on": date.fromisoformat(takes_on)}
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LEVEL=DAY", param_hint="--step") from None


def _item(text: str) -> dict[str, Any]:
    service, _, quantity = text.partition("=")
    if not quantity.isascii() or not quantity.isdigit():
        raise click.BadParameter(f"{text!r} is not SERVICE=QUANTITY", param_hint="--item")
    return {"service": service, "quantity": int(quantity)}


def _items(row: Row) -> str:
    return ", ".join(f"{item['service']} × {item['quantity']}" for item in row["items"])
