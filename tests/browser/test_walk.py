"""The whole walk of a mailbox through the pages, in a real browser, over real Postfix and Dovecot."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from panel.cli.running import RunningPanel
from tests.bench.api import Api
from tests.fleet.test_walk import Fleet
from tests.web.test_sign_in import code_now

PASSWORD = "cztery słowa nie do pary"
SOON = 60_000
TABS_MAX = 80


@pytest.fixture(scope="module")
def world(running_panel: RunningPanel) -> Iterator[Fleet]:
    """What the world sees of the running panel's mail node."""
    with closing(Api(running_panel.facts["panel_url"], running_panel.facts["api_token"])) as api:
        yield Fleet(running_panel, api, "", running_panel.facts["nodes"][0]["ip"])


@pytest.fixture(scope="module")
def staff(running_panel: RunningPanel, chromium: Browser) -> Iterator[BrowserContext]:
    """A window in which the administrator signed in by the pages, with password and second factor."""
    window = chromium.new_context(locale="pl", viewport={"width": 1280, "height": 900})
    sign_in(window.new_page(), running_panel)
    yield window
    window.close()


def test_a_mailbox_from_the_form_to_the_first_mail(
    running_panel: RunningPanel, chromium: Browser, staff: BrowserContext, world: Fleet
) -> None:
    page = staff.new_page()
    address, link = create_by_keyboard(page, running_panel, "walk")
    press(page, "main .form-actions a.btn-primary")
    see_state(page, "działa")
    expect(page.locator(".facts")).to_contain_text("prawdziwa wiadomość dotarła")
    expect(page.locator("main")).to_contain_text("Link został przekazany")
    assert world.rcpt(address) == 250

    with visitor(chromium) as holder:
        set_password(holder, link)
        expect(holder.locator("main")).to_contain_text("Twoja skrzynka działa", timeout=SOON)
        holder.goto(link)
        expect(holder.locator("h1")).to_have_text("Ten link nie działa")
    assert arrives(world, address, address)

    page.reload()
    act(page, "Zmień adres")
    page.fill("#address", "nowa." + address.partition("@")[0])
    page.press("#address", "Enter")
    see_state(page, "działa")
    renamed = page.locator("h1 .page-title").inner_text()
    assert renamed == f"nowa.{address}"
    expect(page.locator("#aliases")).to_contain_text(address)
    expect(page.locator("#aliases")).to_contain_text("działa", timeout=SOON)
    assert arrives(world, address, renamed), "mail to the old address still comes"

    act(page, "Zawieś")
    confirm(page)
    see_state(page, "zawieszone")
    assert world.refused(renamed, PASSWORD)
    assert world.rcpt(renamed) == 250
    act(page, "Wznów")
    confirm(page)
    see_state(page, "działa")

    act(page, "Usuń skrzynkę")
    expect(page.locator("main")).to_contain_text("do tego czasu skrzynkę można przywrócić")
    confirm(page)
    see_state(page, "usunięte")
    assert world.rcpt(renamed) == 550
    page.click("main .page-actions a")
    confirm(page)
    see_state(page, "działa")
    with world.signed_in(renamed, PASSWORD) as session:
        assert session.search(None, "ALL")[1][0].split(), "the mail it had is there"
    expect(page.locator("#timeline")).to_contain_text("Zlecono usunięcie")
    page.close()


def test_the_pages_follow_without_scripts(running_panel: RunningPanel, chromium: Browser) -> None:
    window = chromium.new_context(locale="pl", java_script_enabled=False)
    page = window.new_page()
    sign_in(page, running_panel)
    _, link = create(page, running_panel, "noscript")
    page.click("main .form-actions a.btn-primary")
    see_state(page, "działa")
    set_password(page, link)
    expect(page.locator("main")).to_contain_text("Twoja skrzynka działa", timeout=SOON)
    window.close()


