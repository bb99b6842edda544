"""Passkeys in a real browser, with the authenticator that Chromium plays itself."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import CDPSession, Page, expect
from sqlalchemy import select, update

from panel.identity.passkeys import Passkey
from panel.identity.sessions import UserSession
from panel.kernel.db import database_now, db, unit_of_work
from tests import axe
from tests.browser.conftest import Place
from tests.web.site import PASSWORD

DEVICE = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
          "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip


def test_a_passkey_from_making_it_to_signing_in_with_nothing_else(empty: Place) -> None:
    window = empty.window(empty.site.clerk)
    page = window.new_page()
    devtools = window.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    page.goto(empty.url + "/account/passkeys/new")
    assert axe.violations(page) == []
    page.fill("#name", "Komputer w biurze")
    page.press("#name", "Enter")
    expect(page.locator("h1")).to_have_text("Kody zapasowe")
    page.goto(empty.url + "/account")
    expect(page.locator("#second-factor")).to_contain_text("Komputer w biurze")
    page.goto(empty.url + "/account/passkeys/new")
    page.fill("#name", "Jeszcze raz")
    page.press("#name", "Enter")
    expect(page.locator("[data-passkey-problem]")).to_contain_text("jest tu już ustawiony")

    _sign_out(page, empty)
    _type_password(page, empty)
    page.wait_for_url("**/login/code")
    assert axe.violations(page) == []
    page.get_by_role("button", name="Użyj klucza dostępu").press("Enter")
    page.wait_for_selector("body.signed-in")

    _sign_out(page, empty)
    page.goto(empty.url + "/login?next=/account")
    page.get_by_role("button", name="Zaloguj się kluczem dostępu").press("Enter")
    page.wait_for_selector("#sessions")
    db.session.rollback()
    assert db.session.scalars(select(UserSession.factors).order_by(UserSession.id.desc())).first() == ["passkey"]

    with unit_of_work():
        db.session.execute(update(UserSession).values(factor_at=database_now(-3600), proven_at=database_now(-3600)))
    page.goto(empty.url + "/account/recovery-codes")
    page.wait_for_url(re.compile("/account/confirm"))
    page.get_by_role("button", name="Użyj klucza dostępu").press("Enter")
    expect(page.locator("h1")).to_have_text("Kody zapasowe")

    _sign_out(page, empty)
    _turn_counter_back(devtools, device)
    page.goto(empty.url + "/login")
    page.get_by_role("button", name="Zaloguj się kluczem dostępu").press("Enter")
    expect(page.locator(".flashes")).to_contain_text("nie został przyjęty")
    window.close()


def test_another_origin_gets_nothing_from_a_passkey(empty: Place) -> None:
    window = empty.window(None)
    page = window.new_page()
    devtools = window.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    page.goto(empty.url.replace("localhost", "127.0.0.1") + "/login")
    page.get_by_role("button", name="Zaloguj się kluczem dostępu").press("Enter")
    expect(page.locator("[data-passkey-problem]")).to_contain_text("nie odpowiedział")
    window.close()


def _turn_counter_back(devtools: CDPSession, device: str) -> None:
    """Put the device's key back as a copy made before it was used would be."""
    known: dict[str, Any] = devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"][0]
    db.session.rollback()
    assert db.session.scalars(select(Passkey.sign_count)).one() > 1
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": device})
    copy = {"authenticatorId": device, "credential": known | {"signCount": 0}}
    devtools.send("WebAuthn.addCredential", copy)


def _sign_out(page: Page, place: Place) -> None:
    page.goto(place.url + "/account")
    page.locator(".menu-person summary").click()
    page.get_by_role("button", name="Wyloguj się").click()
    page.wait_for_url("**/login")


def _type_password(page: Page, place: Place) -> None:
    page.fill("#email", place.site.clerk.email)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
