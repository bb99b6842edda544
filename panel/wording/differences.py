"""What nodes have otherwise, why plans wait and why nodes are closed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panel.kernel.i18n import _, _l, lazy_pgettext
from panel.wording.names import size
from panel.wording.problems import Problem
from panel.wording.states import login_words

_KINDS = {
    "mail_domain": lazy_pgettext("kind", "mail domain"),
    "mailbox": lazy_pgettext("kind", "mailbox"),
    "alias": lazy_pgettext("kind", "alias"),
    "zone": lazy_pgettext("kind", "DNS zone"),
    "orphan": lazy_pgettext("kind", "leftover on a server"),
    "map_row": lazy_pgettext("kind", "row of a mail map"),
    "file": lazy_pgettext("kind", "configuration file"),
}
_WHATS = {
    "missing": (_l("missing on the server"), _l("The panel wants it; the server does not have it.")),
    "different": (_l("different on the server"), _l("Somebody or something changed it on the server.")),
    "stale_generation": (_l("an older version on the server"), _l("The server has a version that was replaced.")),
    "not_served": (_l("there, but not served"), _l("The server has it, but its services do not use it.")),
    "only_here": (_l("only on the server"), _l("The server has it; the panel never wanted it, or no longer.")),
    "foreign": (_l("foreign"), _l("Written on the server by hand or by another program.")),
    "file": (_l("file edited by hand"), _l("A configuration file is not as the set-up wrote it.")),
}
_FIELDS = {
    "content": _l("Records and settings"),
    "address": _l("Address"),
    "name": _l("Name"),
    "quota_mb": _l("Capacity"),
    "password_hash": _l("Password"),
    "login": _l("Sign-in"),
    "grade": _l("Services held back"),
    "notice": _l("What is told about it"),
    "target": _l("Goes to"),
    "mailbox_id": _l("Mailbox"),
    "map": _l("Map"),
    "key": _l("Key"),
    "value": _l("Value"),
    "path": _l("File"),
    "served": _l("Served"),
    "generation": _l("Version"),
}
_VERBS = {
    "create": _l("is made"),
    "update": _l("is changed"),
    "remove": _l("is removed, its data kept"),
    "purge": _l("is deleted with its data"),
}
_CLOSED = {
    "restored": _l("The panel was restored from a backup: what it knows of its servers may be old."),
    "rebuild": _l("The server is being set up anew."),
}


def kind_word(kind: str) -> str:
    """Name a kind of resource, or of what is none."""
    return str(_KINDS.get(kind, kind))


def what_words(what: str) -> Problem:
    """Say how something differs: in a few words, and in a sentence."""
    title, advice = _WHATS.get(what, (what, ""))
    return Problem(title=str(title), advice=str(advice))


def difference_field(name: str) -> str:
    """Name a field of what was wanted or found."""
    return str(_FIELDS.get(name, name))


def difference_value(name: str, value: Any) -> str:
    """A wanted or found value as people read it."""
    if value is None or value == "":
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "quota_mb" and isinstance(value, int):
        return size(value)
    if name == "login":
        return login_words(str(value))
    return str(value)


def verb_word(verb: str) -> str:
    """Say what a plan does with a resource."""
    return str(_VERBS.get(verb, verb))


def plan_reasons(reasons: Sequence[str] | str, counts: Sequence[Sequence[Any]] = ()) -> list[str]:
    """Say why a plan waits: the panel's own bound, or the node's. A string holds them with commas between."""
    told = {str(row[0]): row for row in counts}
    listed = reasons.split(", ") if isinstance(reasons, str) else reasons
    return [_plan_reason(reason, told) for reason in listed if reason]


def closed_words(reason: str) -> str:
    """Say why nothing is sent."""
    return str(_CLOSED.get(reason, reason))


def known_whats() -> frozenset[str]:
    """Every way to differ that has words."""
    return frozenset(_WHATS)


def _plan_reason(reason: str, told: Mapping[str, Sequence[Any]]) -> str:
    if reason.endswith("password_changes"):
        return _("The server itself refuses so many new passwords within an hour.")
    kind = reason.rpartition(":")[2]
    if reason.startswith("agent:"):
        return _("The server itself refuses to lose so many at once: %(kind)s.", kind=kind_word(kind))
    if kind not in told:
        return _("Much would be removed at once: %(kind)s.", kind=kind_word(kind))
    row = told[kind]
    return _("%(number)s of %(total)s would be removed: %(kind)s.", number=row[2], total=row[3], kind=kind_word(kind))
