"""Signing in as forgers try it: cookies, targets, hosts, challenges, and what answers give away."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import request
from sqlalchemy import select

from config import Settings
from panel import web
from panel.identity.models import User
from panel.identity.passkeys import new_challenge
from panel.identity.sessions import UserSession
from panel.identity.sign_ins import SignIn
from panel.kernel.db import db, unit_of_work
from panel.kernel.passwords import hash_user_password
from panel.web.cookies import OneCookie
from panel.web.targets import own_path
from panel.wiring import create_core_app
from tests.identity.authenticator import Authenticator
from tests.web.site import PASSWORD, Site, token_in
from tests.web.test_factors import after_password, answer_by, challenge_in, cookie_of, csrf_of, sign_in_by_code

pytestmark = pytest.mark.one_database
EVIL = ("https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "https:evil.example", "https:/evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example",
        " //evil.example", "http:///evil.example", "data:text/html,x", "evil.example", "", "%2f%2fevil.example",
        "/%5cevil.example\\")  # fmt: skip


def test_nothing_a_cookie_held_before_outlives_a_sign_in(site: Site) -> None:
    client = site.client()
    client.get("/login")
    planted = cookie_of(client)
    with client.session_transaction() as cookie:
        cookie["cis_secret"], cookie["cis_step_in"], cookie["planted"] = "known to somebody", "x", True
    sign_in_by_code(client, site)
    with client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "cis_step_in" not in cookie
        assert cookie["cis_secret"] != "known to somebody"
    other = site.client()
    other.set_cookie("cis_session", planted)
    assert other.get("/").status_code == 302


def test_forged_and_doubled_cookies_open_nothing(site: Site) -> None:
    good = cookie_of(site.client(site.admin))
    clerks = cookie_of(site.client(site.clerk))
    app = site.world.app
    forged = OneCookie().get_signing_serializer(app)
    assert forged is not None
    own = {"_user_id": site.admin.fs_uniquifier, "cis_secret": "guessed"}
    digest = db.session.scalars(select(UserSession.digest)).first()
    sent = {
        "two, the good one first": f"cis_session={good}; cis_session={clerks}",
        "two, the good one last": f"cis_session={clerks}; cis_session={good}",
        "twice the same": f"cis_session={good}; cis_session={good}",
        "another name": f"__Host-cis={good}",
        "cut": f"cis_session={good[:-1]}",
        "signed by us, with no such session": f"cis_session={forged.dumps(own)}",
        "what the database holds": f"cis_session={forged.dumps(own | {'cis_secret': digest})}",
        "somebody else's name on one's own session": f"cis_session={_renamed(forged, clerks, site.admin)}",
        "no secret": f"cis_session={forged.dumps({'_user_id': site.admin.fs_uniquifier, '_fresh': True})}",
        "remembered": f"remember_token={site.admin.fs_uniquifier}|x; cis_remember={site.admin.fs_uniquifier}|x",
    }
    client = app.test_client(use_cookies=False)
    assert client.get("/", headers={"Cookie": f"cis_session={good}"}).status_code == 200
    opened = {name for name, cookies in sent.items() if client.get("/", headers={"Cookie": cookies}).status_code != 302}
    assert opened == set()
    header = {"Authentication-Token": site.admin.fs_uniquifier, "Authorization": "Basic YTpi"}
    assert client.get("/", headers=header).status_code == 302
    assert client.get(f"/?auth_token={site.admin.fs_uniquifier}").status_code == 302


@pytest.mark.parametrize("target", EVIL)
def test_no_target_leads_to_another_site(target: str) -> None:
    assert own_path(target) is None


def test_targets_of_ours_are_kept(site: Site) -> None:
    assert own_path("/jobs?state=failed&page=2") == "/jobs?state=failed&page=2"
    client = site.client()
    token = token_in(client.get("/login", query_string={"next": "//evil.example"}).text)
    sent = {"csrf_token": token, "email": site.clerk.email, "password": PASSWORD, "next": "//evil.example"}
    assert client.post("/login?next=//evil.example", data=sent).location in (None, "/")


def test_forged_hosts_and_forwarding_headers_change_nothing(site: Site) -> None:
    client = site.client()
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "198.51.100.9",
              "X-Forwarded-Proto": "https", "Forwarded": "for=198.51.100.9;host=evil.example"}  # fmt: skip
    page = client.get("/login", headers=forged)
    assert "evil.example" not in page.text
    sent = {"csrf_token": token_in(page.text), "email": site.clerk.email, "password": PASSWORD}
    answer = client.post("/login", data=sent, headers=forged)
    assert answer.location == "/"
    assert db.session.scalars(select(SignIn.address)).all() == ["127.0.0.1"]


@pytest.mark.parametrize(("proxies", "seen"), [(0, "127.0.0.1"), (1, "198.51.100.2"), (2, "198.51.100.1")])
def test_as_many_proxies_are_read_as_there_are(tmp_path: Path, proxies: int, seen: str) -> None:
    app = create_core_app(
        Settings(data_dir=tmp_path, secret_key="x", proxies=proxies, public_url="https://panel.example")
    )
    web.register(app)
    headers = {"X-Forwarded-For": "192.0.2.66, 198.51.100.1, 198.51.100.2", "X-Forwarded-Proto": "http, http",
               "Host": "evil.example"}  # fmt: skip
    with app.test_client() as client:
        assert client.get("/login?lang=en", headers=headers).location == "https://panel.example/login?lang=en"
        assert request.remote_addr == seen


def test_a_password_with_polish_letters_signs_in_from_any_keyboard(site: Site) -> None:
    with unit_of_work():
        site.clerk.password = hash_user_password("zażółć gęślą jaźń")
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for form in forms:
        typed = unicodedata.normalize(form, "zażółć gęślą jaźń")
        assert after_password(site.client(), site.clerk, password=typed).get("/").status_code == 200, form


def test_an_unknown_account_costs_one_hash_as_others_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    context = type(site.world.app.extensions["security"].pwd_context)
    for name in ("hash", "verify"):
        monkeypatch.setattr(context, name, _counted(getattr(context, name), counted))
    site.nobody.active = False
    db.session.commit()
    for email in ("unknown@example.test", site.clerk.email, site.nobody.email):
        counted.clear()
        client = site.client()
        token = token_in(client.get("/login").text)
        client.post("/login", data={"csrf_token": token, "email": email, "password": "wrong password"})
        assert len(counted) == 1, email


def test_a_challenge_belongs_to_who_asked_for_what_it_was_asked(site: Site) -> None:
    client = site.client(site.clerk, fresh=True)
    device = Authenticator(handle=site.clerk.id.bytes)
    answer_by(client, device, "create", "/account/passkeys/options", "/account/passkeys/new", name="Klucz")
    asked = client.post("/account/confirm/options", headers={"X-CSRFToken": csrf_of(client)["csrf_token"]})
    visitor = site.client()
    token = token_in(visitor.get("/login").text)
    for challenge in (challenge_in(asked), new_challenge(), ""):
        refused = visitor.post("/login/passkey", data={"csrf_token": token, "answer": device.get(challenge)})
        assert refused.location == "/login"
    challenge = challenge_in(visitor.post("/login/passkey/options", headers={"X-CSRFToken": token}))
    sent = {"csrf_token": token, "answer": device.get(challenge)}
    copy = site.client()
    copy.set_cookie("cis_session", cookie_of(visitor))
    assert visitor.post("/login/passkey", data=sent).location == "/"
    assert copy.post("/login/passkey", data=sent).location == "/login", "sent again with its cookie"
    assert copy.post("/login/passkey/options").status_code == 400, "by a form of ours only"


def _counted(call: Callable[..., Any], counted: list[str]) -> Callable[..., Any]:
    """The same call, noted."""

    def noted(*args: Any, **more: Any) -> Any:
        counted.append(call.__name__)
        return call(*args, **more)

    return noted


def _renamed(signer: Any, cookie: str, user: User) -> str:
    """A cookie signed by us in which the name of its session's user was changed."""
    return str(signer.dumps(signer.loads(cookie) | {"_user_id": user.fs_uniquifier}))
