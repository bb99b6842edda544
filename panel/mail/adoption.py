"""How what was found on a mail node becomes what is wanted: by the ordinary actions, under the person's own name."""

from __future__ import annotations

import uuid
from typing import Any

from panel.kernel.access import Actor
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict, Invalid, NotFound
from panel.ledger.differences import Difference
from panel.ledger.events import record
from panel.ledger.jobs import request_job
from panel.mail import actions
from panel.mail.activation import void_links
from panel.mail.domains import create_domain
from panel.mail.models import Mailbox, MailDomain
from panel.mail.standing import Standing
from provisioning import resources


class MailboxAdopter:
    """Quota, password, suspension and address; what is missing is removed, what only the node has gets a member."""

    def obstacle(self, difference: Difference) -> str | None:
        """Why no action can express the difference; None where one can."""
        if difference.what == "missing":
            return None
        if difference.what not in ("different", "only_here"):
            return "adopt_nothing"
        if set(difference.differs) & set(resources.Mailbox.later):
            return "adopt_no_action"  # how far a member is held back is decided with its contracts
        if not _is_valid(difference):
            return "adopt_invalid"
        if difference.what == "only_here":
            known = db.session.get(Mailbox, difference.resource_id)
            return None if known is None or known.want == "remove" else "adopt_purged"
        had_password = (difference.wanted or {}).get("login") != "waiting"
        return "adopt_password_gone" if had_password and _password_hash(difference) is None else None

    def adopt(self, actor: Actor, difference: Difference, *, member_id: uuid.UUID | None) -> None:
        """Call the actions. Raises what they raise, Invalid ``member_needed`` where none was chosen."""
        mailbox_id = _id(difference)
        if difference.what == "missing":
            actions.remove_mailbox(actor, mailbox_id)
        elif difference.what == "different":
            _adopt_fields(actor, mailbox_id, difference)
        elif db.session.get(Mailbox, mailbox_id) is not None:
            actions.restore_mailbox(actor, mailbox_id)
        else:
            _take_in(actor, difference, member_id)


class DomainAdopter:
    """A domain that only the node has can be taken in; nothing else of a domain can be changed yet."""

    def obstacle(self, difference: Difference) -> str | None:
        """Why no action can express the difference; None where one can."""
        known = difference.what == "only_here" and db.session.get(MailDomain, difference.resource_id) is None
        return None if known else "adopt_no_action"

    def adopt(self, actor: Actor, difference: Difference, *, member_id: uuid.UUID | None) -> None:
        """Take the domain in for a member, or as the association's own. Raises what the action raises."""
        standing = Standing(id=_id(difference), generation=difference.found_generation)
        create_domain(actor, name=difference.name, member_id=member_id, standing=standing)


def _adopt_fields(actor: Actor, mailbox_id: uuid.UUID, difference: Difference) -> None:
    found, differs = difference.found or {}, set(difference.differs)
    if "login" in differs and (difference.wanted or {}).get("login") == "blocked":
        actions.resume_mailbox(actor, mailbox_id)
    if "quota_mb" in differs:
        actions.set_quota(actor, mailbox_id, quota_mb=found["quota_mb"])
    if "password_hash" in differs:
        _adopt_password(actor, mailbox_id, _password_hash(difference))
    if "address" in differs:
        actions.rename_mailbox(actor, mailbox_id, address=found["address"])
    if "login" in differs and found["login"] == "blocked":
        actions.suspend_mailbox(actor, mailbox_id)


def _adopt_password(actor: Actor, mailbox_id: uuid.UUID, password_hash: str | None) -> None:
    """The ordinary change of a password, but for the hash, which the node has already."""
    with unit_of_work() as work:
        mailbox = actions.get_mailbox(actor, mailbox_id, permission="mail:password", for_change=True)
        if mailbox.want != "put":
            raise Conflict("removed")
        void_links(mailbox.id)
        mailbox.change(password_hash=password_hash)
        told: dict[str, Any] = {"resource_id": mailbox.id, "member_id": mailbox.member_id}
        record(actor, "mail:mailbox:password", kind="mailbox", name=mailbox.address, **told)
        request_job(
            work,
            node_id=mailbox.placed(),
            cause="mail:mailbox:password",
            actor=actor,
            resource_kind="mailbox",
            **told,
        )


def _take_in(actor: Actor, difference: Difference, member_id: uuid.UUID | None) -> None:
    """Ask for the mailbox that is there, under its own id: its mail lies under it."""
    if member_id is None:
        raise Invalid("member_needed", field="member_id")
    found = difference.found or {}
    standing = Standing(
        id=_id(difference), generation=difference.found_generation, password_hash=_password_hash(difference)
    )
    new = actions.NewMailbox(
        member_id=member_id, address=found["address"], quota_mb=found["quota_mb"], standing=standing
    )
    (changed,) = actions.create_mailboxes(actor, [new])
    if changed.mailbox.node_id != difference.node_id:
        raise Conflict("other_node", field="address")
    if found["login"] == "blocked":
        actions.suspend_mailbox(actor, changed.mailbox.id)


def _is_valid(difference: Difference) -> bool:
    """Whether what was found is something that a node could be asked to have; people write anything into files."""
    try:
        resources.Mailbox(
            id=str(difference.resource_id), generation=1, **(difference.found or {}), **(difference.secrets or {})
        )
    except (resources.InvalidResource, TypeError):
        return False
    return True


def _password_hash(difference: Difference) -> str | None:
    found: str | None = (difference.secrets or {}).get("password_hash")
    return found


def _id(difference: Difference) -> uuid.UUID:
    if difference.resource_id is None:
        raise NotFound("not_found")
    return difference.resource_id
