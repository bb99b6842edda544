"""Pages of what is to be done before contracts end."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.contracts import ending
from panel.contracts.entitlements import today
from panel.contracts.models import Contract
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.members.models import Member
from panel.web.forms.contracts import TaskForm
from panel.web.lists import asked
from panel.web.session import actor, permission

area = Blueprint("contract_tasks", __name__, url_prefix="/contracts/tasks")

SORTS = {
    "due": ending.ContractTask.due_on,
    "last": ending.ContractTask.last_day,
    "number": Contract.number,
    "member": Member.folded,
}


@area.get("")
@permission("contracts:write", staff=True)
def show_list() -> ResponseReturnValue:
    """Tasks, those to do first, with search, order and chips."""
    wanted = asked("state", "step")
    step, state = wanted.filter("step"), wanted.filter("state") or "open"
    query = ending.tasks_query(
        actor(), search=wanted.search, state=state if state in ending.TASK_STATES else "open",
        step=int(step) if step in {str(one) for one in ending.STEPS} else None,
    )  # fmt: skip
    listing = wanted.read(query, sorts=SORTS, default="last")
    return render_template("contract_tasks/list.html", listing=listing, steps=ending.STEPS, today=today())


@area.route("/<uuid:task_id>/done", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def done(task_id: uuid.UUID) -> ResponseReturnValue:
    """What was done."""
    task, form = db.session.get(ending.ContractTask, task_id), TaskForm()
    if task is None:
        raise NotFound("not_found")
    if form.attempt(lambda: ending.finish_task(actor(), task_id, note=form.note.text)) is None:
        return render_template("contract_tasks/done.html", form=form, task=task, contract=task.contract), form.status
    flash(_("Noted."), "success")
    return redirect(url_for("contracts.show", contract_id=task.contract_id), 303)
