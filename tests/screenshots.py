"""The pictures of the documentation, taken from a real running panel: ``python -m tests.screenshots`` (root)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from panel.cli.running import RunningPanel
from provisioning.lab.fleet import DEFAULT_FLEET, NAME_SERVERS
from tests.browser.test_walk import act, create, see_state, sign_in
from tests.checks.files import ROOT
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.panels import fresh_panel

FOLDER = ROOT / "docs" / "images"
DESK: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 360, "height": 780}


def main() -> None:
    """Start a panel, make a mailbox and a zone, change them, and take the pictures that the documentation shows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with fresh_panel("pictures", fleet=(*DEFAULT_FLEET, *NAME_SERVERS)) as panel, _browser() as browser:
        page = browser.new_page(locale="pl", viewport=DESK, color_scheme="light")
        sign_in(page, panel)
        mailbox = _lived_in_mailbox(page, panel)
        _take(page, "mailbox.png")
        page.goto(panel.facts["panel_url"])
        _take(page, "dashboard.png")
        page.set_viewport_size(PHONE)
        page.goto(mailbox)
        _take(page, "mailbox-phone.png")
        page.set_viewport_size(DESK)
        _lived_in_zone(page, panel)
        _take(page, "zone.png")


def _lived_in_mailbox(page: Page, panel: RunningPanel) -> str:
    """Make a mailbox that has a short history, and return its page's address."""
    create(page, panel, "sekretariat")
    page.click("main .form-actions a.btn-primary")
    see_state(page, "działa")
    act(page, "Zmień pojemność")
    page.fill("#quota_mb", "4096")
    page.press("#quota_mb", "Enter")
    see_state(page, "działa")
    return page.url


def _lived_in_zone(page: Page, panel: RunningPanel) -> None:
    """Make a zone, change a record of it, and show its page once all name servers answer the change."""
    page.goto(panel.facts["panel_url"] + "/dns/zones/new")
    page.fill("#name", "gmina-koscian.example")
    page.fill("#member_id", "miasto-koscian")
    page.check("input[name=template][value=virtual-server]")
    page.fill("#address", "192.0.2.80")
    page.press("#address", "Enter")
    see_state(page, "działa")
    zone = page.url
    page.goto(f"{zone}/records/edit?type=MX")
    page.fill("#name", "@")
    for place, text in enumerate(("10", "mail.example.org.")):
        page.locator("[id='values.0'] input").nth(place).fill(text)
    page.press("#ttl", "Enter")
    if page.locator("#accept_warnings").count():
        page.check("#accept_warnings")
    page.fill("#comment", "nowy serwer poczty")
    page.press("#comment", "Enter")
    see_state(page, "działa")


def _take(page: Page, name: str) -> None:
    path: Path = FOLDER / name
    page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB\n")


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS, "--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
