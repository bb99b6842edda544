"""What scripts add, and that everything works without them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from panel.kernel.db import db, unit_of_work
from panel.ledger.jobs import Job
from tests.browser.conftest import Place
from tests.web.site import PASSWORD
from tests.web.test_sign_in import code_now


def test_a_slash_goes_to_the_search_box(full: Place) -> None:
    window = full.window(full.site.admin)
    page = _open(window.new_page(), full.url + "/")
    page.keyboard.press("/")
    page.keyboard.type("sekretariat")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?search=sekretariat")
    expect(page.locator(".hit")).to_contain_text("sekretariat@info.wokiss.pl")
    window.close()


def test_a_running_job_is_followed_without_loading_the_page_anew(full: Place) -> None:
    window = full.window(full.site.admin)
    job_id = _set_state(full, "running", "running")
    page = _open(window.new_page(), f"{full.url}/jobs/{job_id}")
    page.evaluate("window.untouched = true")
    expect(page.locator("h1 .state")).to_have_text("w toku")
    _set_state(full, "running", "done")
    expect(page.locator("h1 .state")).to_have_text("wykonane")
    expect(page.locator("[data-live-pending]")).to_have_count(0)
    assert page.evaluate("window.untouched") is True
    _set_state(full, "done", "running", job_id=job_id)
    window.close()


def test_without_scripts_a_running_job_is_followed_too(full: Place) -> None:
    window = full.browser.new_context(java_script_enabled=False)
    cookie = full.site.client(full.site.admin).get_cookie("cis_session")
    assert cookie is not None
    window.add_cookies([{"name": "cis_session", "value": cookie.value, "url": full.url}])
    job_id = _set_state(full, "running", "running")
    page = _open(window.new_page(), f"{full.url}/jobs/{job_id}")
    _set_state(full, "running", "done", job_id=job_id)
    expect(page.locator("h1 .state")).to_have_text("wykonane")
    _set_state(full, "done", "running", job_id=job_id)
    window.close()


def test_lists_search_as_one_types_and_keep_the_address(full: Place) -> None:
    window = full.window(full.site.admin)
    page = _open(window.new_page(), full.url + "/mail/mailboxes")
    page.fill("#list-search", "sekret")
    expect(page.locator("[data-list] tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("search=sekret"))
    page.fill("#list-search", "")
    expect(page.locator("[data-list] tbody tr")).to_have_count(50)
    window.close()


def test_everything_from_signing_in_to_searching_works_without_scripts(full: Place) -> None:
    window = full.browser.new_context(java_script_enabled=False, locale="pl")
    page = _open(window.new_page(), full.url + "/jobs")
    page.fill("#email", full.site.admin.email)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.fill("#code", code_now(full.site.totp.base32))
    page.press("#code", "Enter")
    page.wait_for_url("**/jobs")
    page.fill("#search-everywhere", "koscian")
    page.press("#search-everywhere", "Enter")
    expect(page.locator("main [data-list]")).to_contain_text("koscian")
    page.goto(full.url + "/mail/mailboxes")
    page.fill("#list-search", "sekret")
    page.press("#list-search", "Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator(".menu-person summary").click()
    page.get_by_role("button", name="Wyloguj się").click()
    page.wait_for_url("**/login")
    window.close()


def test_the_keyboard_reaches_content_first_and_focus_is_seen(full: Place) -> None:
    window = full.window(full.site.admin)
    page = _open(window.new_page(), full.url + "/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    assert page.locator(".skip-link").evaluate("link => link.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    window.close()


def test_a_page_stays_whole_at_320_pixels_and_at_twice_the_size(full: Place) -> None:
    for width, zoom in ((320, 1), (640, 2)):
        window = full.browser.new_context(viewport={"width": width // zoom, "height": 700}, device_scale_factor=zoom)
        cookie = full.site.client(full.site.admin).get_cookie("cis_session")
        assert cookie is not None
        window.add_cookies([{"name": "cis_session", "value": cookie.value, "url": full.url}])
        page = window.new_page()
        for path in (
            "/",
            "/jobs",
            "/nodes",
            "/events",
            "/search?search=k",
            "/mail/mailboxes",
            "/members/",
            "/contracts/",
        ):
            page.goto(full.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width // zoom, path
        window.close()


def test_what_can_be_pressed_is_large_enough(full: Place) -> None:
    window = full.window(full.site.admin, width=360)
    for path in ("/", "/jobs", "/mail/mailboxes", "/account"):
        page = _open(window.new_page(), full.url + path)
        small = page.evaluate(
            """() => [...document.querySelectorAll(
              "button, summary, nav a, .btn, .chip, .sort, input:not([type=hidden])")]
            .filter(item => item.checkVisibility())
            .map(item => [item.outerHTML.slice(0, 80), item.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0 && (box.height < 24 || box.width < 24))
            .map(([html]) => html)"""
        )
        assert small == [], path
    window.close()


def _open(page: Page, url: str) -> Page:
    page.goto(url)
    return page


def _set_state(place: Place, was: str, state: str, *, job_id: object = None) -> object:
    """Set the state of one job, and tell its id."""
    with place.site.world.app.app_context():
        found = job_id or db.session.scalars(select(Job.id).where(Job.state == was).order_by(Job.id.desc())).first()
        with unit_of_work():
            db.session.execute(update(Job).where(Job.id == found).values(state=state))
    return found
