"""Pages of mailboxes: the list, one mailbox, a new one; and the mail domains."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Select

from panel.kernel.access import require
from panel.kernel.db import db
from panel.ledger.events import events_query
from panel.ledger.resources import RESOURCE_STATES
from panel.mail import actions, domains
from panel.mail.models import Mailbox, MailDomain
from panel.members.actions import get_member
from panel.members.models import Member
from panel.web.asked import asked_id, asked_search
from panel.web.forms.mail import DomainForm, NewMailboxForm
from panel.web.lists import csv_response, read_listing
from panel.web.mail_parts import activation_url, domain_names, room
from panel.web.oneoff import shown_once
from panel.web.session import actor, permission

area = Blueprint("mail", __name__, url_prefix="/mail")

SORTS = {"address": Mailbox.address, "quota": Mailbox.quota_mb, "created": Mailbox.id}
DOMAIN_SORTS = {"name": MailDomain.name}
UNSETTLED = ("pending", "applying", "removing")
EVENTS_SHOWN = 30


@area.get("/mailboxes")
@permission("mail:read")
def index() -> ResponseReturnValue:
    """Mailboxes in scope, with search, chips and pages."""
    listing = read_listing(_query(), sorts=SORTS, default="address")
    offered = db.session.scalars(domains.domains_query(actor()).order_by(MailDomain.name).limit(20)).all()
    return render_template("mail/index.html", listing=listing, states=RESOURCE_STATES, domains=offered)


@area.get("/mailboxes.csv")
@permission("mail:read")
def csv() -> ResponseReturnValue:
    """The same list as a file."""
    rows = (
        _csv_row(box) for box in db.session.scalars(_query().order_by(Mailbox.address).execution_options(yield_per=500))
    )
    return csv_response("mailboxes", ("address", "member", "quota_mb", "used_mb", "state", "login", "created_at"), rows)


@area.get("/mailboxes/<uuid:mailbox_id>")
@permission("mail:read")
def show(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """One mailbox: three facts, problem, actions, details, timeline."""
    mailbox = actions.get_mailbox(actor(), mailbox_id)
    events = db.session.scalars(events_query(actor(), kind="mailbox", resource_id=mailbox_id).limit(EVENTS_SHOWN)).all()
    return render_template("mail/show.html", mailbox=mailbox, aliases=actions.aliases_of(mailbox), events=events,
                           pending=mailbox.state in UNSETTLED)  # fmt: skip


@area.route("/mailboxes/new", methods=["GET", "POST"])
@permission("mail:write")
def create() -> ResponseReturnValue:
    """A new mailbox for the member in ``?member=``, which is chosen first."""
    member = _member_for("mailbox")
    if not isinstance(member, Member):
        return member
    form = NewMailboxForm()
    form.offer(domain_names(member))
    changed = form.attempt(lambda: actions.create_mailbox(actor(), member_id=member.id, **form.values()))
    if changed is not None:
        return _created(changed)
    return render_template("mail/new.html", form=form, member=member, room=room(member)), form.status


@area.get("/domains")
@permission("mail:read")
def domain_index() -> ResponseReturnValue:
    """The mail domains in scope."""
    listing = read_listing(domains.domains_query(actor(), search=asked_search()), sorts=DOMAIN_SORTS, default="name")
    return render_template("mail/domains.html", listing=listing)


@area.get("/domains/<uuid:domain_id>")
@permission("mail:read")
def show_domain(domain_id: uuid.UUID) -> ResponseReturnValue:
    """One mail domain."""
    domain = domains.get_domain(actor(), domain_id)
    events = db.session.scalars(
        events_query(actor(), kind="mail_domain", resource_id=domain_id).limit(EVENTS_SHOWN)
    ).all()
    return render_template("mail/domain.html", domain=domain, events=events, pending=domain.state in UNSETTLED)


@area.route("/domains/new", methods=["GET", "POST"])
@permission("mail:write")
def create_domain() -> ResponseReturnValue:
    """A new mail domain."""
    form = DomainForm()
    domain = form.attempt(lambda: domains.create_domain(actor(), name=form.name.data, member_id=form.member_id.data))
    if domain is None:
        return render_template("mail/new_domain.html", form=form), form.status
    flash(gettext("Domain %(name)s is being set up.", name=domain.name), "success")
    return redirect(url_for("mail.show_domain", domain_id=domain.id), 303)


def _query() -> Select[Mailbox]:
    return actions.mailboxes_query(
        actor(), search=asked_search(), state=_state(), domain_id=asked_id("domain"), member_id=asked_id("member")
    )


def _state() -> str | None:
    wanted = request.args.get("state")
    return wanted if wanted in RESOURCE_STATES else None


def _member_for(purpose: str) -> Member | Response:
    """The member in ``?member=``, else the page on which one is chosen."""
    member_id = asked_id("member")
    if member_id is None:
        return redirect(url_for("members.choose", purpose=purpose))
    require(actor(), "mail:write", member_id)
    return get_member(actor(), member_id)


def _created(changed: actions.Changed) -> ResponseReturnValue:
    """To the new mailbox; by way of the link's only showing where one was issued."""
    if changed.activation_token is not None:
        return shown_once(
            "mail/link.html", mailbox=changed.mailbox, link=activation_url(changed.activation_token), new=True
        )
    flash(gettext("Mailbox %(address)s is being set up.", address=changed.mailbox.address), "success")
    return redirect(url_for("mail.show", mailbox_id=changed.mailbox.id), 303)


def _csv_row(box: Mailbox) -> tuple[Any, ...]:
    return box.address, box.member.name, box.quota_mb, box.used_mb, box.state, box.login, box.created_at.isoformat()
