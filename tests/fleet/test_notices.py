"""Notices by a real Postfix: what a person reads in the mailbox, and what its server refuses."""

from __future__ import annotations

import email
import time
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from config import Settings
from panel.kernel import i18n
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work
from panel.kernel.links import read_link_token
from panel.ledger.messages import Message
from panel.ledger.notices import tell_address
from panel.notices.expanding import expand_notices
from panel.notices.sending import sender
from panel.wording.notices import notice_mail
from provisioning.lab import Lab
from tests.contract.kinds import ensure_domain, mailbox
from tests.contract.mail_client import PASSWORD, hash_of, sign_in
from tests.contract.node import AgentUnderTest
from tests.nodes import EnrolledNode
from tests.worlds import World, small_world

SECONDS = 60.0


def test_a_reset_link_arrives_in_polish_and_who_is_unknown_to_the_server_is_given_up(
    world: World, outside: AgentUnderTest
) -> None:
    box, row = mailbox(login="open", password_hash=hash_of(PASSWORD)), new_id()
    outside.make(box)
    settings: Settings = replace(
        world.app.config["CIS"],
        notice_smtp=f"smtp://{outside.target.node_address}:25",
        notice_from="panel@example.com",
        public_url="https://panel.example",
        association_name="Stowarzyszenie Żółw",
    )
    with unit_of_work():
        tell_address("reset:sent", box.address, language="pl", link=("reset", row))
        tell_address("notices:test", f"nobody.{box.address}", language="pl")
        tell_address("notices:test", "somebody@elsewhere.example", language="pl")
    expand_notices(SYSTEM, settings)
    sender(settings, partial(notice_mail, settings))(SYSTEM)
    mail = _newest(outside, box.address)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert str(mail["From"]) == "Stowarzyszenie Żółw CIS Panel <panel@example.com>"
    text = mail.get_content()
    assert "Dzień dobry," in text
    (link,) = [word for word in text.split() if word.startswith("https://panel.example/reset")]
    assert read_link_token(settings, "reset", link.rpartition("/")[2]) == row
    states = {row.email: row for row in db.session.scalars(select(Message).execution_options(populate_existing=True))}
    assert states.pop(box.address).state == "sent"
    assert {one.state for one in states.values()} == {"failed"}
    assert all(one.problem and one.problem.startswith("5") for one in states.values())


@pytest.fixture(scope="module")
def outside(lab: Lab, mail1: EnrolledNode) -> AgentUnderTest:
    """A mail server that the panel of these tests does not know."""
    agent = AgentUnderTest(lab, mail1)
    ensure_domain(agent)
    return agent


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_world(tmp_path) as world:
        i18n.connect(world.app)
        yield world


def _newest(outside: AgentUnderTest, address: str) -> EmailMessage:
    """The newest message in a mailbox, as soon as there is one."""
    session = sign_in(outside, address)
    try:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            session.command("CHECK")
            _, lines = session.command("FETCH * BODY.PEEK[]")
            if len(lines) > 2:
                return email.message_from_bytes(b"\r\n".join(lines[1:-1]), policy=default)
            time.sleep(0.05)
        raise AssertionError("no message arrived")
    finally:
        session.close()
