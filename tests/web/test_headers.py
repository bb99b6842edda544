"""What browsers are told with every answer, and how cookies are set."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from config import Settings
from panel import web
from panel.wiring import create_core_app
from tests.web.site import Site


@pytest.mark.parametrize("path", ["/login", "/no/such/page", "/", "/static/css/theme.css"])
def test_every_answer_carries_the_headers(site: Site, path: str) -> None:
    headers = site.client().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_not_kept_by_browsers(site: Site) -> None:
    headers = site.client(site.admin).get("/").headers
    assert headers["Cache-Control"] == "no-store"
    assert {"Cookie", "Accept-Language"} <= {part.strip() for part in headers["Vary"].split(",")}


def test_files_named_with_their_mark_are_kept_for_good_and_others_are_not(site: Site) -> None:
    client = site.client()
    (marked,) = re.findall(r'href="(/static/css/theme\.css\?v=[^"]+)"', client.get("/login").text)
    assert "immutable" in client.get(marked).headers["Cache-Control"]
    assert client.get("/static/css/theme.css").headers["Cache-Control"] == "no-cache"


def test_pages_hold_no_code_or_style_of_their_own(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    for path in ("/", "/jobs", "/nodes", "/events", "/mail/mailboxes", "/members/", "/contracts/", "/account"):
        page = client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)", page), path


def test_in_production_cookies_are_bound_to_the_host_and_https_is_forced(tmp_path: Path) -> None:
    client = _production(tmp_path).test_client()
    moved = client.get("/login")
    assert moved.status_code == 308
    assert moved.location.startswith("https://")
    answer = client.get("/login", base_url="https://panel.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-cis=")
    assert all(flag in cookie for flag in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"))
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_in_the_lab_plain_http_works(site: Site) -> None:
    answer = site.world.app.test_client().get("/login")
    assert answer.status_code == 200
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in answer.headers


def _production(folder: Path) -> Flask:
    app = create_core_app(Settings(data_dir=folder, secret_key="of tests"))
    web.register(app)
    return app
