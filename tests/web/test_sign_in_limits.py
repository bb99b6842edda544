"""Guessing passwords is slowed, and nobody who signed in here before is kept out by it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.identity import limits
from panel.identity.limits import Attempts
from panel.identity.models import User
from panel.kernel.db import db, unit_of_work
from tests.web.site import PASSWORD, Site, token_in

OFFICE, ELSEWHERE = "192.0.2.7", "203.0.113.9"


def test_guessing_is_slowed_alike_for_those_there_are_and_those_there_are_not(site: Site) -> None:
    for email in (site.clerk.email, "unknown@example.test"):
        guesser = site.client()
        assert [sign_in(guesser, email, "guess", ELSEWHERE).status_code for _ in range(7)] == [200] * 6 + [429]
        stopped = sign_in(guesser, email, "guess", ELSEWHERE)
        assert 1 <= int(stopped.headers["Retry-After"]) <= 15
        assert "Za dużo prób" in stopped.text
        assert "za " in stopped.text
    assert sign_in(site.client(), site.clerk.email, PASSWORD, ELSEWHERE).status_code == 429, "right, but not from there"


def test_no_hash_is_made_for_whoever_has_to_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    guesser = site.client()
    for _ in range(6):
        sign_in(guesser, site.clerk.email, "guess", ELSEWHERE)
    monkeypatch.setattr(User, "verify_and_update_password", lambda *_: pytest.fail("a hash was made"))
    assert sign_in(guesser, site.clerk.email, "guess", ELSEWHERE).status_code == 429


def test_an_attack_on_the_account_does_not_keep_its_owner_out(site: Site) -> None:
    owner = site.client()
    assert sign_in(owner, site.clerk.email, PASSWORD, OFFICE).status_code == 302
    sign_out(owner)
    for _ in range(8):
        sign_in(site.client(), site.clerk.email, "guess", ELSEWHERE)
    assert sign_in(site.client(), site.clerk.email, PASSWORD, ELSEWHERE).status_code == 429
    assert sign_in(owner, site.clerk.email, PASSWORD, "198.51.100.1").status_code == 302, "the browser is known"
    forget_browser(owner)
    assert sign_in(site.client(), site.clerk.email, PASSWORD, OFFICE).status_code == 302, "the address is known"


def test_an_office_behind_one_address_goes_on_working(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits._BY_SORT, "address", limits.Allowance(free=6, first=15, most=900))
    assert sign_in(site.client(), site.clerk.email, PASSWORD, OFFICE).status_code == 302
    infected = site.client()
    answers = [sign_in(infected, f"user{n}@example.test", "guess", OFFICE).status_code for n in range(8)]
    assert answers == [200] * 7 + [429]
    assert sign_in(site.client(), site.admin.email, PASSWORD, OFFICE).status_code == 429, "was never here"
    assert sign_in(site.client(), site.clerk.email, PASSWORD, OFFICE).status_code == 302, "was here before"
    assert sign_in(infected, site.clerk.email, "guess", OFFICE).status_code == 429, "learns no more than a stranger"


def test_a_known_place_has_its_limit_too(site: Site) -> None:
    thief = site.client()
    sign_in(thief, site.clerk.email, PASSWORD, OFFICE)
    sign_out(thief)
    assert [sign_in(thief, site.clerk.email, "guess", OFFICE).status_code for _ in range(12)][-2:] == [200, 429]


def test_a_forged_or_foreign_cookie_makes_no_place_known(site: Site) -> None:
    for _ in range(7):
        sign_in(site.client(), site.clerk.email, "guess", ELSEWHERE)
    colleague = site.client()
    sign_in(colleague, site.nobody.email, PASSWORD, OFFICE)
    sign_out(colleague)
    assert sign_in(colleague, site.clerk.email, PASSWORD, ELSEWHERE).status_code == 429
    forger = site.client()
    forger.set_cookie("cis-place", "eyJhIjoiYiJ9.aaaa.bbbb")
    assert sign_in(forger, site.clerk.email, PASSWORD, ELSEWHERE).status_code == 429


def test_good_sign_ins_do_not_wash_an_address_clean(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits._BY_SORT, "address", limits.Allowance(free=4, first=15, most=900))
    for _ in range(2):
        sign_in(site.client(), "a@example.test", "guess", ELSEWHERE)
        sign_in(site.client(), site.nobody.email, PASSWORD, ELSEWHERE)
    counted = db.session.scalars(select(Attempts).where(Attempts.sort == "address")).one()
    assert counted.failures == 2
    with unit_of_work():
        site.nobody.current_login_ip = site.nobody.last_login_ip = None
    for _ in range(3):
        sign_in(site.client(), "a@example.test", "guess", ELSEWHERE)
    assert sign_in(site.client(), site.nobody.email, PASSWORD, ELSEWHERE).status_code == 429


def sign_in(client: FlaskClient, email: str, password: str, address: str) -> TestResponse:
    sign_out(client)
    page = client.get("/login", environ_base={"REMOTE_ADDR": address})
    fields = {"csrf_token": token_in(page.text), "email": email, "password": password}
    return client.post("/login", data=fields, environ_base={"REMOTE_ADDR": address})


def sign_out(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session.clear()
        session["cis_language"] = "pl"


def forget_browser(client: FlaskClient) -> None:
    client.delete_cookie("cis-place")
