"""Pages that only a form leads to, as axe-core sees them: links shown once, questions, rows, two people at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from panel.contracts.models import Contract
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kernel.i18n import LANGUAGES
from panel.mail.models import Mailbox
from panel.members.actions import update_member
from tests import axe
from tests.browser.conftest import Place

WIDTHS = (1280, 360, 320)


@pytest.fixture(params=LANGUAGES)
def page(full: Place, request: pytest.FixtureRequest) -> Iterator[Page]:
    window = full.window(full.site.admin, language=request.param)
    yield window.new_page()
    window.close()


def test_a_link_shown_once_and_what_its_holder_sees(full: Place, page: Page) -> None:
    page.goto(f"{full.url}/mail/mailboxes/{mailbox('sekretariat').id}/link")
    page.click("main form button")
    page.wait_for_selector("#activation-link")
    check(page)
    token = re.search(r"/activate/\S+", page.locator("#activation-link").inner_text())
    assert token is not None
    page.goto(full.url + token.group())
    page.fill("#password", "cztery słowa nie do pary")
    page.fill("#again", "cztery słowa nie do pary")
    page.press("#again", "Enter")
    page.wait_for_selector("#settings")
    check(page)
    page.goto(full.url + token.group())
    check(page)


def test_what_will_happen_to_a_contract(full: Place, page: Page) -> None:
    own = f"{full.url}/contracts/{contract().id}"
    page.goto(f"{own}/suspend")
    page.fill("#reason", "Zaległość")
    page.press("#reason", "Enter")
    page.wait_for_selector(".plan")
    check(page)
    page.goto(f"{own}/end")
    page.locator("main form .btn-primary").click()
    page.wait_for_selector(".plan")
    check(page)


def test_rows_of_services_with_one_more_and_with_errors(full: Place, page: Page) -> None:
    page.goto(f"{full.url}/contracts/new?member={full.site.world.koscian.id}")
    page.fill("[id='items.1.quantity']", "x")
    page.click("[name=add_row]")
    page.wait_for_selector("[id='items.3']")
    check(page)
    page.press("#number", "Enter")
    page.wait_for_selector("#error-summary")
    check(page)
    page.click("#error-summary a >> nth=0")
    assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true", (
        "links of the summary lead there"
    )


def test_a_form_that_somebody_else_was_quicker_with(full: Place, page: Page) -> None:
    page.goto(f"{full.url}/members/{full.site.world.koscian.id}/edit")
    update_member(SYSTEM, full.site.world.koscian.id, address=f"Rynek {page.url[-1]}{id(page)}")
    db.session.commit()
    page.press("#name", "Enter")
    page.wait_for_selector("#error-summary")
    check(page)


def test_a_mailbox_in_each_of_its_states(full: Place, page: Page) -> None:
    for local in ("sekretariat", "wojt", "kasa", "usc", "promocja.i.rozwoj.gospodarczy", "rada", "podatki"):
        page.goto(f"{full.url}/mail/mailboxes/{mailbox(local).id}")
        check(page)


def check(page: Page) -> None:
    """No rule of axe is broken and nothing sticks out, from a desk down to the narrowest phone."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} sticks out at {width} px"
        assert axe.violations(page) == [], f"{page.url} at {width} px"


def mailbox(local: str) -> Mailbox:
    db.session.rollback()
    return db.session.scalars(select(Mailbox).where(Mailbox.address.startswith(f"{local}@"))).one()


def contract() -> Contract:
    return db.session.scalars(select(Contract).where(Contract.number == "CIS/2025/7")).one()
