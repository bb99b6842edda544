"""Pages of members: the list, one member, a new or changed one, and choosing one for something else."""

from __future__ import annotations

import uuid
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func

from panel.contracts.actions import contracts_query
from panel.contracts.entitlements import entitlements, today
from panel.contracts.models import Contract
from panel.identity.handing_over import has_own_role
from panel.kernel.access import scoped
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.ledger.events import events_query
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.mail.use import use_of
from panel.members import actions
from panel.members.models import MEMBER_KINDS, Member
from panel.web.asked_id import asked_id
from panel.web.forms.members import MemberForm, kind_choices
from panel.web.lists import Asked, asked, csv_answer
from panel.web.session import actor, permission
from panel.web.usage_plots import promised_mb

area = Blueprint("members", __name__, url_prefix="/members")

SORTS = {"name": Member.folded, "teryt": func.coalesce(Member.teryt, ""), "kind": Member.kind}
COLUMNS = [
    (name, attrgetter(name))
    for name in ("name", "kind", "teryt", "nip", "regon", "rspo", "slug", "county", "address", "e_delivery_address")
]
SHOWN, EVENTS_SHOWN = 10, 12
PURPOSES = {
    "mailbox": ("mail:write", "mail.create"),
    "contract": ("contracts:write", "contracts.create"),
    "order": ("orders:write", "orders.create"),
}
"""What a member can be chosen for: the permission needed on it, and the page it is chosen for."""


@area.get("/")
@permission("members:read")
def show_list() -> ResponseReturnValue:
    """Members in scope, with search, chips and pages."""
    wanted = asked("kind")
    listing = wanted.read(_query(wanted), sorts=SORTS, default="name")
    return render_template("members/list.html", listing=listing, kind_words=kind_choices())


@area.get("/members.csv")
@permission("members:read")
def download() -> ResponseReturnValue:
    """The same list as a file."""
    wanted = asked("kind")
    return csv_answer(wanted.in_order(_query(wanted), sorts=SORTS, default="name"), COLUMNS, name="members")


@area.get("/<uuid:member_id>")
@permission("members:read")
def show(member_id: uuid.UUID) -> ResponseReturnValue:
    """One member with all that hangs on it."""
    member, who = actions.get_member(actor(), member_id), actor()
    boxes, grants = mailboxes_query(who, member_id=member_id), entitlements(who, member_id)
    return render_template(
        "members/show.html", member=member, grants=grants, today=today(),
        use=use_of(member_id) if who.may("mail:read", member_id) else None, promised=promised_mb(grants),
        contracts=_first(contracts_query(who, member_id=member_id).order_by(Contract.starts_on.desc())),
        mailboxes=_first(boxes.order_by(Mailbox.address).limit(SHOWN)),
        below=_first(actions.members_query(who, parent_id=member_id).order_by(Member.folded).limit(SHOWN)),
        events=_first(events_query(who, member_id=member_id).limit(EVENTS_SHOWN)),
        own_role=who.stepped_in is None and has_own_role(who, member_id),
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
        flash(_("%(name)s is a member now.", name=member.name), "success")
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
        flash(_("Saved."), "success")
        return redirect(url_for("members.show", member_id=member_id), 303)
    return render_template("members/form.html", form=form, member=member), form.status


@area.get("/choose/<purpose>")
@permission("members:read")
def choose(purpose: str) -> ResponseReturnValue:
    """The member for which something is about to be made; a person with one member goes on at once."""
    if purpose not in PURPOSES:
        raise NotFound("not_found")
    needed, endpoint = PURPOSES[purpose]
    wanted = asked("kind")
    listing = wanted.read(scoped(actor(), needed, _query(wanted), Member.id), sorts=SORTS, default="name")
    if listing.total == 1 and not listing.is_narrowed:
        return redirect(url_for(endpoint, member=listing.items[0].id))
    return render_template(
        "members/choose.html", listing=listing, kind_words=kind_choices(), purpose=purpose, endpoint=endpoint
    )


def _query(wanted: Asked) -> Select[Member]:
    kind = wanted.filter("kind")
    return actions.members_query(actor(), search=wanted.search, kind=kind if kind in MEMBER_KINDS else None)


def _first(query: Any) -> list[Any]:
    return list(db.session.scalars(query))
