"""What people are told about mailboxes that fill up: part of the one table in ``notices.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from panel.kernel.i18n import _, _l, ngettext

Params = Mapping[str, Any]


def _how_many(told: Params) -> str:
    return ngettext(
        "%(num)s mailbox holds %(level)s%% of its capacity or more.",
        "%(num)s mailboxes hold %(level)s%% of their capacity or more.",
        int(told["count"]),
        level=told["level"],
    )


def _which(told: Params) -> str:
    named = told["addresses"]
    more = int(told["count"]) - named.count("@")
    return named if more <= 0 else ngettext(
        "%(addresses)s and %(num)s more", "%(addresses)s and %(num)s more", more, addresses=named
    )  # fmt: skip


def _what_now(told: Params) -> str:
    if int(told["level"]) < 95:
        return _("Give them more capacity, or ask their holders to delete what they do not need.")
    return _("Mail to a full mailbox is refused. Give it more capacity now, or have its holder delete mail.")


MAIL_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "mailbox:nearly_full": (
        _l("Mailboxes are nearly full"),
        (_how_many, _which, _what_now, _l("The list: %(panel)s/mail/mailboxes?room=little")),
    ),
}
