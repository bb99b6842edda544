"""Second steps, sessions and factors, as people meet them on pages."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from panel.identity.models import User
from panel.identity.policy import demand_on
from panel.identity.sessions import UserSession, sessions_of
from panel.identity.sign_ins import SignIn
from panel.kernel import passwords
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.ledger.notices import Notice
from tests.identity.authenticator import Authenticator
from tests.web.site import PASSWORD, Site, token_in
from tests.web.test_sign_in import code_now

pytestmark = pytest.mark.one_database


def test_a_code_opens_once_on_whatever_page_it_is_typed(site: Site) -> None:
    code = code_now(site.totp.base32)
    client, second = site.client(), site.client()
    assert _type_code(after_password(client, site.admin), code) == "/"
    assert _type_code(after_password(second, site.admin), code) is None, "a code seen over a shoulder"
    third = site.client(site.admin)
    assert _send(third, "/account/confirm?next=/jobs", code=code).status_code == 422
    assert _send(third, "/account/confirm?next=/jobs", code=code_now(site.totp.base32)).location == "/jobs"


def test_a_session_that_was_ended_opens_nothing_whoever_has_its_cookie(site: Site) -> None:
    client, thief = site.client(), site.client()
    sign_in_by_code(client, site)
    stolen = cookie_of(client)
    thief.set_cookie("cis_session", stolen)
    assert thief.get("/").status_code == 200
    before, form = stolen, token_in(client.get("/account").text)
    assert _send(client, "/account/confirm?next=/jobs", code=code_now(site.totp.base32)).location == "/jobs"
    assert cookie_of(client) != before, "more rights, another secret"
    kept_open = client.post("/account/sessions/end-others", data={"csrf_token": form})
    assert kept_open.status_code == 302, "a form that was open before can still be sent"
    _age(UserSession.renewed_at, 60)
    assert thief.get("/").location.startswith("/login"), "the secret known before opens nothing after"
    kept = cookie_of(client)
    assert client.post("/logout", data={"csrf_token": token_in(client.get("/").text)}).location == "/login"
    thief.set_cookie("cis_session", kept)
    assert thief.get("/").location.startswith("/login"), "signed out is signed out everywhere"
    with client.session_transaction() as cookie:
        assert set(cookie) <= {"cis_language", "_flashes", "csrf_token"}


def test_sessions_are_listed_and_ended_by_their_owner_only(site: Site) -> None:
    client, phone, clerk = site.client(site.admin), site.client(site.admin), site.client(site.clerk)
    page = client.get("/account").text
    assert page.count("Firefox, Linux") == 2
    assert "ta przeglądarka" in page
    other = next(one for one in sessions_of(site.admin.id) if one.id != _row_of(client).id)
    assert clerk.post(f"/account/sessions/{other.id}/end", data=csrf_of(clerk)).status_code == 404
    assert phone.get("/").status_code == 200
    assert client.post(f"/account/sessions/{other.id}/end", data=csrf_of(client)).status_code == 302
    assert phone.get("/").status_code == 302
    assert "Twoja sesja została zakończona z innej przeglądarki" in phone.get("/login").text
    assert client.post(f"/account/sessions/{other.id}/end").status_code == 400, "by a form of ours only"
    phone = site.client(site.admin)
    client.post("/account/sessions/end-others", data=csrf_of(client))
    assert (phone.get("/").status_code, client.get("/").status_code) == (302, 200)
    with unit_of_work():
        site.clerk.active = False
    assert clerk.get("/").status_code == 302


def test_the_account_shows_who_tried_to_sign_in(site: Site) -> None:
    client = site.client()
    after_password(client, site.clerk, password="wrong password")
    after_password(client, site.clerk)
    page = client.get("/account").text
    assert page.count("odmowa") == 1
    assert page.count("zalogowano") == 1
    assert db.session.scalars(select(SignIn.refused).order_by(SignIn.id)).all() == [True, False]


def test_recovery_codes_are_shown_once_and_sign_in_once(site: Site) -> None:
    client = site.client(site.admin)
    assert client.get("/account/recovery-codes").location.startswith("/account/confirm?next=")
    client = site.client(site.admin, fresh=True)
    answer = _send(client, "/account/recovery-codes")
    codes = [part.partition("</code>")[0] for part in answer.text.split("<li><code>")[1:]]
    assert len(codes) == 10
    assert answer.headers["Cache-Control"] == "no-store"
    assert codes[0] not in client.get("/account/recovery-codes").text
    lost = after_password(site.client(), site.admin)
    assert "/login/recovery" in lost.get("/login/code").text
    assert _send(lost, "/login/recovery", code="0000-0000").status_code == 422
    assert _send(lost, "/login/recovery", code=codes[0].lower()).location == "/"
    again = after_password(site.client(), site.admin)
    assert _send(again, "/login/recovery", code=codes[0]).status_code == 422
    assert "sign_in:recovery_code_used" in set(db.session.scalars(select(Notice.code)))


def test_a_passkey_is_added_and_signs_in_as_second_and_as_only_step(site: Site) -> None:
    client = site.client(site.clerk, fresh=True)
    device = Authenticator(handle=site.clerk.id.bytes)
    added = answer_by(client, device, "create", "/account/passkeys/options", "/account/passkeys/new", name="Klucz")
    assert added.location == "/account/recovery-codes"
    second = after_password(site.client(), site.clerk)
    assert second.get("/").status_code == 302, "the password alone opens nothing any more"
    assert answer_by(second, device, "get", "/login/passkey/options", "/login/passkey").location == "/"
    alone = site.client()
    assert answer_by(
        alone, device, "get", "/login/passkey/options", "/login/passkey", next="/mail/mailboxes"
    ).location == ("/mail/mailboxes")
    assert _row_of(alone).factors == ["passkey"]
    assert _send(alone, "/account/recovery-codes").status_code == 200, "it counts as two, and as fresh"
    device.verified = False
    refused = answer_by(site.client(), device, "get", "/login/passkey/options", "/login/passkey")
    assert refused.location == "/login", "one that does not know its owner is no first step"
    stale = site.client(site.clerk)
    confirm = "/account/confirm/passkey?next=/account/recovery-codes"
    assert answer_by(stale, device, "get", "/account/confirm/options", confirm).location == "/account/recovery-codes"
    assert stale.get("/account/recovery-codes").status_code == 200


def test_dangerous_things_ask_again_and_lead_back(site: Site) -> None:
    clerk = site.client(site.clerk)
    asked = clerk.get("/account/second-factor")
    assert asked.location == "/account/confirm?next=/account/second-factor"
    page = clerk.get(asked.location).text
    assert 'name="password"' in page, "who has nothing stronger gives the password"
    assert _send(clerk, asked.location, password="wrong").status_code == 422
    assert _send(clerk, asked.location, password=PASSWORD).location == "/account/second-factor"
    assert clerk.get("/account/second-factor").status_code == 200
    assert clerk.get("/account/recovery-codes").location.startswith("/account/second-factor?next=")
    admin = site.client(site.admin)
    for path in ("/account/second-factor", "/account/password", "/account/passkeys/new", "/account/recovery-codes",
                 "/account/second-factor/remove"):  # fmt: skip
        assert admin.get(path).location == f"/account/confirm?next={path}"
        assert admin.post(path, data=csrf_of(admin)).location == f"/account/confirm?next={path}"
    assert admin.post("/account/passkeys/options", data=csrf_of(admin)).location.startswith("/account/confirm")


def test_who_must_have_a_second_factor_is_told_and_then_stopped(site: Site) -> None:
    client = after_password(site.client(), site.clerk)
    assert "Twoja rola wymaga drugiego składnika do" in client.get("/").text
    with unit_of_work():
        db.session.execute(update(User).where(User.id == site.clerk.id).values(factor_due_at=utcnow()))
    for path in ("/", "/account", "/mail/mailboxes", "/account/password"):
        assert client.get(path).location.startswith("/account/second-factor"), path
    assert client.post("/account/sessions/end-others", data=csrf_of(client)).status_code == 302
    page = client.get("/account/second-factor").text
    assert "Do tego czasu nic innego się nie otworzy" in page
    secret = page.split('class="secret"')[1].split(">", 1)[1].split("<", 1)[0].replace("-", "")
    assert secret in client.get("/account/second-factor").text.replace("-", ""), "it stays when looked at again"
    assert _send(client, "/account/second-factor", code=code_now(secret)).status_code == 302
    assert client.get("/mail/mailboxes").status_code == 200
    db.session.expire_all()
    assert demand_on(site.clerk).rule == "grace"
    assert _send(client, "/account/second-factor/remove").status_code == 422


def after_password(client: FlaskClient, user: User, *, password: str = PASSWORD) -> FlaskClient:
    token = token_in(client.get("/login").text)
    client.post("/login", data={"csrf_token": token, "email": user.email, "password": password})
    return client


def sign_in_by_code(client: FlaskClient, site: Site) -> None:
    assert _type_code(after_password(client, site.admin), code_now(site.totp.base32)) == "/"


def _type_code(client: FlaskClient, code: str) -> str | None:
    return _send(client, "/login/code", code=code).location


def _send(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Open the page of a form, fill it in and send it."""
    return client.post(path, data={"csrf_token": token_in(client.get(path).text), **fields})


