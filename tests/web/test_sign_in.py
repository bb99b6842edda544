"""Signing in as people do: password, then the code of their app."""

from __future__ import annotations

import base64
import hmac
import struct
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.identity.sessions import UserSession
from panel.kernel.db import db, utcnow
from tests.web.site import PASSWORD, Site, token_in

_shown: dict[str, int] = {}
"""Time step of the last code shown for each secret."""


def test_an_administrator_signs_in_with_password_and_code(site: Site) -> None:
    client = site.client()
    answer = _password(client, site.admin.email)
    assert answer.status_code == 302
    assert answer.location.startswith("/login/code")
    assert client.get("/").status_code == 302, "the password alone opens nothing"
    assert _code(client, answer.location, code_now(site.totp.base32)).location == "/"
    assert client.get("/").status_code == 200


def test_one_comes_back_to_the_page_one_wanted(site: Site) -> None:
    client = site.client()
    answer = _password(client, site.admin.email, path="/login?next=/jobs")
    assert _code(client, answer.location, code_now(site.totp.base32)).location == "/jobs"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "http:evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(site: Site, target: str) -> None:
    client = site.client()
    answer = _password(client, site.clerk.email, path="/login", next=target)
    assert answer.status_code == 200 or _host(answer.location) == "localhost"


def test_a_member_without_second_factor_signs_in_by_password(site: Site) -> None:
    client = site.client()
    assert _password(client, site.clerk.email).location == "/"
    assert "Anna Nowak" in client.get("/").text


def test_staff_without_second_factor_must_set_one_up_first(site: Site) -> None:
    site.admin.tf_totp_secret = site.admin.tf_primary_method = None
    db.session.commit()
    client = site.client()
    answer = _password(client, site.admin.email)
    assert answer.location == "/account/second-factor"
    for closed in ("/", "/account", "/members/", "/account/recovery-codes"):
        assert client.get(closed).location.startswith("/account/second-factor"), closed
    page = client.get(answer.location).text
    assert 'src="data:image/svg+xml' in page
    secret = page.split('class="secret"')[1].split(">", 1)[1].split("<", 1)[0].replace("-", "").replace(" ", "")
    assert _code(client, answer.location, "000000").status_code == 422
    assert _code(client, answer.location, code_now(secret)).location == "/account/recovery-codes"
    assert client.get("/").status_code == 200


def test_unknown_people_and_wrong_passwords_look_the_same(site: Site) -> None:
    wrong = _password(site.client(), site.clerk.email, password="not the password")
    unknown = _password(site.client(), "unknown@example.test", password="not the password")
    assert wrong.status_code == unknown.status_code == 200
    assert "Nie udało się zalogować" in wrong.text
    assert _without_tokens(wrong.text, site.clerk.email) == _without_tokens(unknown.text, "unknown@example.test")


def test_a_wrong_code_opens_nothing(site: Site) -> None:
    client = site.client()
    answer = _password(client, site.admin.email)
    refused = _code(client, answer.location, "000000")
    assert refused.status_code == 422
    assert "Ten kod jest nieprawidłowy" in refused.text
    assert client.get("/").status_code == 302


def test_the_code_page_is_closed_without_the_password(site: Site) -> None:
    client = site.client()
    assert client.get("/login/code").location == "/login"
    assert client.get("/login/recovery").location == "/login"
    assert client.get("/account/second-factor").location.startswith("/login")


def test_signing_out_takes_a_form(site: Site) -> None:
    client = site.client(site.clerk)
    assert client.get("/logout").status_code == 405
    token = token_in(client.get("/").text)
    assert client.post("/logout", data={"csrf_token": token}).location == "/login"
    assert client.get("/").status_code == 302


def test_a_password_is_changed_with_the_present_one(site: Site) -> None:
    client = site.client()
    _password(client, site.clerk.email)
    page = client.get("/account/password")
    fresh = "another battery staple horse"
    fields = {"csrf_token": token_in(page.text), "new_password": fresh, "again": fresh}
    refused = client.post("/account/password", data=fields | {"password": "wrong"})
    assert "To nie jest Twoje hasło" in refused.text
    assert client.post("/account/password", data=fields | {"password": PASSWORD}).location == "/account"
    assert _password(site.client(), site.clerk.email).status_code == 200, "the old password opens nothing"
    assert _password(site.client(), site.clerk.email, password=fresh).status_code == 302


def test_a_fresh_code_is_remembered_and_asked_again_later(site: Site) -> None:
    client = site.client(site.admin)
    page = client.get("/account/confirm?next=/jobs")
    refused = client.post("/account/confirm?next=/jobs", data={"csrf_token": token_in(page.text), "code": "123"})
    assert "Ten kod jest nieprawidłowy" in refused.text
    assert _factor_at() < utcnow() - timedelta(minutes=30)
    good = client.post(
        "/account/confirm?next=/jobs", data={"csrf_token": token_in(page.text), "code": code_now(site.totp.base32)}
    )
    assert good.location == "/jobs"
    assert _factor_at() > utcnow() - timedelta(minutes=1)


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_confirming_leads_to_our_own_pages_only(site: Site, target: str) -> None:
    client = site.client(site.admin)
    page = client.get("/account/confirm")
    fields = {"csrf_token": token_in(page.text), "code": code_now(site.totp.base32)}
    assert _host(client.post("/account/confirm", query_string={"next": target}, data=fields).location) == "localhost"


def code_now(secret: str) -> str:
    """A code an authenticator app shows for ``secret`` (RFC 6238), never the same one twice: each is taken once.

    The panel takes the next code half a minute early; whoever asks for a third one within that time waits for it.
    """
    step = max(step_now(), _shown.get(secret, 0) + 1)
    while step > step_now() + 1:
        time.sleep(0.2)
    _shown[secret] = step
    return code_at(secret, step)


def code_at(secret: str, step: int) -> str:
    """The six digits of one time step, written down here on its own."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def step_now() -> int:
    """The time step now (RFC 6238 4.2)."""
    return int(time.time()) // 30


def _password(
    client: FlaskClient, email: str, *, password: str = PASSWORD, path: str = "/login", **more: str
) -> TestResponse:
    token = token_in(client.get(path).text)
    return client.post(path, data={"csrf_token": token, "email": email, "password": password, **more})


def _code(client: FlaskClient, path: str, code: str, *, token: str | None = None) -> TestResponse:
    return client.post(path, data={"csrf_token": token or token_in(client.get(path).text), "code": code})


def _factor_at() -> Any:
    """When a second factor was given last, in the one session there is."""
    db.session.rollback()
    return db.session.scalars(select(UserSession.factor_at)).one()


def _host(location: str) -> str | None:
    """The host a browser at the panel goes to: it takes backslashes for slashes."""
    return urlsplit(urljoin("http://localhost/", location.replace("\\", "/"))).hostname


def _without_tokens(page: str, email: str) -> str:
    token = token_in(page)
    return page.replace(token, "").replace(email, "")
