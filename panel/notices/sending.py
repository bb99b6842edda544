"""From messages to mail: claimed, written in the reader's language, handed over, tried again with patience."""

from __future__ import annotations

import logging
import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, or_, select, update

from config import Settings
from panel.identity.models import User
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.mail_server import MailFailed, MailServer, Send
from panel.ledger.claiming import claim_rows
from panel.ledger.messages import NEWS_SECONDS, Message
from panel.ledger.notices import Notice
from panel.notices.preferences import SECURITY, topic_of

AT_ONCE = 200
CLAIM_SECONDS = 300
SINGLY_MOST = 3
"""So many messages to one person get a mail each; more of them at once come in one that lists all."""
HOURLY_MOST, LATER_SECONDS = 20, 900
"""After so many in an hour, what is not about security waits a quarter of an hour, and comes in one."""
RETRY_SECONDS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
PROBLEM_MOST = 300

log = logging.getLogger("cis.notices")


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """To whom a mail goes: their address, and the language they read."""

    email: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message to be sent with the notice it is about."""

    message: Message
    notice: Notice

    @property
    def goes_alone(self) -> bool:
        """Whether it may not stand among others: what is about security, and what carries a link."""
        return topic_of(self.message.code) == SECURITY or self.notice.link_purpose is not None


Compose = Callable[[Recipient, Sequence[Told]], tuple[str, str]]
"""Subject and text of one mail; words are not ours. Raises KeyError where a notice has none."""


def sender(settings: Settings, compose: Compose) -> Callable[[Actor], None]:
    """The chore that hands messages over; while no mail server is set it only gives up what is too old."""

    def send_messages(actor: Actor) -> None:
        require(actor, "nodes:write", staff=True)
        _give_up_old()
        if not settings.notice_smtp or not _anything_due():
            return
        mails = list(_mails(_claim()))
        try:
            with server_of(settings).session() as send:
                for recipient, some in mails:
                    _deliver(settings, compose, send, recipient, some)
        except MailFailed as error:
            log.warning("messages were not sent (%s): %s", error.code, error)
            _put_off([one.message for _recipient, some in mails for one in some], str(error))

    return send_messages


def server_of(settings: Settings) -> MailServer:
    """The mail server that the settings name."""
    return MailServer(url=settings.notice_smtp, credentials=settings.below_data(settings.notice_credentials))


def write_mail(settings: Settings, to: str, subject: str, text: str, *, mail_id: uuid.UUID) -> EmailMessage:
    """One mail as plain text. Raises ValueError for what is no address and for what would add a field."""
    message = EmailMessage()
    from_ = notice_sender(settings)
    message["From"] = Address(display_name=f"{settings.association_name} CIS Panel", addr_spec=from_)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{mail_id.hex}@{from_.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message["List-Id"] = f"<notices.{urlsplit(settings.public_url).hostname or 'panel.invalid'}>"  # RFC 2919
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    return message


def notice_sender(settings: Settings) -> str:
    """From which address messages are sent."""
    return parseaddr(settings.notice_from)[1] or f"panel@{settings.mail_domain}"


def _deliver(settings: Settings, compose: Compose, send: Send, recipient: Recipient, some: Sequence[Told]) -> None:
    """Send one mail and note what became of it; raises MailFailed where the server takes none at all."""
    messages = [one.message for one in some]
    try:
        subject, text = compose(recipient, some)
        mail = write_mail(settings, recipient.email, subject, text, mail_id=messages[0].id)
        send(mail, notice_sender(settings), [recipient.email])
    except (KeyError, ValueError, MessageError) as error:
        log.warning("notice %s cannot be written: %s", messages[0].code, type(error).__name__)
        _set(messages, state="failed", problem=f"cannot be written: {type(error).__name__}")
    except MailFailed as error:
        if error.code == "refused":
            _set(messages, state="failed", problem=str(error)[:PROBLEM_MOST])
        else:
            _put_off(messages, str(error))
    else:
        _set(messages, state="sent", sent_at=database_now(), problem=None, retry_at=None)


def _due() -> ColumnElement[bool]:
    """SQL: messages whose time has come."""
    return (Message.state == "queued") & or_(Message.retry_at.is_(None), Message.retry_at <= database_now())


def _anything_due() -> bool:
    return db.session.scalar(select(Message.id).where(_due()).limit(1)) is not None


def _give_up_old() -> None:
    """What could not be sent for so long is news no more; its reader still sees in the account that there was some."""
    old = (Message.state == "queued") & (Message.created_at < database_now(-NEWS_SECONDS))
    messages = db.session.scalars(select(Message).where(old).order_by(Message.id).limit(AT_ONCE)).all()
    if messages:
        log.warning("%d messages are too old to be sent", len(messages))
        _set(messages, state="failed", problem="could not be sent in time")


def _claim() -> list[Told]:
    """Take what is due, so that no other worker sends it too; who dies over it leaves it for later."""
    claimed = claim_rows(Message, _due(), by=Message.id, most=AT_ONCE, seconds=CLAIM_SECONDS)
    query = select(Message, Notice).join(Notice, Notice.id == Message.notice_id).where(Message.id.in_(claimed))
    rows = db.session.execute(query.order_by(Message.id).execution_options(populate_existing=True))
    return [Told(message=message, notice=notice) for message, notice in rows]


def _mails(claimed: Iterable[Told]) -> Iterable[tuple[Recipient, Sequence[Told]]]:
    """What goes to whom in one mail; what is too much for now is put off."""
    by_person: dict[Recipient, list[Told]] = defaultdict(list)
    people = _people(claimed := list(claimed))
    for one in claimed:
        recipient = people.get(one.message.id)
        if recipient is None:
            _set([one.message], state="failed", problem="no such person any more")
        else:
            by_person[recipient].append(one)
    busy = _told_lately({one.message.user_id for one in claimed})
    for recipient, told in by_person.items():
        yield from ((recipient, [one]) for one in told if one.goes_alone)
        rest = [one for one in told if not one.goes_alone]
        if rest and rest[0].message.user_id in busy:
            _postpone([one.message for one in rest])
        elif len(rest) > SINGLY_MOST or any(one.message.bundled for one in rest):
            yield recipient, rest
        else:
            yield from ((recipient, [one]) for one in rest)


def _people(claimed: Sequence[Told]) -> dict[uuid.UUID, Recipient]:
    """The recipient of each message; a user's address and language are those of today."""
    ids = {one.message.user_id for one in claimed if one.message.user_id}
    users = {user.id: user for user in db.session.scalars(select(User).where(User.id.in_(ids)))}
    found: dict[uuid.UUID, Recipient] = {}
    for one in claimed:
        message = one.message
        if message.email is not None:
            found[message.id] = Recipient(email=message.email, language=message.language or "")
        elif message.user_id in users:
            user = users[message.user_id]
            found[message.id] = Recipient(email=user.email, language=user.language)
    return found