def answer_by(client: FlaskClient, device: Authenticator, what: str, options: str, path: str, **more: str) -> Any:
    """Have ``device`` answer what ``options`` asks, and send it, as the script does."""
    token = csrf_of(client)["csrf_token"]
    challenge = challenge_in(client.post(options, headers={"X-CSRFToken": token}))
    return client.post(path, data={"csrf_token": token, "answer": getattr(device, what)(challenge), **more})


def cookie_of(client: FlaskClient) -> str:
    """What the browser holds as its session."""
    cookie = client.get_cookie("cis_session")
    assert cookie is not None
    return cookie.value


def challenge_in(answer: TestResponse) -> str:
    """The challenge that was given."""
    options: dict[str, Any] = answer.get_json()
    return str(options["challenge"])


def csrf_of(client: FlaskClient) -> dict[str, str]:
    page = client.get("/account", follow_redirects=True).text
    return {"csrf_token": token_in(page)}


def _row_of(client: FlaskClient) -> UserSession:
    db.session.rollback()
    with client.session_transaction() as cookie:
        return db.session.scalars(
            select(UserSession).where(UserSession.digest == passwords.token_digest(cookie["cis_secret"]))
        ).one()


def _age(column: Any, seconds: int) -> None:
    with unit_of_work():
        db.session.execute(update(UserSession).values({column: database_now(-seconds)}))
