"""Holders of mailboxes who are nobody else here: coming in by address and password, and changing the password.

What they learn is what the mail server would tell them: a wrong password, a mailbox that is not there and one that
nobody may sign in to are answered alike, and take the same time.
"""

from __future__ import annotations

import uuid

from sqlalchemy import select

from panel.identity.limits import account_key, address_key, attempt, forget, give_back
from panel.kernel.access import HOLDER, Actor, Reach, require
from panel.kernel.db import db, read_row, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.passwords import hash_mailbox_password, is_mailbox_password
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.mail.activation import void_links
from panel.mail.desired import node_grade
from panel.mail.models import Mailbox, MailDomain

_WHAT = "mailbox"
_SHUT = ("no_login", "closed")


def come_in(address: str, password: str, *, network: str | None) -> Mailbox:
    """The mailbox ``address``, if ``password`` is its own and its holder may sign in. ``network``: where from.

    Raises Invalid ``sign_in_bad`` whatever the reason, TooMany.
    """
    address = address.strip(" ").lower()
    account, place = account_key(address), address_key(network)
    attempt(_WHAT, account, place)
    mailbox = db.session.scalar(select(Mailbox).where(Mailbox.address == address, Mailbox.want == "put"))
    good = is_mailbox_password(password, None if mailbox is None else mailbox.password_hash)
    if mailbox is None or not good or not is_open(mailbox):
        raise Invalid("sign_in_bad", field="password")
    forget(_WHAT, account)
    give_back(_WHAT, place)
    return mailbox


def is_open(mailbox: Mailbox) -> bool:
    """Whether its holder may sign in: there, with a password, not suspended, not held back by a grade."""
    return mailbox.want == "put" and mailbox.login == "open" and node_grade(mailbox) not in _SHUT


def is_served(email: str) -> bool:
    """Whether mail to ``email`` ends on servers of this panel: whoever signs in by it depends on what they run."""
    return db.session.scalar(select(MailDomain.id).where(MailDomain.name == email.rpartition("@")[2])) is not None


def holder_of(mailbox: Mailbox) -> Actor:
    """The actor a mailbox's holder is: may look at this one mailbox and change its password, and nothing else."""
    reach = Reach(permissions=HOLDER, member_ids=frozenset())
    return Actor(ref=f"mailbox:{mailbox.id}", name=mailbox.address, grants=(reach,), mailbox_id=mailbox.id)


def own_mailbox(actor: Actor, *, for_change: bool = False) -> Mailbox:
    """The holder's own mailbox. Raises NotFound where it is none any more, or nobody may sign in to it."""
    require(actor, "mail:own")
    mailbox = None if actor.mailbox_id is None else read_row(Mailbox, actor.mailbox_id, for_change=for_change)
    if mailbox is None or not is_open(mailbox):
        raise NotFound("not_found")
    return mailbox


def change_own_password(actor: Actor, *, old: str, password: str, network: str | None) -> Job:
    """Set another password; links that wait are void, live sessions end as the node takes it.

    Raises Invalid (``old``, ``password``), TooMany, Conflict ``stale`` where it was changed meanwhile.
    """
    mailbox = own_mailbox(actor)
    account, place, had = account_key(mailbox.address), address_key(network), mailbox.password_hash
    attempt(_WHAT, account, place)
    if not is_mailbox_password(old, had):
        raise Invalid("password_wrong", field="old")
    forget(_WHAT, account)
    give_back(_WHAT, place)
    hashed = hash_mailbox_password(password)
    with unit_of_work() as work:
        mailbox = own_mailbox(actor, for_change=True)
        if mailbox.password_hash != had:
            raise Conflict("stale")
        void_links(mailbox.id)
        mailbox.change(password_hash=hashed)
        told: dict[str, uuid.UUID | None] = {"resource_id": mailbox.id, "member_id": mailbox.member_id}
        record(actor, "mail:mailbox:own-password", kind="mailbox", name=mailbox.address, **told)
        return request_job(work, node_id=mailbox.placed(), cause="mail:mailbox:password", actor=actor,
                           member_id=mailbox.member_id, resource_kind="mailbox", resource_id=mailbox.id)  # fmt: skip
