"""Notices reach those whom they are for: in their language, by their choice, once, however the mail server feels."""

from __future__ import annotations

import email
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from config import Settings
from panel.identity.actions import create_user, ensure_roles
from panel.identity.models import User
from panel.kernel import i18n
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Invalid
from panel.kernel.links import read_link_token
from panel.ledger.messages import Message
from panel.ledger.notices import Notice, tell_address, tell_holders, tell_many, tell_user
from panel.members.models import Member
from panel.notices.expanding import expand_notices, forget_old_notices, next_digest
from panel.notices.outbox import messages_of, retry_failed
from panel.notices.preferences import set_preferences
from panel.notices.sending import sender
from panel.wording import notices as wording
from tests.notices.smtp_server import Mailbag, mail_server
from tests.worlds import World, small_world

TEST, MAIL = "notices:test", "mailbox:told"
"""A notice about security (all are that are no topic of choice), and one people may choose to have otherwise."""


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more notice than the panel has."""
    more = {MAIL: ("Skrzynka %(address)s", ("Utworzono %(at)s: %(address)s.",))}
    monkeypatch.setattr(wording, "_NOTICES", wording._NOTICES | more)


def test_holders_are_told_on_the_member_and_above_it_staff_aside(world: World, bag: Mailbag, deliver: Deliver) -> None:
    school = _below(world.koscian)
    told = [_user("wojt", "member_admin", world.koscian), _user("dyrektor", "member_admin", school)]
    _user("obcy", "member_admin", world.smigiel)
    _user("czytelnik", "member_editor", world.koscian)
    staff = _user("staff", "association_admin", None)
    gone = _user("byly", "member_admin", school)
    over = _user("dawny", "member_admin", school)
    with unit_of_work():
        gone.active = False
        over.grants[0].until = utcnow() - timedelta(days=1)
        tell_holders(TEST, "mail:write", school.id)
    deliver()
    assert {address for address, _mail in bag.taken} == {user.email for user in told}
    bag.taken.clear()
    with unit_of_work():
        tell_many(TEST, "mail:write", [(school.id, {}), (world.koscian.id, {}), (world.smigiel.id, {})])
    deliver()
    assert Counter(address.partition("@")[0] for address, _mail in bag.taken) == {
        "wojt": 2, "dyrektor": 1, "obcy": 1
    }  # fmt: skip
    with unit_of_work():
        tell_holders(TEST, "nodes:write", None)
    bag.taken.clear()
    deliver()
    assert [address for address, _mail in bag.taken] == [staff.email]
    deliver()
    assert len(bag.taken) == 1, "once"


def test_a_message_is_plain_polish_text_and_says_that_a_machine_wrote_it(
    world: World, bag: Mailbag, deliver: Deliver
) -> None:
    user = _user("łódź".encode("ascii", "ignore").decode() or "x", "member_admin", world.koscian)
    with unit_of_work():
        tell_user(MAIL, user.id, address="żółw@x\r\nBcc: wszyscy@example.com", at="2026-11-23T12:00:00+00:00")
        tell_address(TEST, "nowy@gmina.example", language="en")
    deliver()
    mails = {address: _read(raw) for address, raw in bag.taken}
    polish, english = mails[user.email], mails["nowy@gmina.example"]
    assert polish["Subject"] == "[CIS Panel] Skrzynka żółw@x Bcc: wszyscy@example.com"
    assert polish["Bcc"] is None
    assert (polish["Auto-Submitted"], polish.get_content_type()) == ("auto-generated", "text/plain")
    assert polish["Content-Transfer-Encoding"] == "quoted-printable"
    text = polish.get_content()
    assert "Dzień dobry," in text
    assert "23 listopada 2026" not in text, "a name that is no moment is said as it is"
    assert "/account/notices" in text
    assert english["Subject"] == "[CIS Panel] Test message"
    assert "/account/notices" not in english.get_content(), "what is about security is no matter of choice"


def test_a_one_time_link_is_made_when_the_mail_is_written_and_leads_to_our_own_address(
    world: World, bag: Mailbag, deliver: Deliver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(wording._NOTICES, "invitation:of_tests", ("Zaproszenie", ("Oto link:", "%(link)s")))
    row = new_id()
    with unit_of_work():
        tell_address("invitation:of_tests", "nowy@gmina.example", language="pl", link=("invitation", row))
    deliver()
    (line,) = [line for line in _read(bag.taken[0][1]).get_content().splitlines() if line.startswith("http")]
    assert line.startswith("https://panel.example/invitations/")
    token = line.rpartition("/")[2]
    assert read_link_token(settings, "invitation", token) == row
    rows = [*db.session.scalars(select(Notice)), *db.session.scalars(select(Message))]
    assert not [one for one in rows if token in str(vars(one))]


def test_what_people_chose_is_kept_to(world: World, bag: Mailbag, deliver: Deliver) -> None:
    none, daily = _user("nic", "member_admin", world.koscian), _user("raz", "member_admin", world.koscian)
    set_preferences(none.id, mail="none", contracts="daily", orders="none")
    for topic in ("security", "contracts", "unknown"):
        with pytest.raises(Invalid):
            set_preferences(none.id, **{topic: "none"})
    set_preferences(daily.id, mail="daily")
    with unit_of_work():
        for number in range(3):
            tell_holders(MAIL, "mail:write", world.koscian.id, address=f"a{number}", at="x")
        tell_user(TEST, none.id)
    deliver()
    assert [address for address, _mail in bag.taken] == [none.email], "security goes at once"
    _hurry()
    deliver()
    (digest,) = [_read(raw) for address, raw in bag.taken if address == daily.email]
    assert digest["Subject"] == "[CIS Panel] 3 wiadomości z panelu"
    assert all(f"Skrzynka a{number}" in digest.get_content() for number in range(3))
    assert len(bag.taken) == 2


def test_a_storm_becomes_one_mail_and_what_follows_waits(world: World, bag: Mailbag, deliver: Deliver) -> None:
    user = _user("burza", "member_admin", world.koscian)
    for _round in range(2):
        with unit_of_work():
            for number in range(25):
                tell_user(MAIL, user.id, address=f"a{number}", at="x")
        deliver()
        assert len(bag.taken) == 1
    with unit_of_work():
        tell_user(TEST, user.id)
    deliver()
    assert len(bag.taken) == 2, "security does not wait"


def test_what_fails_is_tried_again_and_what_is_refused_is_given_up(
    world: World, bag: Mailbag, deliver: Deliver
) -> None:
    bag.answers = {"szary@gmina.example": "451 greylisted", "niema@gmina.example": "550 no such user"}
    with unit_of_work():
        for name in ("szary", "niema", "dobry"):
            tell_address(TEST, f"{name}@gmina.example", language="pl")
        tell_address(TEST, "no address\r\nRCPT TO:<x@y>", language="pl")
        tell_address("unknown:code", "dobry@gmina.example", language="pl")
    deliver()
    assert [address for address, _mail in bag.taken] == ["dobry@gmina.example"]
    states = dict(db.session.execute(select(Message.email, Message.state).where(Message.code == TEST)).all())
    assert list(states.values()).count("failed") == 2
    assert states["szary@gmina.example"] == "queued"
    bag.answers = {}
    _hurry()
    deliver()
    assert "szary@gmina.example" in dict(bag.taken)
    assert retry_failed(SYSTEM) == 3
    deliver()
    assert "niema@gmina.example" in dict(bag.taken)


def test_a_server_that_is_away_loses_nothing(world: World, bag: Mailbag, settings: Settings, deliver: Deliver) -> None:
    with unit_of_work():
        tell_address(TEST, "nowy@gmina.example", language="pl")
    _deliver(replace(settings, notice_smtp="smtp://127.0.0.1:9"))
    message = db.session.scalars(select(Message).execution_options(populate_existing=True)).one()
    assert (message.state, message.attempts) == ("queued", 1)
    assert message.problem
    _hurry()
    deliver()
    assert len(bag.taken) == 1


def test_without_a_server_notices_wait_to_be_seen_in_the_account_and_go_stale(
    world: World, settings: Settings, bag: Mailbag
) -> None:
    user = _user("wojt", "member_admin", world.koscian)

    def seen() -> list[tuple[str, str | None]]:
        found = db.session.scalars(messages_of(user.id).execution_options(populate_existing=True))
        return [(one.state, one.problem) for one in found]

    with unit_of_work():
        tell_user(TEST, user.id)
    _deliver(replace(settings, notice_smtp=""))
    assert seen() == [("queued", None)]
    with unit_of_work():
        tell_user(TEST, user.id)
        db.session.flush()
        for model in (Message, Notice):
            db.session.execute(update(model).values(created_at=database_now(-3 * 24 * 3600)))
    _deliver(settings)
    assert seen() == [("failed", "could not be sent in time")] * 2
    assert bag.taken == []
    with unit_of_work():
        for model in (Message, Notice):
            db.session.execute(update(model).values(created_at=database_now(-91 * 24 * 3600)))
    forget_old_notices(SYSTEM)
    assert db.session.scalars(select(Notice)).all() == []


@pytest.mark.one_database
def test_the_digest_goes_out_at_its_hour(world: World) -> None:
    noon = utcnow().replace(hour=12, minute=0)
    assert next_digest(noon, 5) - noon < timedelta(hours=17, minutes=1)
    assert next_digest(noon, 13).hour == 13
    assert next_digest(noon, 12) > noon


Deliver = Callable[[], None]


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with small_world(tmp_path, database_url=database_url) as world:
        i18n.connect(world.app)
        ensure_roles()
        yield world


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbag]:
    with mail_server() as bag:
        yield bag


@pytest.fixture
def bag(server: Mailbag) -> Mailbag:
    server.taken.clear()
    server.answers = {}
    return server


@pytest.fixture
def settings(world: World, bag: Mailbag) -> Settings:
    known: Settings = world.app.config["CIS"]
    return replace(known, notice_smtp=bag.url, public_url="https://panel.example/", notice_from="panel@example.com")


@pytest.fixture
def deliver(settings: Settings) -> Deliver:
    return partial(_deliver, settings)


def _deliver(settings: Settings) -> None:
    """What a worker does in its rounds."""
    expand_notices(SYSTEM, settings)
    sender(settings, partial(wording.notice_mail, settings))(SYSTEM)


def _hurry() -> None:
    """Let what waits be due."""
    with unit_of_work():
        db.session.execute(update(Message).where(Message.state == "queued").values(retry_at=database_now(-1)))


def _user(name: str, role: str, member: Member | None) -> User:
    member_id: uuid.UUID | None = member.id if member else None
    address = f"{name}@gmina.example"
    return create_user(SYSTEM, email=address, name=name, password_hash="x", role=role, member_id=member_id)


def _below(member: Member) -> Member:
    with unit_of_work():
        school = Member(id=new_id(), name="Szkoła", kind="school", slug="szkola", parent_id=member.id)
        db.session.add(school)
    return school


def _read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=default)
