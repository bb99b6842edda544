"""States in word, tone and icon: never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from panel.kernel.i18n import _, _l, lazy_pgettext


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a state is shown. ``tone``: ok, busy, wait, warn, bad or off; ``icon``: a name in our sprite."""

    word: str
    tone: str
    icon: str


_STATES: dict[str, dict[str, tuple[Any, str, str]]] = {
    "resource": {
        "pending": (_l("waiting"), "wait", "hourglass-split"),
        "applying": (_l("being set up"), "busy", "arrow-repeat"),
        "active": (_l("working"), "ok", "check-circle"),
        "failed": (_l("error"), "bad", "x-octagon"),
        "suspended": (_l("suspended"), "warn", "pause-circle"),
        "removing": (_l("being removed"), "busy", "trash"),
        "removed": (_l("removed"), "off", "trash"),
        "drifted": (_l("differs"), "warn", "shuffle"),
    },
    "job": {
        "queued": (_l("queued"), "wait", "hourglass-split"),
        "running": (_l("running"), "busy", "arrow-repeat"),
        "done": (_l("done"), "ok", "check-circle"),
        "failed": (_l("failed"), "bad", "x-octagon"),
        "waiting_approval": (_l("waits for approval"), "warn", "person-check"),
        "cancelled": (_l("withdrawn"), "off", "slash-circle"),
    },
    "import": {
        "checked": (_l("to be looked over"), "wait", "eye"),
        "committing": (_l("being carried out"), "busy", "arrow-repeat"),
        "done": (_l("done"), "ok", "check-circle"),
        "cancelled": (_l("stopped"), "off", "slash-circle"),
    },
    "verdict": {
        "ok": (_l("good"), "ok", "check-circle"),
        "warning": (_l("look at it"), "warn", "exclamation-triangle"),
        "error": (_l("error"), "bad", "x-octagon"),
    },
    "import_row": {
        "waiting": (_l("waiting"), "wait", "hourglass-split"),
        "done": (_l("done"), "ok", "check-circle"),
        "failed": (_l("refused"), "bad", "x-octagon"),
        "left": (_l("left out"), "off", "slash-circle"),
    },
    "contract": {
        "future": (lazy_pgettext("contract", "not yet in force"), "wait", "calendar-event"),
        "active": (lazy_pgettext("contract", "in force"), "ok", "check-circle"),
        "expiring": (lazy_pgettext("contract", "expiring"), "warn", "exclamation-triangle"),
        "suspended": (lazy_pgettext("contract", "suspended"), "warn", "pause-circle"),
        "ended": (lazy_pgettext("contract", "ended"), "off", "slash-circle"),
    },
    "order": {
        "draft": (lazy_pgettext("order", "draft"), "wait", "pencil"),
        "sent": (lazy_pgettext("order", "waits for the association"), "busy", "hourglass-split"),
        "approved": (lazy_pgettext("order", "approved"), "ok", "person-check"),
        "live": (lazy_pgettext("order", "can be used"), "ok", "check-circle"),
        "refused": (lazy_pgettext("order", "refused"), "bad", "x-octagon"),
        "withdrawn": (lazy_pgettext("order", "withdrawn"), "off", "slash-circle"),
    },
    "step": {
        "planned": (lazy_pgettext("step", "planned"), "wait", "calendar-event"),
        "announced": (lazy_pgettext("step", "announced"), "busy", "bell"),
        "taken": (lazy_pgettext("step", "holds"), "warn", "pause-circle"),
        "cancelled": (lazy_pgettext("step", "cancelled"), "off", "slash-circle"),
        "undone": (lazy_pgettext("step", "taken back"), "off", "arrow-counterclockwise"),
    },
    "task": {
        "open": (lazy_pgettext("task", "to do"), "warn", "exclamation-triangle"),
        "done": (lazy_pgettext("task", "done"), "ok", "check-circle"),
        "dropped": (lazy_pgettext("task", "overtaken"), "off", "slash-circle"),
    },
    "difference": {
        "open": (_l("waits for a decision"), "warn", "shuffle"),
        "kept": (_l("kept as it is"), "off", "pause-circle"),
        "adopted": (_l("adopted"), "busy", "check-lg"),
        "overwriting": (_l("being overwritten"), "busy", "arrow-repeat"),
        "resolved": (_l("settled"), "ok", "check-circle"),
    },
    "invitation": {
        "waiting": (_l("waits for an answer"), "wait", "hourglass-split"),
        "accepted": (_l("accepted"), "ok", "check-circle"),
        "withdrawn": (_l("withdrawn"), "off", "slash-circle"),
        "expired": (_l("too old"), "warn", "exclamation-triangle"),
    },
    "login": {
        "waiting": (_l("waits for its first password"), "wait", "hourglass-split"),
        "open": (_l("open"), "ok", "check-circle"),
        "blocked": (_l("blocked"), "warn", "pause-circle"),
    },
    "activation": {
        "none": (_l("not needed"), "off", "slash-circle"),
        "sent": (_l("link handed out"), "wait", "hourglass-split"),
        "expired": (_l("link too old"), "warn", "exclamation-triangle"),
    },
    "webhook": {
        "on": (lazy_pgettext("webhook", "switched on"), "ok", "check-circle"),
        "failing": (lazy_pgettext("webhook", "nothing gets through"), "warn", "exclamation-triangle"),
        "person": (lazy_pgettext("webhook", "switched off"), "off", "slash-circle"),
        "off_failing": (lazy_pgettext("webhook", "off: it failed for days"), "bad", "x-octagon"),
        "gone": (lazy_pgettext("webhook", "off: the receiver wants no more"), "bad", "x-octagon"),
        "owner": (lazy_pgettext("webhook", "off: its owner lost the right"), "bad", "person-slash"),
        "token": (lazy_pgettext("webhook", "off: its token has ended"), "bad", "key"),
    },
    "delivery": {
        "queued": (lazy_pgettext("delivery", "waits to be sent"), "wait", "hourglass-split"),
        "sent": (lazy_pgettext("delivery", "taken"), "ok", "check-circle"),
        "failed": (lazy_pgettext("delivery", "given up"), "bad", "x-octagon"),
        "withheld": (lazy_pgettext("delivery", "kept back"), "off", "eye-slash"),
    },
    "node": {
        "seen": (_l("answers"), "ok", "check-circle"),
        "late": (_l("not seen lately"), "wait", "hourglass-split"),
        "problem": (_l("problem"), "bad", "x-octagon"),
        "never": (_l("never seen"), "wait", "hourglass-split"),
    },
}

