"""Pages of mailboxes: the list, one mailbox, a new one; and the mail domains."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select

from panel.kernel.access import require
from panel.kernel.db import db
from panel.kernel.i18n import _
from panel.kernel.listing import COUNT
from panel.ledger.resources import RESOURCE_STATES
from panel.mail import actions, domains
from panel.mail.aliases import aliases_of
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox, MailDomain
from panel.mail.takeover import holders_of
from panel.mail.use import has_little_room, known_since, level_of
from panel.members.actions import get_member
from panel.members.models import Member
from panel.web.asked_id import asked_id
from panel.web.forms.mail import DomainForm, NewMailboxForm
from panel.web.lists import Asked, asked, csv_answer
from panel.web.mail_parts import domain_names, link_page, room, server_of
from panel.web.mailbox_many import WORDS
from panel.web.resource_timeline import timeline_of
from panel.web.session import actor, permission

area = Blueprint("mail", __name__, url_prefix="/mail")

SORTS = {"address": Mailbox.address, "quota": Mailbox.quota_mb, "used": Mailbox.held_mb, "created": Mailbox.id}
COLUMNS: list[tuple[str, Callable[[Any], Any]]] = [
    ("address", attrgetter("address")),
    ("member", attrgetter("member.name")),
    *((name, attrgetter(name)) for name in ("quota_mb", "used_mb", "state", "login")),
    ("created_at", lambda mailbox: mailbox.created_at.isoformat(timespec="seconds")),
]
DOMAIN_SORTS = {"name": MailDomain.name}
UNSETTLED = ("pending", "applying", "removing")
EVENTS_SHOWN, DOMAINS_OFFERED = 30, 20


@area.get("/mailboxes")
@permission("mail:read")
def show_list() -> ResponseReturnValue:
    """Mailboxes in scope, with search, chips and pages."""
    wanted, offered = asked("state", "domain", "room"), _domains()
    listing = wanted.read(_query(wanted, offered), sorts=SORTS, default="address")
    pending = [mailbox.id for mailbox in listing.items if mailbox.state in UNSETTLED]
    return render_template("mail/list.html", listing=listing, states=RESOURCE_STATES, domains=offered, pending=pending,
                           many=WORDS)  # fmt: skip


@area.get("/mailboxes.csv")
@permission("mail:read")
def download() -> ResponseReturnValue:
    """The same list as a file."""
    wanted = asked("state", "domain", "room")
    query = wanted.in_order(_query(wanted, _domains()), sorts=SORTS, default="address")
    return csv_answer(query, COLUMNS, name="mailboxes")


@area.get("/mailboxes/<uuid:mailbox_id>")
@permission("mail:read")
def show(mailbox_id: uuid.UUID) -> ResponseReturnValue:
    """One mailbox: three facts, problem, actions, details, timeline."""
    mailbox = actions.get_mailbox(actor(), mailbox_id)
    return render_template(
        "mail/show.html", mailbox=mailbox, aliases=aliases_of(mailbox),
        lines=timeline_of(actor(), "mailbox", mailbox_id, most=EVENTS_SHOWN),
        pending=mailbox.state in UNSETTLED, server=server_of(mailbox), holders=holders_of(mailbox),
        since=known_since(mailbox), level=level_of(mailbox.used_mb, mailbox.quota_mb),
    )  # fmt: skip


@area.route("/mailboxes/new", methods=["GET", "POST"])
@permission("mail:write")
def create() -> ResponseReturnValue:
    """A new mailbox for the member in ``?member=``, which is chosen first."""
    member = _member_for("mailbox")
    if not isinstance(member, Member):
        return member
    form = NewMailboxForm()
    form.offer(domain_names(member))
    changed = form.attempt_surely(
        member.id, lambda: actions.create_mailbox(actor(), member_id=member.id, **form.values())
    )
    if changed is not None:
        return _created(changed)
    return render_template("mail/new.html", form=form, member=member, room=room(member)), form.status


@area.get("/domains")
@permission("mail:read")
def show_domains() -> ResponseReturnValue:
    """The mail domains in scope."""
    wanted = asked()
    listing = wanted.read(domains.domains_query(actor(), search=wanted.search), sorts=DOMAIN_SORTS, default="name")
    return render_template("mail/domains.html", listing=listing, owners=_owners(listing.items))


@area.get("/domains/<uuid:domain_id>")
@permission("mail:read")
def show_domain(domain_id: uuid.UUID) -> ResponseReturnValue:
    """One mail domain."""
    domain = domains.get_domain(actor(), domain_id)
    lines = timeline_of(actor(), "mail_domain", domain_id, most=EVENTS_SHOWN)
    return render_template(
        "mail/domain.html", domain=domain, lines=lines, owners=_owners([domain]), pending=domain.state in UNSETTLED
    )


@area.route("/domains/new", methods=["GET", "POST"])
@permission("mail:write", staff=True)
def create_domain() -> ResponseReturnValue:
    """A new mail domain."""
    form = DomainForm()
    domain = form.attempt(lambda: domains.create_domain(actor(), name=form.name.text, member_id=form.member_id.data))
    if domain is None:
        return render_template("mail/new_domain.html", form=form), form.status
    flash(_("Domain %(name)s is being set up.", name=domain.name), "success")
    return redirect(url_for("mail.show_domain", domain_id=domain.id), 303)


def _domains() -> list[MailDomain]:
    query = domains.domains_query(actor()).order_by(MailDomain.shared.desc(), MailDomain.name)
    return list(db.session.scalars(query.limit(DOMAINS_OFFERED)))


def _query(wanted: Asked, offered: list[MailDomain]) -> Select[Mailbox]:
    state = wanted.filter("state")
    domain_id = next((domain.id for domain in offered if domain.name == wanted.filter("domain")), None)
    query = mailboxes_query(
        actor(), search=wanted.search, state=state if state in RESOURCE_STATES else None,
        domain_id=domain_id, member_id=asked_id("member"),
    )  # fmt: skip
    little = wanted.filter("room") == "little"
    return query.where(has_little_room()).execution_options(**{COUNT: None}) if little else query


def _owners(rows: list[MailDomain]) -> dict[uuid.UUID, str]:
    ids = {domain.member_id for domain in rows if domain.member_id}
    return {member.id: member.name for member in db.session.scalars(select(Member).where(Member.id.in_(ids)))}


def _member_for(purpose: str) -> Member | ResponseReturnValue:
    """The member in ``?member=``, else the page on which one is chosen."""
    member_id = asked_id("member")
    if member_id is None:
        return redirect(url_for("members.choose", purpose=purpose))
    require(actor(), "mail:write", member_id)
    return get_member(actor(), member_id)


def _created(changed: actions.Changed) -> ResponseReturnValue:
    """To the new mailbox; by way of the link's only showing where one was issued."""
    if changed.activation_token is not None:
        return link_page(changed, new=True)
    flash(_("Mailbox %(address)s is being set up.", address=changed.mailbox.address), "success")
    return redirect(url_for("mail.show", mailbox_id=changed.mailbox.id), 303)