def _told_lately(users: set[uuid.UUID | None]) -> set[uuid.UUID | None]:
    """Users who got so many messages within an hour that the next ones may wait."""
    query = select(Message.user_id).where(Message.user_id.in_(users), Message.sent_at > database_now(-3600))
    return set(db.session.scalars(query.group_by(Message.user_id).having(func.count() >= HOURLY_MOST)))


def _postpone(messages: Sequence[Message]) -> None:
    _set(messages, bundled=True, retry_at=database_now(LATER_SECONDS), attempts=Message.attempts - 1)


def _put_off(messages: Sequence[Message], why: str) -> None:
    """Try again later, and after the last time not any more."""
    for attempts in {message.attempts for message in messages}:
        some = [message for message in messages if message.attempts == attempts]
        if attempts > len(RETRY_SECONDS):
            _set(some, state="failed", problem=why[:PROBLEM_MOST])
            continue
        seconds = RETRY_SECONDS[attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
        _set(some, retry_at=database_now(seconds), problem=why[:PROBLEM_MOST])


def _set(messages: Sequence[Message], **values: object) -> None:
    """Change messages that are still on their way: what was sent stays sent."""
    with unit_of_work():
        ids = [message.id for message in messages]
        statement = update(Message).where(Message.id.in_(ids), Message.state == "queued").values(**values)
        db.session.execute(statement, execution_options={"synchronize_session": False})