_SEEN = {
    "rcpt": _l("the mail server accepts mail for it"),
    "login": _l("signing in to it was tried"),
    "message": _l("a real message arrived and was read"),
    "answered": _l("all name servers answer what is wanted"),
    "serial": _l("all name servers have it; not each record was asked for"),
    "absent": _l("it is not served any more"),
    "closed": _l("it is closed: mail to it is refused"),
}


def state_look(family: str, name: str) -> Look:
    """Word, tone and icon of state ``name`` in ``family`` (resource, job, contract, login, activation, node)."""
    word, tone, icon = _STATES[family].get(name, (name, "off", "circle"))
    return Look(word=str(word), tone=tone, icon=icon)


def state_word(name: str, family: str = "resource") -> str:
    """Name a state."""
    return state_look(family, name).word


def login_words(login: str) -> str:
    """Whether the holder of a mailbox can sign in."""
    return state_word(login, "login")


def seen_words(how: str | None) -> str:
    """How deep a probe looked."""
    return str(_SEEN.get(how or "", how or ""))


def wanted_words(resource: Any) -> str:
    """What is wanted of a resource, in words."""
    if resource.want == "purge":
        return _("removed, with its data")
    if resource.want == "remove":
        return _("removed, data kept")
    return _("suspended") if resource.suspended_at else _("working")
