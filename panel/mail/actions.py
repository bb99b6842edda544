"""What can be done with mailboxes. Every edge comes through here: permission, entitlement, name, row, event, job."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from flask import current_app

from panel.contracts.entitlements import require_granted
from panel.kernel.access import Actor, require_kind, require_on
from panel.kernel.db import Work, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.kernel.passwords import hash_mailbox_password
from panel.ledger import names, usage
from panel.ledger.events import record
from panel.ledger.jobs import Job, request_job
from panel.mail.activation import issue_link, void_links
from panel.mail.addresses import check_new_addresses, check_quota
from panel.mail.aliases import point_aliases, take_alias_back, want_aliases
from panel.mail.grading import read_to_change
from panel.mail.hashing import hashes_of
from panel.mail.inserting import insert_boxes, record_created, require_owners
from panel.mail.models import ADDRESSES, Mailbox
from panel.mail.naming import checked_reason, like_others, require_unreleased
from panel.mail.room import domains_of, require_room
from panel.mail.standing import Standing, new_values
from panel.mail.use import capacity

DEFAULT_QUOTA_MB = 1024
BATCH_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class NewMailbox:
    """What is asked for. Without ``password`` the holder gets a link; ``standing``: what is on the node already.

    ``reason``: why it gets a name that was another member's not long ago (``names:grant``).
    """

    member_id: uuid.UUID
    address: str
    quota_mb: int = DEFAULT_QUOTA_MB
    password: str | None = field(default=None, repr=False)
    standing: Standing | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A mailbox as wanted now, the job that makes the node have it, and a link's token where one was issued.

    ``activation_token`` is shown this once. ``warnings``: codes of what somebody should look at (*near_double*).
    """

    mailbox: Mailbox
    job: Job | None
    activation_token: str | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()


def get_mailbox(
    actor: Actor, mailbox_id: uuid.UUID, *, permission: str = "mail:read", for_change: bool = False
) -> Mailbox:
    """One mailbox, as the database has it now. Raises NotFound where it is absent or out of reach."""
    require_kind(actor, "mailboxes")
    mailbox = read_to_change(mailbox_id) if for_change else read_row(Mailbox, mailbox_id)
    if mailbox is None:
        raise NotFound("not_found")
    require_on(actor, permission, mailbox.member_id)
    return mailbox


def create_mailbox(
    actor: Actor,
    *,
    member_id: uuid.UUID,
    address: str,
    quota_mb: int = DEFAULT_QUOTA_MB,
    password: str | None = None,
    reason: str = "",
) -> Changed:
    """Ask for one mailbox. Raises Invalid (``address``, ``quota_mb``, ``password``), Conflict, OverLimit, NotFound."""
    new = NewMailbox(member_id=member_id, address=address, quota_mb=quota_mb, password=password, reason=reason)
    return create_mailboxes(actor, [new])[0]


def create_mailboxes(actor: Actor, wanted: Sequence[NewMailbox], *, statutory: bool = False) -> list[Changed]:
    """Ask for many mailboxes, all or none; one job for each node. Errors carry the ``row`` at fault."""
    if not 1 <= len(wanted) <= BATCH_MAX:
        raise Invalid("number_range", field="mailboxes", least=1, most=BATCH_MAX)
    require_kind(actor, "mailboxes")
    require_owners(actor, wanted)
    addresses = check_new_addresses(actor, wanted, statutory=statutory)
    hashes, reasons = hashes_of([new.password for new in wanted]), [checked_reason(new.reason) for new in wanted]
    with unit_of_work() as work:
        require_room(wanted, statutory=statutory)
        domains = domains_of(addresses)
        boxes = [
            Mailbox(
                member_id=new.member_id,
                domain_id=domain.id,
                domain=domain,
                node_id=domain.node_id,
                address=address,
                quota_mb=new.quota_mb,
                statutory=statutory,
                **new_values(new.standing, hashed=hashed),
            )
            for new, address, domain, hashed in zip(wanted, addresses, domains, hashes, strict=True)
        ]
        names.claim(ADDRESSES, [(box.address, box.id) for box in boxes], kind="mailbox")
        require_unreleased(actor, _named(boxes), reasons=reasons)
        return _insert(work, actor, boxes, reasons)


def set_quota(actor: Actor, mailbox_id: uuid.UUID, *, quota_mb: int) -> Changed:
    """Change how much a mailbox may hold. Raises Invalid, OverLimit."""
    check_quota(quota_mb)
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id)
        difference = {"mailbox_mb": quota_mb - mailbox.quota_mb}
        require_granted(_owner(mailbox), difference, fields={"mailbox_mb": "quota_mb"})
        usage.add(_owner(mailbox), difference)
        return _change(work, actor, mailbox, "quota", **capacity(mailbox, quota_mb))


def set_password(actor: Actor, mailbox_id: uuid.UUID, *, password: str) -> Changed:
    """Set a mailbox's password for its holder; links that wait are void, live sessions end. Raises Invalid."""
    get_mailbox(actor, mailbox_id, permission="mail:password")
    hashed = hash_mailbox_password(password)
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id, permission="mail:password")
        void_links(mailbox.id)
        return _change(work, actor, mailbox, "password", password_hash=hashed)


