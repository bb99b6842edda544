"""The page of somebody who has a mailbox and nothing else."""

from __future__ import annotations

import time
import unicodedata

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from panel.contracts.actions import suspend_contract
from panel.contracts.models import Contract
from panel.kernel.access import ROLES, SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.passwords import is_mailbox_password
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from panel.mail.actions import create_mailbox, remove_mailbox, set_password, suspend_mailbox
from panel.mail.holder_sessions import HolderSession, forget_old_holder_sessions
from panel.mail.models import Mailbox
from tests.web.site import Site, token_in

PASSWORD, NEW = "zażółć gęślą jaźń", "cztery słowa obok siebie"
ADDRESS = "kasa@info.wokiss.pl"


@pytest.fixture
def mailbox(site: Site) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=ADDRESS, password=PASSWORD).mailbox


def test_a_holder_sees_the_mailbox_and_sets_another_password(site: Site, mailbox: Mailbox) -> None:
    """In by the password however its letters are composed; out with the new one; recorded as the holder's."""
    client, elsewhere = site.client(), site.client()
    assert client.get("/mailbox/").location == "/mailbox/sign-in"
    assert _come_in(client, ADDRESS.upper(), unicodedata.normalize("NFD", PASSWORD)).location == "/mailbox/"
    assert _come_in(elsewhere, ADDRESS, PASSWORD).status_code == 303
    page = client.get("/mailbox/")
    assert ADDRESS in page.text
    assert "993" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert client.get("/").location.startswith("/login")
    before, mark = mailbox.wanted_generation, token_in(client.get("/mailbox/password").text)
    sent = {"csrf_token": mark, "old": PASSWORD, "password": NEW, "again": NEW}
    assert client.post("/mailbox/password", data=sent | {"old": "not this one at all"}).status_code == 422
    assert client.post("/mailbox/password", data=sent | {"password": "short", "again": "short"}).status_code == 422
    assert client.post("/mailbox/password", data=sent).location == "/mailbox/"
    assert client.get("/mailbox/").status_code == 200
    assert elsewhere.get("/mailbox/").location == "/mailbox/sign-in"
    now = _now(mailbox)
    assert is_mailbox_password(NEW, now.password_hash)
    assert now.wanted_generation == before + 1  # live sessions end as the node takes it
    ref = f"mailbox:{mailbox.id}"
    assert db.session.scalar(select(Event.actor).where(Event.tag == "mail:mailbox:own-password")) == ref
    assert db.session.scalar(select(Job.actor).order_by(Job.id.desc())) == ref
    copied = client.get_cookie("cis_mailbox")
    assert copied is not None
    client.post("/mailbox/sign-out", data={"csrf_token": mark})
    assert client.get("/mailbox/").location == "/mailbox/sign-in"
    elsewhere.set_cookie("cis_mailbox", copied.value)
    assert elsewhere.get("/mailbox/").location == "/mailbox/sign-in", "signed out is signed out everywhere"
    for over in (HolderSession.last_seen_at, HolderSession.opened_at):
        assert _come_in(client, ADDRESS, NEW).location == "/mailbox/"
        assert client.get("/mailbox/").status_code == 200
        with unit_of_work():
            db.session.execute(update(HolderSession).values({over: database_now(-13 * 3600)}))
        assert client.get("/mailbox/").location == "/mailbox/sign-in", "for half an hour, and a working day at most"
    assert forget_old_holder_sessions(SYSTEM) == 4


def test_all_that_does_not_open_is_answered_alike(site: Site, mailbox: Mailbox) -> None:
    waiting = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address="wojt@info.wokiss.pl").mailbox
    other = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address="usc@info.wokiss.pl", password=PASSWORD)
    suspend_mailbox(SYSTEM, other.mailbox.id)
    answers = {
        _told(_come_in(site.client(), address, password).text, address)
        for address, password in (
            (ADDRESS, "another password"),
            (waiting.address, PASSWORD),
            (other.mailbox.address, PASSWORD),
            ("nobody@info.wokiss.pl", PASSWORD),
            ("nobody@info.wokiss.pl", "x" * 9_000),
            (ADDRESS, "\0" * 12),
        )
    }
    assert len(answers) == 1


def test_a_suspension_a_grade_and_a_removal_end_it_at_once(site: Site, mailbox: Mailbox) -> None:
    removed = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address="rada@info.wokiss.pl", password=PASSWORD)
    client, other = site.client(), site.client()
    _come_in(client, ADDRESS, PASSWORD)
    _come_in(other, "rada@info.wokiss.pl", PASSWORD)
    assert other.get("/mailbox/").status_code == client.get("/mailbox/").status_code == 200
    remove_mailbox(SYSTEM, removed.mailbox.id)
    assert other.get("/mailbox/").status_code == 302
    assert _come_in(other, "rada@info.wokiss.pl", PASSWORD).status_code == 422
    suspend_contract(SYSTEM, db.session.scalars(select(Contract.id)).one(), level="no_login", reason="Zaległość")
    assert client.get("/mailbox/").status_code == 302
    assert _come_in(client, ADDRESS, PASSWORD).status_code == 422


def test_guessing_has_to_wait_and_takes_as_long_at_an_address_that_is_not_there(site: Site, mailbox: Mailbox) -> None:
    taken = {address: min(_seconds(site, address) for _ in range(3)) for address in (ADDRESS, "nikt@info.wokiss.pl")}
    assert 0.5 < taken[ADDRESS] / taken["nikt@info.wokiss.pl"] < 2
    statuses = [_come_in(site.client(), ADDRESS, f"guess number {number}").status_code for number in range(5)]
    assert statuses[-1] == 429
    set_password(SYSTEM, mailbox.id, password=NEW)
    assert _come_in(site.client(), ADDRESS, NEW).status_code == 429


def test_no_role_holds_what_a_holder_holds() -> None:
    assert not any("mail:own" in permissions for permissions in ROLES.values())


def _come_in(client: FlaskClient, address: str, password: str) -> TestResponse:
    mark = token_in(client.get("/mailbox/sign-in").text)
    return client.post("/mailbox/sign-in", data={"csrf_token": mark, "address": address, "password": password})


def _told(page: str, address: str) -> str:
    """The page but for what was typed and the form's mark."""
    return page.replace(address, "ADDRESS").replace(token_in(page), "MARK")


def _seconds(site: Site, address: str) -> float:
    client = site.client()
    mark = token_in(client.get("/mailbox/sign-in").text)
    began = time.process_time()
    client.post("/mailbox/sign-in", data={"csrf_token": mark, "address": address, "password": "a wrong password"})
    return time.process_time() - began


def _now(mailbox: Mailbox) -> Mailbox:
    db.session.rollback()
    return db.session.get_one(Mailbox, mailbox.id, populate_existing=True)
