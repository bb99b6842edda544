"""The main journeys of people, by keys alone; most of them by ``make test-long`` (``CIS_KEYS=all``)."""

from __future__ import annotations

import os
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from panel.contracts.catalogue import ensure_catalogue
from panel.contracts.entitlements import today
from panel.contracts.orders import Order
from panel.identity.handing_over import HandOver
from panel.identity.invitations import Invitation
from panel.identity.models import User
from panel.identity.step_ins import StepIn
from panel.kernel.db import db
from tests.browser.conftest import Place
from tests.browser.test_keyboard import press, skip, to
from tests.web.site import PASSWORD
from tests.web.test_sign_in import code_now

STOPS_MOST = 120


def test_somebody_signs_in_by_a_second_factor_and_approves_an_order_without_a_mouse(empty: Place) -> None:
    ensure_catalogue()
    db.session.commit()
    with empty.window(None) as staffs, empty.window(empty.site.clerk) as members:
        staff = staffs.new_page()
        _sign_in(empty, staff)
        _order(members.new_page(), f"{empty.url}/orders/new?member={empty.site.world.koscian.id}")
        _approve(staff, f"{empty.url}/needs?kind=order")
    db.session.rollback()  # what others committed is seen from the next transaction on
    assert db.session.scalars(select(Order.state)).one() == "live"


if os.environ.get("CIS_KEYS") == "all":

    def test_people_invite_enter_a_view_hand_over_and_erase_without_a_mouse(empty: Place) -> None:
        member = f"{empty.url}/members/{empty.site.world.koscian.id}"
        with empty.window(empty.site.admin) as staffs, empty.window(empty.site.clerk) as members:
            staff, clerk = staffs.new_page(), members.new_page()
            _invite(clerk, f"{empty.url}/invitations/new")
            _step_in(staff, member)
            _hand_over(clerk, member)
            _erase(staff, f"{empty.url}/users/{empty.site.nobody.id}")
        db.session.rollback()  # what others committed is seen from the next transaction on
        assert db.session.scalars(select(StepIn.ended_by)).one() == "staff"
        assert set(db.session.scalars(select(Invitation.email))) == {"nowy@example.test", "nastepca@example.test"}
        assert db.session.scalars(select(HandOver.user_id)).one() == empty.site.clerk.id
        assert db.session.get_one(User, empty.site.nobody.id).name == ""

    @pytest.mark.parametrize(
        "path", ["/login", "/orders/new?member={}", "/members/{}", "/records/people/erase", "/needs"]
    )
    def test_every_stop_shows_itself_and_none_holds_one_back(empty: Place, path: str) -> None:
        with empty.window(None if path == "/login" else empty.site.admin) as window:
            page = window.new_page()
            page.goto(empty.url + path.format(empty.site.world.koscian.id))
            _walk_through(page)


def _sign_in(empty: Place, page: Page) -> None:
    page.goto(f"{empty.url}/login")
    to(page, "#email")
    page.keyboard.type(empty.site.admin.email)
    to(page, "#password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/code*")
    to(page, "#code")
    page.keyboard.type(code_now(empty.site.totp.base32))
    page.keyboard.press("Enter")
    page.wait_for_selector(".signed-in")


def _invite(page: Page, url: str) -> None:
    page.goto(url)
    skip(page)
    to(page, "#email")
    page.keyboard.type("nowy@example.test")
    press(page, "main form.form .form-actions button")
    expect(page.locator("main")).to_contain_text("nowy@example.test")


def _order(page: Page, url: str) -> None:
    page.goto(url)
    skip(page)
    to(page, "[name='items.0.service']")
    page.keyboard.press("End")
    to(page, "[name='items.0.quantity']")
    page.keyboard.type("5")
    press(page, "main form.form .form-actions button")
    press(page, "form.confirm button[name=confirmed]")
    expect(page.locator("[aria-current=step]")).to_be_visible()


def _approve(page: Page, url: str) -> None:
    _open(page, url, "main a[href*='/orders/']")
    press(page, "main a[href$='/approve']")
    to(page, "#number")
    page.keyboard.type("Umowa 7")
    _type_day(page, "#effective_on", today())
    press(page, "main form.form .form-actions button")
    expect(page.locator("main")).to_contain_text("Umowa 7")


def _step_in(page: Page, url: str) -> None:
    _open(page, url, "main a[href*='/stepping-in/']")
    to(page, "#reason")
    page.keyboard.type("Pani Anna prosi o pomoc ze skrzynką")
    press(page, "form.confirm button")
    expect(page.locator(".banner-inside")).to_be_visible()
    press(page, ".banner-inside button")
    expect(page.locator(".banner-inside")).to_have_count(0)


def _hand_over(page: Page, url: str) -> None:
    _open(page, url, "main a[href$='/hand-over']")
    to(page, "#email")
    page.keyboard.type("nastepca@example.test")
    _type_day(page, "#ends_on", today() + timedelta(days=7))
    press(page, "form.confirm button")
    expect(page.locator("main")).to_contain_text("nastepca@example.test")


def _erase(page: Page, url: str) -> None:
    _open(page, url, "main a[href$='/erase']")
    to(page, "#reason")
    page.keyboard.type("Wniosek z 3 listopada")
    press(page, "form.confirm button")
    expect(page.locator("main")).to_contain_text("Dane osoby usunięte")


def _open(page: Page, url: str, link: str) -> None:
    """Go to a page and from there by a link of its own."""
    page.goto(url)
    skip(page)
    press(page, link)


def _type_day(page: Page, selector: str, day: date) -> None:
    """Type a day as the browser's own parts of a date ask for it: by the language of the browser."""
    to(page, selector)
    for order in ("%d%m%Y", "%m%d%Y"):
        page.keyboard.type(day.strftime(order))
        if page.input_value(selector) == day.isoformat():
            return
        for _part in range(3):
            page.keyboard.press("ArrowLeft")
    raise AssertionError(f"{day} cannot be typed into {selector}")


def _walk_through(page: Page) -> None:
    """Every stop shows that it is there, none holds one back, and they come in the order of the page."""
    page.evaluate("window.stops = []")
    for _stop in range(STOPS_MOST):
        page.keyboard.press("Tab")
        if page.evaluate(_NOTE_STOP):
            break
    else:
        raise AssertionError(f"the keys do not come out of {page.url}")
    assert page.evaluate("window.stops.length") > 3
    assert page.evaluate(_FAULTS) == [], page.url


_NOTE_STOP = """() => {
  const here = document.activeElement;
  if (here === document.body || window.stops.includes(here)) return true;
  window.stops.push(here);
  return false;
}"""
_FAULTS = """() => {
  const faults = [];
  window.stops.forEach((here, place) => {
    const before = window.stops[place - 1], look = here.getBoundingClientRect();
    if (before && !(before.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING))
      faults.push(`${here.outerHTML.slice(0, 80)} comes too late`);
    if (!look.width || !look.height) faults.push(`${here.outerHTML.slice(0, 80)} is not seen`);
  });
  const meant = [...document.querySelectorAll('main a[href], main button, main input:not([type=hidden]), main select')]
    .filter(one => !one.disabled && one.tabIndex >= 0 && one.checkVisibility());
  return faults.concat(meant.filter(one => !window.stops.includes(one)).map(one => one.outerHTML.slice(0, 80)));
}"""