def new_activation_link(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """Issue a new link by which the holder sets a password; earlier links are void. Changes nothing on the node."""
    with unit_of_work():
        mailbox = _for_change(actor, mailbox_id, permission="mail:password")
        void_links(mailbox.id)
        token = issue_link(mailbox.id)
        _record(actor, mailbox, "activation")
    return Changed(mailbox=mailbox, job=None, activation_token=token)


def suspend_mailbox(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """Refuse logins until resumed; mail still arrives, live sessions end. Suspending twice changes nothing."""
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id)
        if mailbox.suspended_at is not None:
            return Changed(mailbox=mailbox, job=None)
        return _change(work, actor, mailbox, "suspend", suspended_at=utcnow())


def resume_mailbox(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """End a suspension; the mailbox is again what it was (waiting or open)."""
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id)
        if mailbox.suspended_at is None:
            return Changed(mailbox=mailbox, job=None)
        return _change(work, actor, mailbox, "resume", suspended_at=None)


def rename_mailbox(actor: Actor, mailbox_id: uuid.UUID, *, address: str, reason: str = "") -> Changed:
    """Give a mailbox another address; mail to the old one keeps arriving by an alias. Raises Invalid, Conflict."""
    reason = checked_reason(reason)
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id)
        new = NewMailbox(member_id=_owner(mailbox), address=address)
        (address,), old = check_new_addresses(actor, [new], statutory=False), mailbox.address
        if address == old:
            return Changed(mailbox=mailbox, job=None)
        domain = domains_of([address])[0]
        if domain.node_id != mailbox.node_id:
            raise Conflict("other_node", field="address")
        take_alias_back(mailbox, address)
        names.claim(ADDRESSES, [(address, mailbox.id)], kind="mailbox")
        require_unreleased(actor, [(_owner(mailbox), address)], reasons=[reason])
        told = {"from": old} | ({"reason": reason} if reason else {})
        placed = {"address": address, "domain_id": domain.id, "domain": domain}
        changed = _change(work, actor, mailbox, "rename", _told=told, **placed)
        point_aliases(mailbox, also=old)
        return replace(changed, warnings=("near_double",) if like_others(_named([mailbox])) else ())


def remove_mailbox(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """Stop serving a mailbox; its mail is kept until ``purge_at`` and the address stays taken until then."""
    with unit_of_work() as work:
        mailbox = _for_change(actor, mailbox_id)
        purge_at = utcnow() + timedelta(days=current_app.config["CIS"].grace_days)
        usage.add(_owner(mailbox), {"mailboxes": -1, "mailbox_mb": -mailbox.quota_mb})
        void_links(mailbox.id)
        want_aliases(mailbox, "remove")
        return _change(work, actor, mailbox, "remove", want="remove", removed_at=utcnow(), purge_at=purge_at)


def restore_mailbox(actor: Actor, mailbox_id: uuid.UUID) -> Changed:
    """Bring a removed mailbox back with its mail, password and aliases. Raises Conflict ``not_removed``, OverLimit."""
    with unit_of_work() as work:
        mailbox = get_mailbox(actor, mailbox_id, permission="mail:write", for_change=True)
        if mailbox.want != "remove":
            raise Conflict("not_removed")
        room = {"mailboxes": 1, "mailbox_mb": mailbox.quota_mb}
        require_granted(_owner(mailbox), room, fields={"mailboxes": "address", "mailbox_mb": "quota_mb"})
        usage.add(_owner(mailbox), room)
        want_aliases(mailbox, "put")
        return _change(work, actor, mailbox, "restore", want="put", removed_at=None, purge_at=None)


def _insert(work: Work, actor: Actor, boxes: list[Mailbox], reasons: list[str]) -> list[Changed]:
    """Insert ``boxes`` with links for those without a password, their events, usage and one job for each node."""
    tokens = insert_boxes(boxes)
    record_created(actor, boxes, reasons)
    alike = like_others(_named(boxes))
    jobs = {box.node_id: box for box in reversed(boxes)}
    made = {node_id: _job(work, actor, "create", box, alone=len(boxes) == 1) for node_id, box in jobs.items()}
    return [
        Changed(
            mailbox=box,
            job=made[box.node_id],
            activation_token=tokens.get(box.id),
            warnings=("near_double",) if box.address in alike else (),
        )
        for box in boxes
    ]


def _named(boxes: Sequence[Mailbox]) -> list[tuple[uuid.UUID, str]]:
    return [(_owner(box), box.address) for box in boxes]


def _change(
    work: Work, actor: Actor, mailbox: Mailbox, action: str, *, _told: dict[str, Any] | None = None, **values: Any
) -> Changed:
    mailbox.change(**values)
    told = _told or {name: value for name, value in values.items() if name == "quota_mb"}
    _record(actor, mailbox, action, **told)
    return Changed(mailbox=mailbox, job=_job(work, actor, action, mailbox))


def _job(work: Work, actor: Actor, action: str, mailbox: Mailbox, *, alone: bool = True) -> Job:
    return request_job(
        work,
        node_id=mailbox.placed(),
        cause=f"mail:mailbox:{action}",
        actor=actor,
        member_id=mailbox.member_id,
        resource_kind="mailbox",
        resource_id=mailbox.id if alone else None,
    )


def _record(actor: Actor, mailbox: Mailbox, action: str, **data: Any) -> None:
    record(
        actor,
        f"mail:mailbox:{action}",
        kind="mailbox",
        resource_id=mailbox.id,
        name=mailbox.address,
        member_id=mailbox.member_id,
        **data,
    )


def _for_change(actor: Actor, mailbox_id: uuid.UUID, *, permission: str = "mail:write") -> Mailbox:
    mailbox = get_mailbox(actor, mailbox_id, permission=permission, for_change=True)
    if mailbox.want != "put":
        raise Conflict("removed")
    return mailbox


def _owner(mailbox: Mailbox) -> uuid.UUID:
    if mailbox.member_id is None:
        raise NotFound("not_found")
    return mailbox.member_id
