"""Pages that suspend, resume and end a contract; each shows first what will happen."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.contracts import actions
from panel.contracts.entitlements import today
from panel.contracts.models import Contract
from panel.kernel.i18n import _
from panel.web.contract_parts import changes_without
from panel.web.forms.base import PanelForm
from panel.web.forms.contracts import EndForm, SuspendForm
from panel.web.session import actor, permission

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
        lambda: actions.suspend_contract(actor(), contract_id, level=form.level.data, reason=form.reason.text),
    )


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
