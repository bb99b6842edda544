"""Changes that staff ask a member to agree to, and stays of staff, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from panel.kernel.i18n import _, _l
from panel.wording.names import size

_CHANGES: dict[str, Any] = {
    "mail:mailbox:create": _l("Create the mailbox"),
    "mail:mailbox:rename": _l("Change the address of the mailbox"),
    "mail:mailbox:quota": _l("Change the capacity of the mailbox"),
    "mail:mailbox:suspend": _l("Suspend the mailbox"),
    "mail:mailbox:resume": _l("Resume the mailbox"),
    "mail:mailbox:remove": _l("Remove the mailbox"),
    "mail:mailbox:restore": _l("Restore the mailbox"),
}
_ENDS = {
    "staff": _l("left by the person"),
    "member": _l("ended by the member"),
    "limit": _l("time was over"),
    "sign_out": _l("signed out"),
    "right": _l("right taken away"),
}


def change_word(action: str) -> str:
    """Name a change that can be asked for, by the tag of its event."""
    return str(_CHANGES.get(action, action))


def change_words(asked: Any) -> list[str]:
    """What exactly is asked for, line by line: the change, on what, with each of its values."""
    lines = [f"{change_word(asked.action)} {asked.resource_name}"]
    for name, value in asked.values.items():
        if name in _VALUES and not (name == "address" and value == asked.resource_name):
            lines.append(_VALUES[name](value))
    return lines


def stay_end_word(ended_by: str | None) -> str:
    """How a stay of staff in a member's view ended; empty while it goes on."""
    return "" if ended_by is None else str(_ENDS.get(ended_by, ended_by))


_VALUES: dict[str, Callable[[Any], str]] = {
    "address": lambda value: _("new address: %(address)s", address=value),
    "quota_mb": lambda value: _("capacity: %(size)s", size=size(int(value))),
}
