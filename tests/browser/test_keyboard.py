"""Long ways through the pages, by keys alone: nobody touches a mouse, and what is focused is always seen."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import select

from panel.imports.committing import carry_out_imports
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.models import Mailbox
from tests.browser.conftest import Place

FAR = 40
"""More stops than there are before anything on these pages, behind the menu."""


def test_a_table_is_imported_and_its_mailboxes_changed_without_a_mouse(empty: Place, tmp_path: Path) -> None:
    file = tmp_path / "nowe.csv"
    file.write_text("kto;ile\nmiasto-koscian.klawisz;\nmiasto-koscian.tab;\n")
    window = empty.window(empty.site.admin)
    page = window.new_page()
    page.goto(f"{empty.url}/imports/new")
    skip(page)
    to(page, "#kind")
    page.keyboard.press("Home")
    to(page, "#file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(file)
    to(page, "#member_id")
    page.keyboard.type("miasto-koscian")
    press(page, "main form.form button")
    expect(page.locator("h1")).to_contain_text("nowe.csv")
    press(page, "a[href$='/columns']")
    to(page, "#field_address")
    page.keyboard.type("kto")
    to(page, "#field_quota_mb")
    page.keyboard.type("ile")
    press(page, "main form.form button")
    expect(page.locator("tbody")).to_contain_text("miasto-koscian.klawisz")
    press(page, "a[href$='/commit']")
    press(page, "form.confirm button")
    expect(page.locator("h1 .state")).to_have_text("w toku")
    with empty.site.world.app.app_context():
        carry_out_imports(SYSTEM)
    expect(page.locator("h1 .state")).to_have_text("wykonane")
    press(page, "#links button")
    expect(page.locator("main")).to_contain_text("miasto-koscian.tab@info.wokiss.pl")

    page.goto(f"{empty.url}/mail/mailboxes?search=miasto-koscian.tab")
    skip(page)
    to(page, "tbody input[type=checkbox]")
    page.keyboard.press("Space")
    to(page, "#many-action")
    page.keyboard.press("Home")
    press(page, "#many button[value=chosen]")
    press(page, "form.confirm button")
    page.wait_for_url("**/mail/mailboxes?search=miasto-koscian.tab*")
    expect(page.locator("[role=status], .notice").first).to_be_visible()
    with empty.site.world.app.app_context():
        address = Mailbox.address == "miasto-koscian.tab@info.wokiss.pl"
        assert db.session.scalars(select(Mailbox.suspended_at).where(address)).one() is not None
        db.session.rollback()
    window.close()


def to(page: Page, selector: str) -> None:
    """Go to the first thing that fits by the tabulator, and see that it shows that it is there."""
    is_there = "wanted => document.activeElement === document.querySelector(wanted)"
    for _stop in range(FAR):
        if page.evaluate(is_there, selector):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"no key leads to {selector} of {page.url}")
    shown = "getComputedStyle(document.activeElement)"
    assert page.evaluate(f"{shown}.outlineStyle !== 'none' || {shown}.boxShadow !== 'none'"), selector


def press(page: Page, selector: str) -> None:
    """Go there, press it, and wait for the page it leads to."""
    to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    skip(page)


def skip(page: Page) -> None:
    """Leave the menu out, by the first link of every page; where a page begins further down, stay there."""
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.matches('.skip-link')"):
        page.keyboard.press("Enter")
