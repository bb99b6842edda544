"""Invitations and forgotten passwords in pages: looking changes nothing, sending does, and nobody learns too much."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from panel.identity.invitations import PURPOSE, Invitation
from panel.identity.resets import PURPOSE as RESET
from panel.identity.resets import PasswordReset
from panel.kernel.db import db
from panel.kernel.links import link_token
from panel.ledger.notices import Notice
from panel.notices.links import link_url
from tests.web.sending import fields_at_fault, rows_of_everything, send
from tests.web.site import PASSWORD, Site, token_in

NEW = "cztery słowa nie do pary"


def test_a_colleague_is_invited_and_joins(site: Site) -> None:
    clerk = site.client(site.clerk)
    wrong = send(clerk, "/invitations/new", {"email": "jan", "role": "member_editor", "member_id": "miasto-koscian"})
    assert fields_at_fault(wrong.text) == {"email"}
    answer = send(clerk, "/invitations/new", {"email": "jan@example.test", "name": "Jan", "role": "member_editor",
                                              "member_id": "miasto-koscian", "language": "pl"})  # fmt: skip
    assert answer.location == "/invitations/"
    page = clerk.get("/invitations/?search=jan&state=waiting").text
    assert "jan@example.test" in page
    assert "oczekuje" in page
    visitor, path = site.client(), invitation_path(site)
    before = rows_of_everything()
    for _ in range(2):
        assert "Kościan" in visitor.get(path).text
        assert visitor.head(path).status_code == 200
    assert rows_of_everything() == before
    short = send(visitor, path, {"name": "Jan Nowak", "password": "krótkie", "again": "krótkie"})
    assert fields_at_fault(short.text) == {"password"}
    assert send(visitor, path, {"name": "Jan Nowak", "password": NEW, "again": NEW}).location == "/login"
    assert visitor.get(path).status_code == 404
    assert sign_in(visitor, "jan@example.test", NEW).status_code == 302
    assert "Jan Nowak" in visitor.get("/account").text


def test_an_invitation_is_sent_again_and_taken_back(site: Site) -> None:
    clerk = site.client(site.clerk)
    fields = {"email": "jan@example.test", "role": "member_editor", "member_id": "miasto-koscian"}
    send(clerk, "/invitations/new", fields)
    assert "już" in send(clerk, "/invitations/new", fields).text
    first = invitation_path(site)
    row = db.session.scalars(select(Invitation)).one()
    csrf = token_in(clerk.get("/invitations/").text)
    assert clerk.post(f"/invitations/{row.id}/resend", data={"csrf_token": csrf}).status_code == 303
    assert site.client().get(first).status_code == 404
    second = invitation_path(site)
    assert site.client().get(second).status_code == 200
    assert send(clerk, f"/invitations/{row.id}/withdraw").status_code == 303
    assert site.client().get(second).status_code == 404
    assert "wycofane" in clerk.get("/invitations/").text
    foreign = site.client(site.nobody)
    assert foreign.get("/invitations/").status_code == 403


def test_whoever_has_an_account_adds_the_role_while_signed_in_as_it(site: Site) -> None:
    fields = {"email": site.nobody.email, "role": "member_editor", "member_id": "miasto-koscian"}
    send(site.client(site.clerk), "/invitations/new", fields)
    path = invitation_path(site)
    stranger = site.client()
    page = stranger.get(path)
    assert f'href="/login?next={path}"' in page.text
    assert "<form" not in page.text.split("<main", 1)[1]
    other = site.client(site.clerk)
    assert "inny adres" in other.get(path).text
    mine = site.client(site.nobody)
    assert "Śmigiel" not in mine.get(path).text
    assert send(mine, path).location == "/account"
    assert "redaktor" in mine.get("/account").text


def test_asking_for_a_new_password_is_answered_alike_and_the_link_sets_it(site: Site) -> None:
    emails = (site.clerk.email, "nobody.here@example.test")
    pages = [send(site.client(), "/reset", {"email": email}).text for email in emails]
    assert pages[0] == pages[1]
    owner, visitor, path = site.client(site.clerk), site.client(), reset_path(site)
    assert owner.get("/").status_code == 200
    before = rows_of_everything()
    assert visitor.get(path).status_code == visitor.head(path).status_code == 200
    assert rows_of_everything() == before
    assert send(visitor, path, {"password": NEW, "again": NEW}).location == "/login"
    assert visitor.get(path).status_code == 404
    assert owner.get("/").status_code == 302, "signed out everywhere"
    assert sign_in(site.client(), site.clerk.email, PASSWORD).status_code == 200
    assert sign_in(visitor, site.clerk.email, NEW).status_code == 302


def test_a_new_password_is_no_way_around_the_second_factor(site: Site) -> None:
    send(site.client(), "/reset", {"email": site.admin.email})
    visitor = site.client()
    send(visitor, reset_path(site), {"password": NEW, "again": NEW})
    sign_in(visitor, site.admin.email, NEW)
    assert visitor.get("/").status_code == 302, "the code is still asked for"


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Forwarded-For", "Forwarded"])
def test_links_lead_to_the_panel_whatever_host_was_asked(site: Site, header: str) -> None:
    visitor = site.client()
    page = visitor.get("/reset")
    forged = {header: "evil.example"} if header != "Forwarded" else {header: "host=evil.example;proto=https"}
    answer = visitor.post(
        "/reset", data={"csrf_token": token_in(page.text), "email": site.clerk.email}, headers=forged,
        environ_base={"REMOTE_ADDR": "203.0.113.9"},
    )  # fmt: skip
    assert "evil.example" not in answer.text
    if header == "Host" and answer.status_code != 200:
        return
    notice = db.session.scalars(select(Notice).where(Notice.code == "reset:sent")).one()
    assert "evil" not in str(vars(notice))
    assert notice.link_id is not None
    assert link_url(site.world.app.config["CIS"], RESET, notice.link_id).startswith("http://localhost:8080/reset/")


def test_secrets_of_links_stay_out_of_caches_referrers_and_logs(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    send(site.client(), "/reset", {"email": site.clerk.email})
    path = reset_path(site)
    for one in (path, "/reset/x", "/invitations/x"):
        headers = site.client().get(one).headers
        assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer"), one
    assert path.rpartition("/")[2] not in caplog.text


def test_guessing_links_is_slowed_and_good_ones_go_on_working(site: Site) -> None:
    send(site.client(), "/reset", {"email": site.clerk.email})
    path, guesser = reset_path(site), site.client()
    tried = [guesser.get(f"/{kind}/AAAA{n}").status_code for n in range(16) for kind in ("reset", "invitations")]
    assert tried == [404] * 31 + [429]
    assert guesser.get("/activate/AAAAAAAAAAAAAAAAAAAAAA").status_code == 429
    assert guesser.get(path).status_code == 200


def test_whoever_can_give_roles_on_everything_confirms_first(site: Site) -> None:
    stale = site.client(site.admin)
    assert stale.get("/invitations/new").location.startswith("/account/confirm?next=")
    fresh = site.client(site.admin, fresh=True)
    answer = send(fresh, "/invitations/new", {"email": "jan@example.test", "role": "auditor"})
    assert answer.location == "/invitations/"
    row = db.session.scalars(select(Invitation)).one()
    csrf = token_in(stale.get("/invitations/").text)
    refused = stale.post(f"/invitations/{row.id}/resend", data={"csrf_token": csrf})
    assert refused.location.startswith("/account/confirm")


def test_nobody_floods_an_address_with_invitations(site: Site) -> None:
    clerk = site.client(site.clerk)
    fields = {"email": "jan@example.test", "role": "member_editor", "member_id": "miasto-koscian"}
    send(clerk, "/invitations/new", fields)
    row = db.session.scalars(select(Invitation)).one()
    csrf = token_in(clerk.get("/invitations/").text)
    path = f"/invitations/{row.id}/resend"
    assert [clerk.post(path, data={"csrf_token": csrf}).status_code for _ in range(7)] == [303] * 5 + [429] * 2


def invitation_path(site: Site) -> str:
    db.session.rollback()
    row = db.session.scalars(select(Invitation)).one()
    return f"/invitations/{link_token(site.world.app.config['CIS'], PURPOSE, row.link_id)}"


def reset_path(site: Site) -> str:
    db.session.rollback()
    row = db.session.scalars(select(PasswordReset).where(PasswordReset.user_id.is_not(None))).one()
    return f"/reset/{link_token(site.world.app.config['CIS'], RESET, row.id)}"


def sign_in(client: FlaskClient, email: str, password: str) -> TestResponse:
    page = client.get("/login").text
    return client.post("/login", data={"csrf_token": token_in(page), "email": email, "password": password})
