"""Notices in words: subject and lines of each message that the panel sends to people.

One table for all: a code, its subject, and the lines of its text. A line may name the notice's own params
(``%(address)s``), ``%(link)s`` where the notice carries a one-time link, and ``%(panel)s``, the panel's address
without a slash at its end. Params that end in ``_at`` (ISO times) and ``_on`` (ISO days) are said in the reader's
language. A line that depends on figures (plural forms, names of levels) is a function of the params.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from config import Settings
from panel.kernel.db import db
from panel.kernel.i18n import LANGUAGES, TIME_ZONE, _, _l, force_locale, language, ngettext
from panel.ledger.messages import Message
from panel.ledger.notices import Notice
from panel.notices.links import link_url
from panel.notices.sending import Recipient, Told
from panel.wording.contract_notices import CONTRACT_NOTICES
from panel.wording.door_notices import DOOR_NOTICES
from panel.wording.email_notices import EMAIL_NOTICES
from panel.wording.mail_notices import MAIL_NOTICES
from panel.wording.sign_in_notices import SIGN_IN_NOTICES

Params = Mapping[str, Any]


def _off_reason(told: Params) -> str:
    """Why a webhook was switched off."""
    words = {"gone": _("The receiver answered that it wants no more (410)."),
             "owner": _("The person in whose right it was sent may not read these events any more."),
             "token": _("The token by which it was set up has ended.")}  # fmt: skip
    return words.get(told["why"], _("For three days nothing it was sent was taken."))


_NOTICES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "notices:test": (
        _l("Test message"),
        (_l("This is a test. Messages of the panel arrive here."), _l("The panel: %(panel)s")),
    ),
    "step_in:begun": (
        _l("Staff are looking at the panel as %(member)s"),
        (
            _l("%(staff)s entered the view of %(member)s. They only look; they change nothing without your agreement."),
            _l("Reason: %(reason)s"),
            _l("It ends by itself on %(until_at)s. You can end it now: %(panel)s/history/staff"),
        ),
    ),
    "role:handed_over": (
        _l("An administrator's role was handed over"),
        (_l("%(by)s handed the role over to %(successor)s. The earlier one ends on %(ends_at)s."),),
    ),
    "member:no_admin": (
        _l("%(member)s has no administrator any more"),
        (_l("The last one gave the role up, lost it or is blocked. See to it that somebody is invited."),),
    ),
    "mailbox:handed_over": (
        _l("Mailbox %(address)s was handed over"),
        (
            _l("%(by)s handed the mailbox %(address)s over to %(successor)s."),
            _l("By authority of: %(authority)s"),
            _l("The earlier password opens it no more. If this is wrong, hand it back: %(panel)s/mail/mailboxes"),
        ),
    ),
    "step_in:asked": (
        _l("Staff ask you to agree to a change for %(member)s"),
        (
            _l("%(staff)s asks you to agree to one change. What exactly is on the page; nothing is done before."),
            _l("Agree or refuse: %(panel)s/history/staff"),
        ),
    ),
    "webhook:off": (
        _l("Webhook %(name)s was switched off"),
        (
            _off_reason,
            _l(
                "What happens from now on is not sent. Look at what was tried last, and switch it on again: "
                "%(panel)s/webhooks/%(webhook)s"
            ),
        ),
    ),
    **CONTRACT_NOTICES,
    **DOOR_NOTICES,
    **MAIL_NOTICES,
    **EMAIL_NOTICES,
    **SIGN_IN_NOTICES,
}
"""Code → subject and lines of the text."""


@dataclass(frozen=True, kw_only=True)
class NoticeWords:
    """A message in words: its subject, and the lines of its text without greeting and closing."""

    subject: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MessageWords:
    """A message in a list."""

    subject: str
    state: str
    icon: str


_STATES = {
    "queued": (_l("on its way"), "hourglass-split"),
    "bundled": (_l("waits for the day's message"), "hourglass-split"),
    "sent": (_l("sent"), "check-circle"),
    "failed": (_l("could not be delivered"), "exclamation-triangle"),
}


def notice_words(code: str, params: Params, *, public_url: str, link: str | None = None) -> NoticeWords:
    """Say the notice ``code`` in the running language; ``link``: the address of the link that goes with it.

    Raises KeyError where the code has no words, or where a line asks for what the notice does not say.
    """
    subject, lines = _NOTICES[code]
    told = {name: _said(name, value) for name, value in params.items()}
    told |= {"panel": public_url.rstrip("/")} | ({} if link is None else {"link": link})
    return NoticeWords(subject=_one_line(_fill(subject, told)), lines=tuple(_fill(line, told) for line in lines))


def notice_mail(settings: Settings, recipient: Recipient, told: Sequence[Told]) -> tuple[str, str]:
    """Subject and text of one mail about some notices, in the recipient's language.

    Raises KeyError where one of them has no words.
    """
    with force_locale(recipient.language if recipient.language in LANGUAGES else settings.language):
        said = [_words_of(settings, one.notice) for one in told]
        subject = said[0].subject
        if len(said) > 1:
            subject = ngettext("%(num)s message from the panel", "%(num)s messages from the panel", len(said))
        parts = [line for one in said for line in (*([one.subject, ""] if len(said) > 1 else []), *one.lines, "")]
        closing = _closing(settings, optional=not any(one.goes_alone for one in told))
        return f"[CIS Panel] {subject}", "\n".join([_("Good day,"), "", *parts, *closing, ""])


def list_words(message: Message) -> MessageWords:
    """A message as a list shows it: its subject and what became of it, and nothing of what it said."""
    notice = db.session.get(Notice, message.notice_id)
    state = "bundled" if message.state == "queued" and message.bundled else message.state
    words, icon = _STATES[state]
    return MessageWords(subject=_subject(message.code, notice.params if notice else {}), state=str(words), icon=icon)


def known_notices() -> frozenset[str]:
    """Every code with words."""
    return frozenset(_NOTICES)


def _subject(code: str, params: Params) -> str:
    """The subject alone; a code without words is shown as it is."""
    try:
        return _one_line(_fill(_NOTICES[code][0], {name: _said(name, value) for name, value in params.items()}))
    except KeyError:
        return code


def _words_of(settings: Settings, notice: Notice) -> NoticeWords:
    link = None
    if notice.link_purpose is not None and notice.link_id is not None:
        link = link_url(settings, notice.link_purpose, notice.link_id)
    return notice_words(notice.code, notice.params, public_url=settings.public_url, link=link)


def _closing(settings: Settings, *, optional: bool) -> list[str]:
    """Who writes, and where one chooses what one is told; what is about security is no matter of choice."""
    lines = ["-- ", _("This message was sent by the panel of %(name)s.", name=settings.association_name)]
    if not optional:
        return lines
    url = f"{settings.public_url.rstrip('/')}/account/notices"
    return [*lines, _("Choose what you are told of, and when: %(url)s", url=url)]


def _fill(line: Any, told: Params) -> str:
    if callable(line):
        return str(line(told))
    return str(line) % told


def _said(name: str, value: Any) -> Any:
    """A moment or a day in the reader's words; anything else as it is, but on one line."""
    if isinstance(value, str) and name.endswith("_at"):
        moment = datetime.fromisoformat(value)
        return format_datetime(moment, "d MMMM y, HH:mm", tzinfo=ZoneInfo(TIME_ZONE), locale=language())
    if isinstance(value, str) and name.endswith("_on"):
        return format_date(date.fromisoformat(value), "d MMMM y", locale=language())
    return _one_line(value) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    """What people typed adds no lines to a message and no fields to its header."""
    return " ".join(text.split())
