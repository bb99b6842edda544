"""One change of many zones: what will happen is shown first, then done to exactly that."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from panel.dns.changing_many import ChangedMany, change_zones
from panel.dns.choosing import ACTIONS, AT_MOST, REWRITING, VERSIONED, ChangePlan, Choice, Wish
from panel.dns.planning import plan_changes
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.i18n import _, _l, ngettext
from panel.ledger.resources import RESOURCE_STATES
from panel.web.forms.zones_many import ManyZonesForm
from panel.web.session import actor, permission
from panel.web.zone_parts import told, whole

area = Blueprint("zones_many", __name__, url_prefix="/dns/changes")

FILTERS = ("search", "state", "look", "member", "sort", "page_size")
ZONES_SHOWN, SETS_SHOWN = 100, 300
WORDS = {
    "replace": _l("Replace a value (a server moved)"),
    "ttl": _l("Change how long answers are kept (TTL)"),
    "sign": _l("Sign (DNSSEC)"),
    "unsign": _l("Switch signing off"),
    "remove": _l("Remove"),
    "restore": _l("Restore"),
}


@area.post("")
@permission("dns:write")
def change() -> ResponseReturnValue:
    """Ask what is needed; show what would happen to the zones chosen; with that page's digest, do it."""
    form = ManyZonesForm()
    form.offer()
    wish, choice, step = form.wish(), _choice(), request.form.get("step", "")
    plan = None
    try:
        if step == "save" and form.digest.data and form.validate():
            return _done(_changed(form, wish, choice))
        if wish.action not in REWRITING or step in ("plan", "save"):
            plan = plan_changes(actor(), wish, choice)
    except (Invalid, Conflict) as error:
        form.refuse(error)
        if step == "save":
            plan = _planned_again(wish, choice)
    return _page(form, wish, choice, plan), form.status


def _changed(form: ManyZonesForm, wish: Wish, choice: Choice) -> ChangedMany:
    return change_zones(
        actor(), wish, choice, comment=form.comment.text, digest=form.digest.data,
        accept_warnings=bool(form.accept_warnings.data),
    )  # fmt: skip


def _planned_again(wish: Wish, choice: Choice) -> ChangePlan | None:
    """What would happen now, where what was shown could not be done."""
    with suppress(Invalid, Conflict):
        return plan_changes(actor(), wish, choice)
    return None


def _page(form: ManyZonesForm, wish: Wish, choice: Choice, plan: ChangePlan | None) -> str:
    kept = {name: request.form.get(name, "") for name in (*FILTERS, "scope")}
    lines = [] if plan is None else plan.of("change")
    differing = [(line, change) for line in lines for change in line.changes]
    return render_template(
        "zones/changes.html", form=form, wish=wish, plan=plan, kept=kept, back=_list(), ids=choice.ids or (),
        title=WORDS[wish.action] if wish.action in ACTIONS else _("Change many zones"),
        asks=wish.action in REWRITING, versioned=wish.action in VERSIONED, told=told, whole=whole,
        differing=differing[:SETS_SHOWN], hidden_sets=max(0, len(differing) - SETS_SHOWN), shown=ZONES_SHOWN,
    )  # fmt: skip


def _choice() -> Choice:
    """What was chosen: rows of the page, or all that the list shows."""
    values = request.form
    if values.get("scope") != "all":
        return Choice(ids=[found for text in values.getlist("id")[: AT_MOST + 1] if (found := _id(text))])
    state, member = values.get("state"), values.get("member")
    return Choice(
        search=values.get("search", "").strip()[:200],
        member_id=(_id(member) or uuid.UUID(int=0)) if member else None,
        state=state if state in RESOURCE_STATES else None,
        look=values.get("look"),
    )


def _id(text: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None


def _list() -> str:
    kept: dict[str, Any] = {name: text for name in FILTERS if (text := request.form.get(name))}
    return url_for("zones.show_list", **kept)


def _done(done: ChangedMany) -> ResponseReturnValue:
    """To the job, which tells how far it is, for whoever may see it; others see it in the list."""
    count = done.plan.counts["change"]
    flash(ngettext("%(num)s zone is being changed.", "%(num)s zones are being changed.", count), "success")
    if len(done.jobs) == 1 and actor().may("jobs:read", done.jobs[0].member_id):
        return redirect(url_for("jobs.show", job_id=done.jobs[0].id), 303)
    return redirect(_list(), 303)
