"""Pages of members: the list, one member, a new or changed one, and choosing one for something else."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Select, func

from panel.contracts.actions import contracts_query
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract
from panel.kernel.access import scoped
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.ledger.events import events_query
from panel.mail.actions import mailboxes_query
from panel.mail.models import Mailbox
from panel.members import actions
from panel.members.models import MEMBER_KINDS, Member
from panel.web.asked import asked_id, asked_search
from panel.web.forms.members import MemberForm
from panel.web.lists import csv_response, read_listing
from panel.web.session import actor, permission

area = Blueprint("members", __name__, url_prefix="/members")

SORTS = {"name": Member.folded, "teryt": func.coalesce(Member.teryt, ""), "kind": Member.kind}
SHOWN, EVENTS_SHOWN = 10, 30
PURPOSES = {"mailbox": ("mail:write", "mail.create"), "contract": ("contracts:write", "contracts.create")}
"""What a member can be chosen for: the permission needed on it, and the page it is chosen for."""


@area.get("/")
@permission("members:read")
def index() -> ResponseReturnValue:
    """Members in scope, with search, chips and pages."""
    return render_template(
        "members/index.html", listing=read_listing(_query(), sorts=SORTS, default="name"), kinds=MEMBER_KINDS
    )


@area.get("/members.csv")
@permission("members:read")
def csv() -> ResponseReturnValue:
    """The same list as a file."""
    columns = ("name", "kind", "teryt", "nip", "regon", "rspo", "slug", "county", "address", "e_delivery_address")
    members = db.session.scalars(_query().order_by(Member.folded))
    return csv_response("members", columns, ([getattr(member, name) for name in columns] for member in members))


@area.get("/<uuid:member_id>")
@permission("members:read")
def show(member_id: uuid.UUID) -> ResponseReturnValue:
    """One member with all that hangs on it."""
    member, who = actions.get_member(actor(), member_id), actor()
    boxes = mailboxes_query(who, member_id=member_id)
    return render_template(
        "members/show.html", member=member, grants=entitlements(who, member_id), today=today(),
        contracts=_first(contracts_query(who, member_id=member_id).order_by(Contract.starts_on.desc())),
        mailboxes=_first(boxes.order_by(Mailbox.address).limit(SHOWN)),
        below=_first(actions.members_query(who, parent_id=member_id).order_by(Member.folded).limit(SHOWN)),
        events=_first(events_query(who, member_id=member_id).limit(EVENTS_SHOWN)),
    )  # fmt: skip


@area.route("/new", methods=["GET", "POST"])
@permission("members:write", staff=True)
def create() -> ResponseReturnValue:
    """A new member, below ``?parent=`` where it is given."""
    form = MemberForm(data={"parent_id": asked_id("parent")})
    form.offer()
    if form.add_row.data:
        form.contacts.append_entry()
    elif (member := form.attempt(lambda: actions.create_member(actor(), **form.values()))) is not None:
        flash(gettext("%(name)s is a member now.", name=member.name), "success")
        return redirect(url_for("members.show", member_id=member.id), 303)
    return render_template("members/form.html", form=form, member=None), form.status


@area.route("/<uuid:member_id>/edit", methods=["GET", "POST"])
@permission("members:write", staff=True)
def edit(member_id: uuid.UUID) -> ResponseReturnValue:
    """A member's data changed; what somebody else changed meanwhile is shown and not lost."""
    member = actions.get_member(actor(), member_id)
    form = MemberForm(obj=member)
    form.offer()
    if form.add_row.data:
        form.contacts.append_entry()
    elif form.attempt_on(member, lambda seen: actions.update_member(actor(), member_id, version=seen, **form.values())):
        flash(gettext("Saved."), "success")
        return redirect(url_for("members.show", member_id=member_id), 303)
    return render_template("members/form.html", form=form, member=member), form.status


@area.get("/choose/<purpose>")
@permission("members:read")
def choose(purpose: str) -> ResponseReturnValue:
    """The member for which something is about to be made; a person with one member goes on at once."""
    if purpose not in PURPOSES:
        raise NotFound("not_found")
    needed, endpoint = PURPOSES[purpose]
    listing = read_listing(scoped(actor(), needed, _query(), Member.id), sorts=SORTS, default="name")
    if listing.total == 1 and not asked_search():
        return redirect(url_for(endpoint, member=listing.items[0].id))
    return render_template("members/choose.html", listing=listing, purpose=purpose, endpoint=endpoint)


def _query() -> Select[Member]:
    kind = request.args.get("kind")
    return actions.members_query(actor(), search=asked_search(), kind=kind if kind in MEMBER_KINDS else None)


def _first(query: Any) -> list[Any]:
    return list(db.session.scalars(query))
