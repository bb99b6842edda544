"""Long ways through the pages, by keys alone: nobody touches a mouse, and what is focused is always seen."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import select

from panel.imports.committing import carry_out_imports
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.models import Mailbox
from tests import axe
from tests.browser.conftest import Place
from tests.dns.worlds import name_servers

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


def test_a_zone_is_made_mended_put_back_and_changed_with_others_without_a_mouse(empty: Place) -> None:
    with empty.site.world.app.app_context():
        name_servers(empty.site.world)
    window = empty.window(empty.site.admin)
    page = window.new_page()
    page.goto(f"{empty.url}/dns/zones/new")
    skip(page)
    to(page, "#name")
    page.keyboard.type("klawisz.pl")
    to(page, "#member_id")
    page.keyboard.type("miasto-koscian")
    press(page, "main form.form .form-actions button")
    expect(page.locator("h1")).to_contain_text("klawisz.pl")
    _add(page, "A", "www", "192.0.2.10")
    _save(page)
    _add(page, "CNAME", "www", "klawisz.pl.")
    expect(page.locator(".notice-danger .remarks")).to_be_visible()
    expect(page.locator("main button[value=save]")).to_have_count(0)
    press(page, "main button[value=again]")
    to(page, "#name")
    page.keyboard.press("Control+a")
    page.keyboard.type("ftp")
    press(page, "main .form-actions button[value=preview]")
    _save(page)
    expect(page.locator("#records + * + [data-list] tbody")).to_contain_text("ftp")
    press(page, "main a[href$='/versions']")
    press(page, "main a[href$='/versions/1/revert']")
    _save(page)
    expect(page.locator("main")).not_to_contain_text("192.0.2.10")

    page.goto(f"{empty.url}/dns/zones?search=klawisz")
    skip(page)
    to(page, "tbody input[type=checkbox]")
    page.keyboard.press("Space")
    to(page, "#many-action")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    press(page, "#many button[value=chosen]")
    to(page, "#ttl")
    page.keyboard.press("Control+a")
    page.keyboard.type("600")
    press(page, "main .form-actions button[value=plan]")
    assert axe.violations(page) == []
    press(page, "form.confirm button")
    expect(page.locator("[role=status], .notice").first).to_be_visible()
    window.close()


def _add(page: Page, type_: str, name: str, value: str) -> None:
    """From the zone's page to the difference that one new record makes."""
    press(page, "main a[href$='/records/new']")
    press(page, f"main a.choice[href$='type={type_}']")
    to(page, "#name")
    page.keyboard.type(name)
    to(page, "[id='values.0'] input")
    page.keyboard.type(value)
    press(page, "main .form-actions button[value=preview]")


def _save(page: Page) -> None:
    """Save what is shown, and come to the zone's page."""
    press(page, "main .form-actions button[value=save]")
    expect(page.locator("#records")).to_be_visible()


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