def test_a_change_shows_its_progress_without_reloading(staff: BrowserContext, running_panel: RunningPanel) -> None:
    page = staff.new_page()
    create(page, running_panel, "live")
    page.click("main .form-actions a.btn-primary")
    see_state(page, "działa")
    act(page, "Zmień pojemność")
    page.fill("#quota_mb", "300")
    page.press("#quota_mb", "Enter")
    page.wait_for_selector(".facts")
    page.evaluate("window.sameDocument = true")
    expect(page.locator(".facts .fact").first).to_contain_text("300")
    see_state(page, "działa")
    assert page.evaluate("window.sameDocument") is True
    expect(page.locator("[data-live-pending]")).to_have_count(0)
    page.close()


def sign_in(page: Page, panel: RunningPanel) -> None:
    page.goto(panel.facts["panel_url"])
    page.fill("#email", panel.facts["admin_email"])
    page.fill("#password", panel.facts["admin_password"])
    page.press("#password", "Enter")
    page.wait_for_selector("#code")
    page.fill("#code", code_now(panel.facts["admin_totp"]))
    page.press("#code", "Enter")
    page.wait_for_selector("body.signed-in")


def create(page: Page, panel: RunningPanel, name: str) -> tuple[str, str]:
    """Ask for a mailbox of Kościan's; return its address and the link that is shown once."""
    page.goto(panel.facts["panel_url"] + "/members/choose/mailbox?search=miasto-koscian")
    page.click("main .choice")
    page.fill("#address", name)
    page.fill("#quota_mb", "200")
    page.press("#quota_mb", "Enter")
    return shown(page, name)


def create_by_keyboard(page: Page, panel: RunningPanel, name: str) -> tuple[str, str]:
    """The same with nothing but keys, from the list of mailboxes on."""
    page.goto(panel.facts["panel_url"] + "/mail/mailboxes")
    press(page, "main .page-actions a.btn-primary")
    tab_to(page, "#list-search")
    page.keyboard.type("miasto-koscian")
    page.keyboard.press("Enter")
    page.wait_for_url("**search=miasto-koscian*")
    press(page, "main .choice")
    tab_to(page, "#address")
    page.keyboard.type(name)
    tab_to(page, "#quota_mb")
    page.keyboard.press("Control+A")
    page.keyboard.type("500")
    tab_to(page, "main form .btn-primary")
    page.keyboard.press("Space")
    return shown(page, name)


def shown(page: Page, name: str) -> tuple[str, str]:
    link = page.locator("#activation-link")
    expect(link).to_be_visible(timeout=SOON)
    found = re.search(rf"{name}@\S+", page.locator("h1").inner_text())
    assert found is not None
    return found.group(), link.inner_text()


def press(page: Page, selector: str) -> None:
    """Go to a link by Tab and follow it by Enter."""
    tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the first element that fits has the focus, and it can be seen that it has."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement === document.querySelector(selector)", selector):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"no visible focus on {selector}"
            return
    pytest.fail(f"{selector} cannot be reached by Tab")


def set_password(page: Page, link: str) -> None:
    page.goto(link)
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.press("#again", "Enter")


def act(page: Page, label: str) -> None:
    page.locator("#actions a", has_text=label).click()


def confirm(page: Page) -> None:
    page.locator("main form.confirm button").click()


def see_state(page: Page, word: str) -> None:
    expect(page.locator(".page-header .state")).to_contain_text(word, timeout=SOON)


def arrives(world: Fleet, address: str, reader: str) -> bool:
    """Whether a stranger's message to ``address`` is soon in the INBOX of ``reader``."""
    world.send(address, "walk")
    with world.signed_in(reader, PASSWORD) as session:
        end = time.monotonic() + SOON / 1000
        while time.monotonic() < end:
            session.noop()
            found = session.search(None, "TO", address)[1][0]
            if found:
                return True
            time.sleep(0.05)
    return False


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    window = browser.new_context(locale="pl")
    yield window.new_page()
    window.close()
