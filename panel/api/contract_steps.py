"""What leads up to the end of contracts: tasks before it, and the steps by which services are held back."""

from __future__ import annotations

from sqlalchemy import Select

from panel.api.fields import Day, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, whole_list
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.contracts import ending, suspending
from panel.contracts.actions import get_contract
from panel.contracts.models import SUSPENSION_LEVELS
from panel.contracts.steps import steps_of
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.shapes import contracts as shapes
from panel.shapes import orders

_FILTERS = {
    "state": Text(choices=ending.TASK_STATES),
    "step": Integer(least=min(ending.STEPS), most=max(ending.STEPS), says="Days before the last day: 90, 60 or 30."),
}
_PLAN = Shape(
    fields={
        "steps": ListOf(
            of=Shape(fields={"level": Text(required=True, choices=SUSPENSION_LEVELS), "takes_on": Day(required=True)}),
            required=True, least=1, most=len(SUSPENSION_LEVELS),
        ),
        "reason": Text(required=True, most=200),
        "contact": Text(most=200, says="Whom those may ask who are stopped."),
    }
)  # fmt: skip


@operation(
    "GET",
    "/contracts/<uuid:id>/tasks",
    permission="contracts:read",
    query=list_parameters(orders.CONTRACT_TASKS, _FILTERS, search=False),
    answer=page_of("ContractTask"),
)
def list_contract_tasks(actor: Actor, ask: Ask) -> Answer:
    """List what is, was and will be to do before a contract ends."""
    get_contract(actor, ask.id)
    query: Select[ending.ContractTask] = ending.tasks_query(
        actor, contract_id=ask.id, step=ask.query.get("step"), state=ask.query.get("state")
    )
    return list_answer(ask, query, shapes.task, sorts=orders.CONTRACT_TASKS, default="due_on")


@operation(
    "POST",
    "/contracts/<uuid:id>/tasks/<uuid:task_id>/done",
    permission="contracts:write",
    staff=True,
    body=Shape(fields={"note": Text(required=True, most=200, says="What was done.")}),
    answer=ref("ContractTask"),
)
def finish_contract_task(actor: Actor, ask: Ask) -> Answer:
    """Say that a task is done, and what was done."""
    get_contract(actor, ask.id)
    task = db.session.get(ending.ContractTask, ask.path["task_id"])
    if task is None or task.contract_id != ask.id:
        raise NotFound("not_found")
    return Answer(body=shapes.task(ending.finish_task(actor, task.id, **ask.body)))


@operation("GET", "/contracts/<uuid:id>/steps", permission="contracts:read", answer=page_of("ContractStep"))
def list_contract_steps(actor: Actor, ask: Ask) -> Answer:
    """List the steps, to come and taken, by which what a contract grants is held back."""
    get_contract(actor, ask.id)
    return whole_list([shapes.step(step) for step in steps_of(ask.id)])


@operation(
    "POST",
    "/contracts/<uuid:id>/steps",
    permission="contracts:write",
    staff=True,
    body=_PLAN,
    answer=page_of("ContractStep"),
    statuses=(201,),
)
def plan_contract_steps(actor: Actor, ask: Ask) -> Answer:
    """Plan a suspension by steps, each announced before; replaces what was planned and does not hold yet."""
    suspending.plan_suspension(actor, ask.id, **ask.body)
    listed = whole_list([shapes.step(step) for step in steps_of(ask.id)])
    return Answer(body=listed.body, status=201, location=f"/api/v1/contracts/{ask.id}/steps")


@operation(
    "POST",
    "/contracts/<uuid:id>/steps/<uuid:step_id>/cancel",
    permission="contracts:write",
    staff=True,
    answer=ref("Contract"),
)
def cancel_contract_step(actor: Actor, ask: Ask) -> Answer:
    """Take one step back: one to come does not come, one that holds is undone."""
    get_contract(actor, ask.id)
    if ask.path["step_id"] not in {step.id for step in steps_of(ask.id)}:
        raise NotFound("not_found")
    return Answer(body=shapes.contract(suspending.cancel_step(actor, ask.path["step_id"])))
