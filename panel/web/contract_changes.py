"""Pages that suspend, resume and end a contract; each shows first what will happen."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.contracts import actions
from panel.contracts.entitlements import today
from panel.contracts.models import Contract
from panel.contracts.steps import steps_of
from panel.contracts.suspending import cancel_step, check_plan, earliest_days, plan_suspension
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.web.contract_parts import changes_without
from panel.web.filters import day
from panel.web.forms.base import PanelForm
from panel.web.forms.contracts import EndForm, PlanForm, SuspendForm
from panel.web.session import actor, permission
from panel.wording import level_words, suspension_word

area = Blueprint("contract", __name__, url_prefix="/contracts/<uuid:contract_id>")


@area.route("/suspend", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def suspend(contract_id: uuid.UUID) -> ResponseReturnValue:
    """How far and why; then what will happen; then it does."""
    contract, form = _contract(contract_id), SuspendForm()
    form.offer()
    return _two_steps(
        contract,
        form,
        "contracts/suspend.html",
        _("The contract is suspended."),
        lambda: actions.suspend_contract(
            actor(), contract_id, level=form.level.data, reason=form.reason.text, contact=form.contact.text
        ),
    )


@area.route("/plan", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def plan(contract_id: uuid.UUID) -> ResponseReturnValue:
    """Which level from which day on, and why; then what will happen; then it is planned."""
    contract, form = _contract(contract_id), PlanForm()
    form.offer()
    confirmed = "confirmed" in request.form
    if confirmed and form.attempt(lambda: plan_suspension(actor(), contract_id, **form.values())) is not None:
        return _done(contract_id, _("The steps are planned; the member's people are told."))
    checked = None if confirmed else form.attempt(lambda: check_plan(actor(), contract_id, **form.values()))
    return render_template(
        "contracts/suspend_plan.html", form=form, contract=contract, earliest=earliest_days(),
        planned=None if checked is None else _planned(form), kept=_kept(form),
        plan=None if checked is None else changes_without(actor(), contract),
    ), form.status  # fmt: skip


@area.route("/steps/<uuid:step_id>/undo", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def undo_step(contract_id: uuid.UUID, step_id: uuid.UUID) -> ResponseReturnValue:
    """One step taken back, whether it holds or was to come."""
    contract, form = _contract(contract_id), PanelForm()
    step = next((one for one in steps_of(contract_id) if one.id == step_id), None)
    if step is None:
        raise NotFound("not_found")
    if form.attempt(lambda: cancel_step(actor(), step_id)) is None:
        return render_template("contracts/undo_step.html", form=form, contract=contract, step=step), form.status
    return _done(contract_id, _("The step is taken back."))


@area.route("/end", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def end(contract_id: uuid.UUID) -> ResponseReturnValue:
    """The last day; then what will happen; then it does."""
    contract, form = _contract(contract_id), EndForm(data={"ended_on": today()})
    return _two_steps(contract, form, "contracts/end.html", _("The end of the contract is recorded."),
                      lambda: actions.end_contract(actor(), contract_id, ended_on=form.ended_on.data))  # fmt: skip


@area.route("/resume", methods=["GET", "POST"])
@permission("contracts:write", staff=True)
def resume(contract_id: uuid.UUID) -> ResponseReturnValue:
    """The end of a suspension."""
    contract, form = _contract(contract_id), PanelForm()
    if form.attempt(lambda: actions.resume_contract(actor(), contract_id)) is None:
        return render_template("contracts/resume.html", form=form, contract=contract), form.status
    return _done(contract_id, _("The contract is in force again."))


def _contract(contract_id: uuid.UUID) -> Contract:
    return actions.get_contract(actor(), contract_id)


def _planned(form: PlanForm) -> list[tuple[str, str]]:
    """What the plan means, line by line."""
    steps = [
        ("change", _("From %(day)s: %(level)s. %(means)s", day=day(one["takes_on"]),
                     level=suspension_word(one["level"]), means=level_words(one["level"])))
        for one in form.planned()
    ]  # fmt: skip
    return [
        *steps,
        ("change", _("The reason is shown to the member: %(reason)s", reason=form.reason.text)),
        ("keep", _("The statutory mailbox works on, and all data is kept.")),
        ("keep", _("Once you resume the contract, all is as before, and no further step comes.")),
    ]


def _kept(form: PlanForm) -> dict[str, Any]:
    """The form's values for the second answer."""
    rows = {
        f"steps.{number}.{name}": str(one[name])
        for number, one in enumerate(form.planned())
        for name in ("level", "takes_on")
    }
    return rows | {"reason": form.reason.text, "contact": form.contact.text, "confirmed": "1"}


def _two_steps(
    contract: Contract, form: PanelForm, template: str, told: str, action: Callable[[], Contract]
) -> ResponseReturnValue:
    """First POST: show what will happen. With ``confirmed``: do it."""
    confirmed = "confirmed" in request.form
    if confirmed and form.attempt(action) is not None:
        return _done(contract.id, told)
    plan = changes_without(actor(), contract) if not confirmed and form.validate_on_submit() else None
    return render_template(template, form=form, contract=contract, plan=plan), form.status


def _done(contract_id: uuid.UUID, told: str) -> ResponseReturnValue:
    flash(told, "success")
    return redirect(url_for("contracts.show", contract_id=contract_id), 303)
