"""What contracts need a person for: ends, suspensions, steps of this week, orders that wait."""

from __future__ import annotations

from datetime import timedelta

from flask import url_for
from sqlalchemy import and_, or_, select

from panel.contracts.actions import contracts_query
from panel.contracts.ending import ContractTask, tasks_query
from panel.contracts.entitlements import today
from panel.contracts.models import Contract, final_day, has_status
from panel.contracts.orders import Order, orders_query
from panel.contracts.steps import ContractStep
from panel.kernel.access import Actor
from panel.kernel.i18n import _, ngettext
from panel.kernel.text import fold
from panel.members.models import Member
from panel.web.filters import day as day_words
from panel.web.layout import page_url
from panel.web.need import Need, NeedSource, selected
from panel.wording import suspension_word

WEEK = timedelta(days=7)


def sources(who: Actor, search: str) -> list[NeedSource]:
    """Orders, tasks, steps and suspended contracts, as far as ``who`` may see them everywhere."""
    found = []
    if who.may_everywhere("orders:approve"):
        query = orders_query(who, search=search, state="sent").order_by(Order.id)
        found.append(selected("order", query, _order))
    if who.may_everywhere("contracts:read"):
        found += [
            selected(
                "contract", tasks_query(who, search=search).order_by(ContractTask.last_day, ContractTask.id), _task
            ),
            _steps(search),
            _contracts(who, search),
        ]
    return found


def _order(order: Order) -> Need:
    return Need(
        kind="order", tone="warn", icon="card-list", name=order.number, what=_("An order waits for the association."),
        todo=_("Approve or refuse it."), where=order.member.name, since=order.sent_at, url=page_url("order", order.id),
    )  # fmt: skip


def _task(task: ContractTask) -> Need:
    left = max((task.last_day - today()).days, 0)
    return Need(
        kind="contract", tone="warn", icon="calendar-event", name=task.contract.number,
        what=ngettext("The contract ends in %(num)s day.", "The contract ends in %(num)s days.", left),
        todo=_("Extend it, or tell the member what ends; then note what was done."), where=task.contract.member.name,
        since=task.created_at, url=url_for("contract_tasks.done", task_id=task.id),
    )  # fmt: skip


def _steps(search: str) -> NeedSource:
    """Steps that will hold within a week."""
    waits = and_(ContractStep.taken_at.is_(None), ContractStep.cancelled_at.is_(None))
    query = select(ContractStep).join(ContractStep.contract).join(Contract.member)
    query = query.where(waits, ContractStep.takes_on <= today() + WEEK)
    for word in fold(search).split():
        named = Contract.number.icontains(word, autoescape=True)
        query = query.where(or_(named, Member.folded.contains(word, autoescape=True)))
    return selected("contract", query.order_by(ContractStep.takes_on, ContractStep.id), _step)


def _step(step: ContractStep) -> Need:
    return Need(
        kind="contract", tone="warn", icon="pause-circle", name=step.contract.number,
        what=_("From %(day)s: %(level)s.", day=day_words(step.takes_on), level=suspension_word(step.level)),
        todo=_("Take the step back if its reason is gone."), where=step.contract.member.name,
        since=step.announced_at, url=page_url("contract", step.contract_id),
    )  # fmt: skip


def _contracts(who: Actor, search: str) -> NeedSource:
    """Suspended contracts, and those that end soon of which no task was made yet."""
    has_task = select(ContractTask.id).where(
        ContractTask.contract_id == Contract.id, ContractTask.last_day == final_day
    ).exists()  # fmt: skip
    ending = and_(has_status("expiring", today()), ~has_task)
    query = contracts_query(who, search=search).where(or_(has_status("suspended", today()), ending))
    return selected("contract", query.order_by(Contract.number), _contract)


def _contract(contract: Contract) -> Need:
    suspended = contract.suspended is not None
    return Need(
        kind="contract", tone="warn", icon="pause-circle" if suspended else "calendar-event", name=contract.number,
        what=_("The contract is suspended.") if suspended else _("The contract is expiring."),
        todo=_("Resume it once its reason is gone.") if suspended else _("Extend it, or tell the member what ends."),
        where=contract.member.name, url=page_url("contract", contract.id),
    )  # fmt: skip
