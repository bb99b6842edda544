"""Pages for people who are not in yet, as a stranger's browser shows them: invited, or without their password."""

from __future__ import annotations

from sqlalchemy import select

from panel.identity.invitations import Invitation
from panel.identity.resets import PasswordReset, ask_for_reset
from panel.kernel.db import db
from panel.kernel.links import link_token
from tests import axe
from tests.browser.conftest import Place

NEW = "cztery słowa nie do pary"


def test_a_newcomer_joins_by_keyboard_and_a_forgetful_one_sets_a_password(full: Place) -> None:
    settings = full.site.world.app.config["CIS"]
    row = db.session.scalars(select(Invitation).order_by(Invitation.id)).first()
    assert row is not None
    ask_for_reset(full.site.clerk.email, address=None)
    reset = db.session.scalars(select(PasswordReset.id).where(PasswordReset.voided_at.is_(None))).one()
    window = full.window(None)
    page = window.new_page()
    paths = ("/login", "/reset", f"/reset/{link_token(settings, 'reset', reset)}", "/reset/x", "/invitations/x",
             "/outside/callback", f"/invitations/{link_token(settings, 'invitation', row.link_id)}")  # fmt: skip
    for path in paths:
        page.goto(full.url + path)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert axe.violations(page) == [], f"{path} at {width} px"
    page.focus("#name")
    for text in ("Żaneta Gżegżółka", NEW, NEW):
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    assert page.locator(".flash, .notice, [role=status]").count() > 0
    page.fill("#email", row.email)
    page.fill("#password", NEW)
    page.press("#password", "Enter")
    page.wait_for_selector(".signed-in")
    window.close()
