"""What importing is called: kinds of rows, what would be done with one, what will happen to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from panel.kernel.i18n import _l, ngettext

_KINDS = {"mailboxes": _l("Mailboxes"), "members": _l("Members")}
_WOULD = {
    "create": _l("will be made"),
    "update": _l("will be changed"),
    "unchanged": _l("stays as it is"),
}


class _Counted(Protocol):
    @property
    def counts(self) -> Mapping[str, int]:
        """Rows by verdict and by what would be done."""


def import_kind_word(kind: str) -> str:
    """Name what a file holds."""
    return str(_KINDS.get(kind, kind))


def would_word(would: str) -> str:
    """What would be done with a row."""
    return str(_WOULD.get(would, would))


def import_plan(one: _Counted) -> list[tuple[str, str]]:
    """What will happen, as signs and sentences; what nothing happens to comes last."""
    counts = one.counts
    told = (
        ("add", "create", ngettext("%(num)s row will be made.", "%(num)s rows will be made.", counts.get("create", 0))),
        (
            "change",
            "update",
            ngettext("%(num)s row will be changed.", "%(num)s rows will be changed.", counts.get("update", 0)),
        ),
        (
            "keep",
            "unchanged",
            ngettext("%(num)s row stays as it is.", "%(num)s rows stay as they are.", counts.get("unchanged", 0)),
        ),
        (
            "keep",
            "error",
            ngettext(
                "%(num)s row with errors is left out.", "%(num)s rows with errors are left out.", counts.get("error", 0)
            ),
        ),
    )
    return [(sign, text) for sign, name, text in told if counts.get(name)]
