"""The page that describes the API: accessible, and able to try what it describes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.api.program import Program, small_program
from tests.axe import violations
from tests.web.site import Quiet

OPEN_ALL = "document.querySelectorAll('details').forEach(part => { part.open = true; })"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with small_program(tmp_path_factory.mktemp("docs")) as program:
        yield program


@pytest.fixture(scope="module")
def address(program: Program) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, program.world.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}/api/v1/docs"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_accessible_folded_and_unfolded(chromium: Browser, address: str, width: int, scheme: str) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(address)
    assert violations(page) == []
    page.evaluate(OPEN_ALL)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert refused == []
    page.close()


def test_an_operation_is_tried_from_the_page(chromium: Browser, program: Program, address: str) -> None:
    page = chromium.new_page()
    page.goto(address)
    page.get_by_label("Token to try it with").fill(program.tokens["admin"])
    page.locator("#create_mailbox > summary").click()
    form = page.locator("#create_mailbox form")
    form.locator("textarea").fill(f'{{"member_id": "{program.world.koscian.id}", "address": "strona@info.wokiss.pl"}}')
    form.get_by_role("button", name="Send").click()
    form.locator("pre").wait_for()
    assert form.locator(".api-answer p").inner_text() == "202 ACCEPTED"
    assert "strona@info.wokiss.pl" in form.locator("pre").inner_text()
    page.close()


def test_the_page_can_be_read_without_script(chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator("#create_mailbox > summary").click()
    assert "activation link" in page.locator("#create_mailbox").inner_text()
    assert not page.locator("#create_mailbox button").is_visible()
    context.close()


def test_a_link_to_an_error_leads_to_the_page(program: Program) -> None:
    answer = program.send("GET", "/nothing")
    assert Path(answer.json["type"].partition("#")[0]) == Path("/api/v1/docs")
