from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from tests.axe import violations
from tests.nodes import EnrolledNode, free_lab_name


def test_the_browser_draws_a_page(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<h1>Gmina Kościan</h1>")
    assert page.inner_text("h1") == "Gmina Kościan"
    page.close()


def test_the_mail_node_answers_through_its_agent(mail1: EnrolledNode) -> None:
    reply = mail1.session().request({"op": "hello"}, timeout=10)
    assert reply["ok"]
    assert "mail" in reply["roles"]


def test_two_runs_of_the_tests_hold_two_labs(tmp_path: Path) -> None:
    with free_lab_name(tmp_path) as one, free_lab_name(tmp_path) as other:
        assert (one, other) == ("test", "test-2")
    with free_lab_name(tmp_path) as again:
        assert again == "test"


def test_axe_finds_what_is_hard_to_reach(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content('<html lang="pl"><title>x</title><main><h1>x</h1><input></main></html>')
    assert any(line.startswith("label") for line in violations(page))
    page.set_content('<html lang="pl"><title>x</title><main><h1>x</h1><label>y <input></label></main></html>')
    assert violations(page) == []
    page.close()
