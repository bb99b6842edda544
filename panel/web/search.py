"""One box for everything: members, mailboxes, contracts, jobs, each within what one may see."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request

from panel.contracts.actions import contracts_query
from panel.contracts.models import Contract
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotAllowed, NotFound
from panel.kernel.i18n import _
from panel.ledger.jobs import get_job
from panel.mail.finding import mailboxes_query
from panel.mail.models import Mailbox
from panel.members.actions import members_query
from panel.members.models import Member
from panel.web.layout import page_url
from panel.web.session import actor, signed_in

area = Blueprint("search", __name__, url_prefix="/search")

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Group:
    """Matches of one kind, at most SHOWN; ``more`` leads to the whole list where there are more."""

    title: str
    icon: str
    hits: list[tuple[str, str, str | None]]
    more: bool


@area.get("")
@signed_in
def show():
    """Show what the words in the box are part of."""
    words = request.args.get("search", "").strip()[:200]
    groups = _groups(actor(), words) if words else []
    return render_template(
        "search/show.html", words=words, groups=groups, count=sum(len(group.hits) for group in groups)
    )


def _groups(who: Actor, words: str) -> list[Group]:
    found = [_members(who, words), _mailboxes(who, words), _contracts(who, words), _jobs(who, words)]
    return [group for group in found if group is not None and group.hits]


def _members(who: Actor, words: str) -> Group | None:
    if not who.may("members:read"):
        return None
    rows = _first(members_query(who, search=words).order_by(Member.name))
    hits = [(row.name, row.slug, page_url("member", row.id)) for row in rows]
    return _group(_("Members"), "building", hits)


def _mailboxes(who: Actor, words: str) -> Group | None:
    if not who.may("mail:read"):
        return None
    rows = _first(mailboxes_query(who, search=words).order_by(Mailbox.address))
    return _group(
        _("Mailboxes"), "envelope", [(row.address, row.member.name, page_url("mailbox", row.id)) for row in rows]
    )


def _contracts(who: Actor, words: str) -> Group | None:
    if not who.may("contracts:read"):
        return None
    rows = _first(contracts_query(who, search=words).order_by(Contract.number))
    return _group(
        _("Contracts"),
        "file-earmark-text",
        [(row.number, row.member.name, page_url("contract", row.id)) for row in rows],
    )


def _jobs(who: Actor, words: str) -> Group | None:
    try:
        job = get_job(who, uuid.UUID(words))
    except (ValueError, NotFound, NotAllowed):
        return None
    return _group(_("Jobs"), "list-task", [(str(job.id), job.node.name, page_url("job", job.id))])


def _first(query: Any) -> list[Any]:
    return list(db.session.scalars(query.limit(SHOWN + 1)).unique())


def _group(title: str, icon: str, hits: list[tuple[str, str, str | None]]) -> Group:
    return Group(title=title, icon=icon, hits=hits[:SHOWN], more=len(hits) > SHOWN)
