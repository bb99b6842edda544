"""Changes of mailboxes that staff inside a member's view may ask for, and make once the member agreed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from panel.identity import agreements
from panel.identity.step_ins import AskedAction
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.kernel.errors import Invalid, NotAllowed, PanelError
from panel.mail import actions
from panel.mail.actions import DEFAULT_QUOTA_MB, Changed, NewMailbox, get_mailbox
from panel.mail.addresses import check_new_addresses, check_quota
from panel.mail.models import Mailbox

_TAG = "mail:mailbox:"
ACTIONS: Mapping[str, Callable[..., Changed]] = {
    "create": actions.create_mailbox,
    "rename": actions.rename_mailbox,
    "quota": actions.set_quota,
    "suspend": actions.suspend_mailbox,
    "resume": actions.resume_mailbox,
    "remove": actions.remove_mailbox,
    "restore": actions.restore_mailbox,
}
"""What can be agreed to: the same actions that the member's own people take."""

VALUES: Mapping[str, tuple[str, ...]] = {
    "create": ("address", "quota_mb"),
    "rename": ("address",),
    "quota": ("quota_mb",),
}
"""Which values belong to an action; all are written out in what the member agrees to."""


def ask_for(
    actor: Actor, action: str, *, mailbox_id: uuid.UUID | None = None, address: str = "", quota_mb: int | None = None
) -> AskedAction:
    """Ask the member, whose view one is in, to agree to one change of one mailbox (``create``: to a new one).

    Raises Invalid (``action``, ``mailbox_id``, ``address``, ``quota_mb``), NotFound, NotAllowed, Conflict.
    """
    if actor.stepped_in is None:
        raise NotAllowed("only_inside", permission="stepin:enter")
    if action not in ACTIONS:
        raise Invalid("choice", field="action", choices=", ".join(ACTIONS))
    mailbox = None if action == "create" else _mailbox(actor, mailbox_id)
    owner = (None if mailbox is None else mailbox.member_id) or actor.stepped_in.member_id
    given = {"address": address, "quota_mb": DEFAULT_QUOTA_MB if quota_mb is None and mailbox is None else quota_mb}
    values = _checked(actor, owner, {name: given[name] for name in VALUES.get(action, ())})
    return agreements.ask(
        actor,
        action=_TAG + action,
        member_id=owner,
        resource_id=None if mailbox is None else mailbox.id,
        resource_name=values["address"] if mailbox is None else mailbox.address,
        values=values,
    )


def carry_out(actor: Actor, asked_id: uuid.UUID) -> Changed:
    """Make the change the member agreed to, once, with the values that stand in the agreement.

    The link by which a new mailbox's holder sets a password is not shown: the member makes one. Raises what
    ``agreements.use`` and the action raise; then nothing is done and the agreement still holds.
    """
    with unit_of_work():
        asked, allowed = agreements.use(actor, asked_id)
        action = asked.action.removeprefix(_TAG)
        target = {"member_id": asked.member_id} if action == "create" else {"mailbox_id": asked.resource_id}
        changed = ACTIONS[action](allowed, **target, **asked.values)
    return Changed(mailbox=changed.mailbox, job=changed.job)


def _mailbox(actor: Actor, mailbox_id: uuid.UUID | None) -> Mailbox:
    if mailbox_id is None:
        raise Invalid("required", field="mailbox_id")
    return get_mailbox(actor, mailbox_id)


def _checked(actor: Actor, member_id: uuid.UUID, values: dict[str, Any]) -> dict[str, Any]:
    """The values as the action would take them, so that nobody agrees to what could not be done."""
    if "quota_mb" in values:
        if values["quota_mb"] is None:
            raise Invalid("required", field="quota_mb")
        check_quota(values["quota_mb"])
    if "address" in values:
        new = NewMailbox(member_id=member_id, address=values["address"])
        try:
            (values["address"],) = check_new_addresses(actor, [new], statutory=False)
        except PanelError as error:
            error.params.pop("row", None)
            raise
    return values
