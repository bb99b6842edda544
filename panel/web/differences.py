"""Differences: what nodes have otherwise than wanted, and the three decisions about each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from panel.engine import drift, repair
from panel.engine.kinds import wired_kinds
from panel.kernel.access import require
from panel.kernel.db import utcnow
from panel.kernel.errors import Conflict
from panel.kernel.i18n import TIME_ZONE, _
from panel.ledger import nodes
from panel.ledger.differences import FILE, MAP_ROW, STATES, Difference
from panel.web.forms.base import PanelForm
from panel.web.forms.differences import AdoptForm, KeepForm
from panel.web.lists import asked
from panel.web.session import actor, permission
from panel.wording import describe, kind_word, state_word

area = Blueprint("differences", __name__, url_prefix="/differences")

SORTS = {"first_seen_at": Difference.first_seen_at, "name": Difference.name, "node": Difference.node_id}
CURRENT = tuple(state for state in STATES if state != "resolved")
KEPT_DAYS = 30


@area.get("")
@permission("nodes:read", staff=True)
def show_list() -> ResponseReturnValue:
    """Show differences, those waiting for the longest time first, by state, node and kind."""
    wanted = asked("state", "node", "kind")
    found = nodes.list_nodes(actor())
    listing = wanted.read(_query(wanted, found), sorts=SORTS, default="first_seen_at")
    kinds = [(kind, kind_word(kind)) for kind in (*(one.name for one in wired_kinds()), MAP_ROW, FILE)]
    states = [(state, state_word(state, "difference")) for state in CURRENT]
    return render_template("differences/list.html", listing=listing, states=states, nodes=found, kinds=kinds)


@area.get("/<uuid:difference_id>")
@permission("nodes:read", staff=True)
def show(difference_id: uuid.UUID) -> ResponseReturnValue:
    """Show one: what was wanted, what was found, and what can be decided."""
    difference = drift.get_difference(actor(), difference_id)
    return render_template(
        "differences/show.html", difference=difference, fields=_fields(difference), **_choices(difference)
    )


@area.route("/<uuid:difference_id>/keep", methods=["GET", "POST"])
@permission("drift:write", staff=True)
def keep(difference_id: uuid.UUID) -> ResponseReturnValue:
    """Leave it as it is for a time."""
    form = KeepForm(data={"until": (utcnow() + timedelta(days=KEPT_DAYS)).date()})

    def act() -> Difference:
        until = datetime.combine(form.until.data, time.max, ZoneInfo(TIME_ZONE))
        return drift.keep(actor(), difference_id, reason=form.reason.text, until=until)

    return _decided(difference_id, form, act, "keep", _("The difference stays as it is."))


@area.route("/<uuid:difference_id>/adopt", methods=["GET", "POST"])
@permission("drift:write", staff=True)
def adopt(difference_id: uuid.UUID) -> ResponseReturnValue:
    """Make what was found what is wanted."""
    form = AdoptForm()

    def act() -> Difference:
        return drift.adopt(actor(), difference_id, member_id=form.member_id.data)

    return _decided(difference_id, form, act, "adopt", _("What the server has is now what is wanted."))


@area.route("/<uuid:difference_id>/overwrite", methods=["GET", "POST"])
@permission("drift:write", staff=True)
def overwrite(difference_id: uuid.UUID) -> ResponseReturnValue:
    """Have the server get what is wanted again."""
    form = PanelForm()
    job = form.attempt(lambda: repair.overwrite(actor(), difference_id))
    if job is None:
        return _question(difference_id, form, "overwrite")
    flash(_("The server is being asked for what is wanted."), "success")
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def _decided(
    difference_id: uuid.UUID, form: PanelForm, action: Callable[[], Any], which: str, told: str
) -> ResponseReturnValue:
    if form.attempt(action) is None:
        return _question(difference_id, form, which)
    flash(told, "success")
    return redirect(url_for("differences.show", difference_id=difference_id), 303)


def _question(difference_id: uuid.UUID, form: PanelForm, which: str) -> ResponseReturnValue:
    """Say what the decision would do, before it is done."""
    require(actor(), "drift:write", staff=True)
    difference = drift.get_difference(actor(), difference_id)
    page = f"differences/{which}.html"
    return render_template(page, form=form, difference=difference, fields=_fields(difference)), form.status


def _choices(difference: Difference) -> dict[str, Any]:
    """Which decisions are open, and in words why the others are not."""
    open_ = difference.state in ("open", "kept")
    adopting, overwriting = drift.obstacle(difference), repair.no_repair(difference)
    return {
        "open_": open_,
        "no_adopt": adopting and describe(Conflict(adopting)),
        "no_overwrite": overwriting and describe(Conflict(overwriting)),
    }


def _fields(difference: Difference) -> list[tuple[str, Any, Any, bool]]:
    """Name, wanted and found value of each field, and whether they differ; secrets say only that they do."""
    wanted, found = difference.wanted or {}, difference.found or {}
    names = [*wanted, *(name for name in found if name not in wanted)]
    rows = [(name, wanted.get(name), found.get(name), name in difference.differs) for name in names]
    hidden = [name for name in difference.differs if name not in names]
    return rows + [(name, None, None, True) for name in hidden]


def _query(wanted: Any, found: list[nodes.Node]) -> Any:
    state = wanted.filter("state")
    known = {node.name: node.id for node in found}
    query = drift.differences_query(
        actor(),
        state=state if state in CURRENT else None,
        node_id=known.get(wanted.filter("node")),
        kind=wanted.filter("kind"),
    )
    return query.where(Difference.name.icontains(wanted.search, autoescape=True)) if wanted.search else query
