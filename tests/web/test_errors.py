"""Errors as pages: in the reader's language, with the right status, and never more broken than what broke."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, abort
from sqlalchemy.exc import OperationalError

from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, OverLimit, PanelError
from panel.kernel.i18n import LANGUAGES
from panel.web.session import public
from tests.web.site import Site, small_site

STATUSES = (400, 403, 404, 405, 413, 429, 500)


@pytest.fixture
def broken_site(tmp_path: Path) -> Iterator[Site]:
    with small_site(tmp_path) as site:
        _add_broken_pages(site.world.app)
        yield site


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_page_in_both_languages(broken_site: Site, status: int, language: str) -> None:
    answer = broken_site.client(language=language).get(f"/broken/{status}")
    assert answer.status_code == status
    assert f'<html lang="{language}">' in answer.text
    assert f">{status}</p>" in answer.text


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (NotFound("not_found"), 404, "Nie ma takiej strony"),
        (NotAllowed("not_allowed", permission="jobs:write"), 403, "ponawianie i wycofywanie zadań"),
        (Invalid("required", field="name"), 422, "Wypełnij to pole"),
        (Conflict("stale"), 409, "Ktoś zmienił to w międzyczasie"),
        (OverLimit("over_limit", kind="mailboxes", granted=1, used=1, wanted=1), 409, "Umowy dają „Skrzynki”: 1"),
    ],
)
def test_the_panels_errors_become_pages(broken_site: Site, error: PanelError, status: int, words: str) -> None:
    broken_site.world.app.view_functions["raise_it"] = public(lambda: _raise(error))
    answer = broken_site.client().get("/broken/raise")
    assert answer.status_code == status
    assert words in answer.text


def test_a_crash_shows_no_secret_and_is_written_down(broken_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    app = broken_site.world.app
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["raise_it"] = public(lambda: _raise(RuntimeError("secret of the database")))
    with caplog.at_level(logging.ERROR, logger="cis.web"):
        answer = broken_site.client(broken_site.admin).get("/broken/raise")
    assert answer.status_code == 500
    assert "secret of the database" not in answer.text
    assert any(record.name == "cis.web" for record in caplog.records)


def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    answer = site.client().delete("/login")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_an_address_that_leads_nowhere(site: Site) -> None:
    for client in (site.client(), site.client(site.admin)):
        answer = client.get("/no/such/page")
        assert answer.status_code == 404
        assert "Nie ma takiej strony" in answer.text


def _add_broken_pages(app: Flask) -> None:
    app.add_url_rule("/broken/<int:code>", "abort_it", public(abort))
    app.add_url_rule("/broken/raise", "raise_it", public(lambda: ""))
    app.config["PROPAGATE_EXCEPTIONS"] = False


def test_a_lock_that_does_not_come_free_is_worth_another_try(
    broken_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app = broken_site.world.app
    error = OperationalError("SELECT 'secret'", {}, Exception("canceling statement due to lock timeout"))
    app.view_functions["raise_it"] = public(lambda: _raise(error))
    with caplog.at_level(logging.ERROR, logger="cis.web"):
        answer = broken_site.client(broken_site.admin).get("/broken/raise")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Panel jest zajęty" in answer.text
    assert "secret" not in caplog.text
    assert "lock timeout" in caplog.text


@pytest.mark.parametrize("is_upload", [False, True])
def test_a_full_disk_is_told_as_what_it_is(broken_site: Site, *, is_upload: bool) -> None:
    locked = sqlite3.OperationalError()
    locked.sqlite_errorcode = sqlite3.SQLITE_FULL  # as SQLite sets it; it can be made by no argument
    error = OSError(errno.ENOSPC, "secret") if is_upload else OperationalError("INSERT", {}, locked)
    broken_site.world.app.view_functions["raise_it"] = public(lambda: _raise(error))
    answer = broken_site.client(broken_site.admin).get("/broken/raise")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "Dysk panelu jest pełny" in answer.text
    assert "secret" not in answer.text


def _raise(error: Exception) -> str:
    raise error
