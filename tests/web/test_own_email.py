"""Another address to sign in by, on pages: asked for, confirmed from there, withdrawn, undone."""

from __future__ import annotations

import pytest
from flask import current_app
from sqlalchemy import select

from panel.identity.models import User
from panel.kernel.db import db
from panel.kernel.links import link_token
from panel.ledger.notices import Notice
from panel.notices.links import link_url
from tests.web.site import PASSWORD, Site, token_in

pytestmark = pytest.mark.one_database

NEW = "anna.nowak@elsewhere.test"


def test_a_clerk_changes_her_own_address_and_takes_it_back(site: Site) -> None:
    client, other = site.client(site.clerk, fresh=True), site.client()
    page = client.get("/account/email")
    mark = {"csrf_token": token_in(page.text)}
    for wrong in ({"email": NEW, "password": "not this one"}, {"email": "x", "password": PASSWORD}):
        assert client.post("/account/email", data=mark | wrong).status_code == 422
    assert client.post("/account/email", data=mark | {"email": NEW, "password": PASSWORD}).location == "/account"
    assert NEW in client.get("/account").text
    confirm, undo = link("email:confirm"), link("email:asked")
    assert "Zaloguj" in other.get(confirm).text
    mark_of_other = {"csrf_token": token_in(other.get("/login").text)}
    assert "Zaloguj" in other.post(confirm, data=mark_of_other).text, "looking and guessing use nothing up"
    answer = client.get(confirm)
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert client.post(confirm, data=mark).location == "/account"
    assert email_of(site.clerk) == NEW
    assert client.get(confirm).status_code == 404
    new = {"password": "cztery słowa nie do pary", "again": "cztery słowa nie do pary"}
    assert other.post(undo, data=mark_of_other | new | {"again": "x"}).status_code == 422
    assert other.post(undo, data=mark_of_other | new).location == "/login"
    assert email_of(site.clerk) == "anna@example.test"
    assert client.get("/account").status_code == 302, "signed out everywhere"
    assert other.get(undo).status_code == 404


def test_a_mailbox_of_ours_is_warned_of_and_what_waits_can_be_withdrawn(site: Site) -> None:
    client = site.client(site.clerk, fresh=True)
    mark = {"csrf_token": token_in(client.get("/account/email").text)}
    ours = {"email": "anna@info.wokiss.pl", "password": PASSWORD}
    assert client.post("/account/email", data=mark | ours).status_code == 303
    assert "obsługuje ten sam panel" in client.get(link("email:confirm")).text
    assert client.post("/account/email/withdraw", data=mark).location == "/account"
    assert client.get(link("email:confirm")).status_code == 404


def test_who_looks_after_somebody_asks_for_them_and_they_confirm_by_the_link(site: Site) -> None:
    client, hers = site.client(site.admin, fresh=True), site.client()
    path = f"/users/{site.clerk.id}/email"
    mark = {"csrf_token": token_in(client.get(path).text)}
    assert client.post(path, data=mark | {"email": "x"}).status_code == 422
    assert client.post(path, data=mark | {"email": NEW}).location == f"/users/{site.clerk.id}"
    assert NEW in client.get(f"/users/{site.clerk.id}").text
    assert client.post(f"{path}/withdraw", data=mark).status_code == 303
    assert hers.get(link("email:confirm")).status_code == 404
    client.post(path, data=mark | {"email": NEW})
    confirm = link("email:confirm")
    assert hers.post(confirm, data={"csrf_token": token_in(hers.get(confirm).text)}).location == "/login"
    assert email_of(site.clerk) == NEW
    assert client.post(f"/users/{site.admin.id}/email", data=mark | {"email": NEW}).status_code == 403


def link(code: str) -> str:
    """The path that the newest message ``code`` leads to."""
    db.session.rollback()
    notice = db.session.scalars(select(Notice).where(Notice.code == code).order_by(Notice.id.desc())).first()
    assert notice is not None
    assert notice.link_purpose
    assert notice.link_id
    settings = current_app.config["CIS"]
    url = link_url(settings, notice.link_purpose, notice.link_id)
    assert url.endswith(link_token(settings, notice.link_purpose, notice.link_id))
    return url.removeprefix(settings.public_url.rstrip("/"))


def email_of(user: User) -> str:
    db.session.rollback()
    return db.session.get_one(User, user.id, populate_existing=True).email
