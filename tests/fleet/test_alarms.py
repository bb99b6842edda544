"""Alarms told over a real Postfix, which here is a stranger's server: what arrives is read by IMAP."""

from __future__ import annotations

import email
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from sqlalchemy import select, update

from panel.engine.alarms import News, teller, watch_conditions
from panel.engine.relay import Relay, RelayFailed
from panel.kernel import i18n
from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.ledger.alarms import Alarm
from panel.ledger.nodes import Node
from panel.wording.alarms import alarm_message
from provisioning.lab import Lab
from provisioning.resources import Mailbox
from tests.contract.kinds import ensure_domain, mailbox
from tests.contract.mail_client import PASSWORD, hash_of, sign_in
from tests.contract.node import AgentUnderTest
from tests.nodes import EnrolledNode
from tests.worlds import World, small_world


def test_what_begins_and_what_ends_is_read_in_the_mailbox_of_who_is_on_duty(
    world: World, outside: AgentUnderTest, duty: Mailbox
) -> None:
    tell = _teller(_relay(outside, duty))
    _problem(world, "host_key_changed")
    tell(SYSTEM)
    assert _subject(outside, duty, "[CIS Panel] Alarm: mail1 pokazuje inny klucz niż zapamiętany")
    _problem(world, None)
    tell(SYSTEM)
    assert _subject(outside, duty, "[CIS Panel] Koniec: mail1 pokazuje inny klucz niż zapamiętany")
    alarm = db.session.scalars(select(Alarm)).one()
    assert alarm.told_at is not None
    assert alarm.clear_told_at is not None
    assert alarm.attempts == 0


def test_a_message_says_what_to_do_and_where_to_look(world: World, outside: AgentUnderTest, duty: Mailbox) -> None:
    _problem(world, "host_key_changed")
    _teller(_relay(outside, duty))(SYSTEM)
    assert _subject(outside, duty, "[CIS Panel] Alarm: mail1 pokazuje inny klucz niż zapamiętany")
    session = sign_in(outside, duty.address)
    _, lines = session.command("FETCH * BODY.PEEK[]")
    session.close()
    message = email.message_from_bytes(b"\r\n".join(lines[1:-1]))
    assert message["Auto-Submitted"] == "auto-generated"
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    text = payload.decode()
    assert "Nic nie jest do niego wysyłane." in text
    assert "http://panel.example/needs" in text


def test_a_relay_that_is_one_of_our_nodes_is_refused_before_it_is_spoken_to(
    world: World, outside: AgentUnderTest, duty: Mailbox
) -> None:
    with unit_of_work():
        db.session.execute(update(Node).values(address=outside.target.node_address))
    with pytest.raises(RelayFailed) as refused:
        _relay(outside, duty).send("s", "t")
    assert refused.value.code == "own_node"


def test_a_password_goes_to_no_server_that_does_not_prove_its_name(
    world: World, outside: AgentUnderTest, duty: Mailbox, tmp_path: Path
) -> None:
    secret = tmp_path / "alarm_smtp"
    secret.write_text("panel\nnot for strangers\n")
    with pytest.raises(RelayFailed, match="certificate") as refused:
        _relay(outside, duty, port=587, credentials=secret).send("s", "t")
    assert refused.value.code == "smtp"


def test_a_relay_that_is_away_is_asked_again(world: World, outside: AgentUnderTest, duty: Mailbox) -> None:
    _problem(world, "host_key_changed")
    _teller(replace(_relay(outside, duty), url="smtp://127.0.0.1:9"))(SYSTEM)
    alarm = db.session.scalars(select(Alarm)).one()
    assert (alarm.told_at, alarm.attempts) == (None, 1)
    assert alarm.retry_at is not None


@pytest.fixture(scope="module")
def outside(lab: Lab, mail1: EnrolledNode) -> AgentUnderTest:
    """A mail server that the panel of these tests does not know."""
    agent = AgentUnderTest(lab, mail1)
    ensure_domain(agent)
    return agent


@pytest.fixture
def duty(outside: AgentUnderTest) -> Mailbox:
    """The mailbox of whoever is on duty."""
    box = mailbox(login="open", password_hash=hash_of(PASSWORD))
    outside.make(box)
    return box


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_world(tmp_path) as world:
        i18n.connect(world.app)
        yield world


def _relay(outside: AgentUnderTest, duty: Mailbox, *, port: int = 25, credentials: Path = Path("/nowhere")) -> Relay:
    return Relay(
        url=f"smtp://{outside.target.node_address}:{port}",
        sender="panel@example.com",
        recipients=(duty.address,),
        credentials=credentials,
        is_ours=lambda _domain: False,
    )


def _teller(relay: Relay) -> Callable[[Actor], None]:
    """What a worker does in its rounds: look what is so, tell of it."""

    def compose(news: Sequence[News]) -> tuple[str, str]:
        with i18n.force_locale("pl"):
            return alarm_message(news, public_url="http://panel.example/")

    def both(actor: Actor) -> None:
        watch_conditions(actor)
        teller(relay, compose)(actor)

    return both


def _problem(world: World, code: str | None) -> None:
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == world.node.id).values(problem_code=code))


def _subject(outside: AgentUnderTest, duty: Mailbox, awaited: str) -> bool:
    """Whether a message with this subject is soon in the mailbox."""
    session = sign_in(outside, duty.address)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            session.command("CHECK")
            _, lines = session.command("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
            unfolded = re.sub(r"\r?\n[ \t]+", " ", b"\n".join(lines).decode())
            found = re.findall(r"^Subject: (.*?)\r?$", unfolded, re.MULTILINE)
            if awaited in [str(make_header(decode_header(raw))) for raw in found]:
                return True
            time.sleep(0.05)
        return False
    finally:
        session.close()
