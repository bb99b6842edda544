"""Staff in a member's view and the member's agreement, in a real browser: two people, two windows."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests import axe
from tests.browser.conftest import Place
from tests.worlds import SHARED


def test_staff_enters_asks_and_does_what_the_member_agreed_to(full: Place) -> None:
    site = full.site
    with full.window(site.person("ewa@example.test", "support")) as staffs, full.window(site.clerk) as members:
        staff, member = staffs.new_page(), members.new_page()
        staff.goto(f"{full.url}/members/{site.world.koscian.id}")
        staff.get_by_role("link", name="Wejdź w widok podmiotu").click()
        staff.fill("#reason", "Pani Anna prosi o większą skrzynkę")
        staff.locator("main form.confirm button").click()
        expect(staff.locator(".banner-inside")).to_contain_text("w widoku podmiotu Kościan")
        staff.locator(".banner-inside a").click()
        staff.get_by_role("link", name="Poproś o zgodę na zmianę").click()
        staff.select_option("#action", "quota")
        staff.fill("#mailbox", f"podatki@{SHARED}")
        staff.fill("#quota_mb", "3072")
        staff.press("#quota_mb", "Enter")
        expect(staff.locator("#asked")).to_contain_text("czeka na decyzję podmiotu")

        member.goto(f"{full.url}/history/staff")
        _check(member)
        member.locator("#waiting a", has_text="podatki").click()
        expect(member.locator("main")).to_contain_text("pojemność: 3\u00a0GB")
        member.get_by_role("button", name="Zgadzam się").click()
        expect(member.locator(".notice-info")).to_contain_text("Zgoda udzielona")

        staff.reload()
        _check(staff)
        staff.get_by_role("button", name="Wykonaj teraz").click()
        expect(staff.locator("#asked")).to_contain_text("wykonano")
        member.goto(f"{full.url}/history?search=podatki&kind=mail")
        expect(member.locator(".timeline")).to_contain_text("w imieniu: Kościan")

        member.goto(f"{full.url}/history/staff")
        member.locator(".notice", has_text="ewa").get_by_role("button", name="Zakończ dostęp").click()
        staff.goto(f"{full.url}/mail/mailboxes")
        expect(staff.locator("h1")).to_contain_text("Podgląd się skończył")


def _check(page: Page) -> None:
    """No rule of axe is broken and nothing sticks out, on a desk and on a phone."""
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} sticks out at {width} px"
        assert axe.violations(page) == [], f"{page.url} at {width} px"
