from __future__ import annotations

from playwright.sync_api import Browser


def test_the_browser_draws_a_page(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<h1>Gmina Kościan</h1>")
    assert page.inner_text("h1") == "Gmina Kościan"
    page.close()
