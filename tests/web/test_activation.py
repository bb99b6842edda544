"""The page behind an activation link: looking changes nothing, sending uses it up, and nobody else learns of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.kernel.passwords import token_digest
from panel.mail.actions import create_mailbox, new_activation_link, remove_mailbox
from panel.mail.models import ActivationLink, Mailbox
from tests.web.sending import fields_at_fault, rows_of_everything, send
from tests.web.site import Site, token_in
from tests.worlds import SHARED

PASSWORD = "cztery słowa nie do pary"


def test_looking_at_a_link_changes_nothing(site: Site) -> None:
    token, visitor = link(site), site.client()
    before = rows_of_everything()
    for _ in range(2):
        page = visitor.get(f"/activate/{token}")
        assert page.status_code == 200
        assert f"nowa@{SHARED}" in page.text
    assert visitor.head(f"/activate/{token}").status_code == 200
    assert rows_of_everything() == before
    assert good_link(token)


def test_sending_the_form_sets_the_password_and_uses_the_link_up(site: Site) -> None:
    token, visitor = link(site), site.client()
    answer = send(visitor, f"/activate/{token}", {"password": PASSWORD, "again": PASSWORD})
    assert (answer.status_code, answer.location) == (303, f"/activate/{token}/done")
    db.session.rollback()
    assert db.session.scalars(select(Mailbox)).one().login == "open"
    again = visitor.get(f"/activate/{token}")
    assert again.status_code == 404
    assert "Ten link nie działa" in again.text


def test_afterwards_the_holder_sees_settings_and_how_far_the_mailbox_is(site: Site) -> None:
    token, visitor = link(site), site.client()
    send(visitor, f"/activate/{token}", {"password": PASSWORD, "again": PASSWORD})
    page = visitor.get(f"/activate/{token}/done").text
    assert f"nowa@{SHARED}" in page
    assert "mail1.test, port 993" in page
    assert "mail1.test, port 465" in page
    assert 'http-equiv="refresh"' in page
    with unit_of_work():
        box = db.session.scalars(select(Mailbox)).one()
        box.sent_generation = box.applied_generation = box.seen_generation = box.wanted_generation
    settled = visitor.get(f"/activate/{token}/done").text
    assert "Twoja skrzynka działa" in settled
    assert 'http-equiv="refresh"' not in settled


@pytest.mark.parametrize(
    ("password", "again", "fault"),
    [
        (PASSWORD, PASSWORD + " ", "again"),
        (PASSWORD, "", "again"),
        ("krótkie", "krótkie", "password"),
        ("", "", "password"),
        ("jedenaście\x07znaków", "jedenaście\x07znaków", "password"),
        ("ż" * 257, "ż" * 257, "password"),
    ],
)
def test_a_password_that_is_refused_leaves_the_link_good(site: Site, password: str, again: str, fault: str) -> None:
    token, before = link(site), rows_of_everything()
    answer = send(site.client(), f"/activate/{token}", {"password": password, "again": again})
    assert answer.status_code == 422
    assert fault in fields_at_fault(answer.text)
    assert rows_of_everything() == before
    assert good_link(token)


def test_the_address_of_the_page_stays_out_of_caches_and_referrers(site: Site) -> None:
    token, visitor = link(site), site.client()
    for path in (f"/activate/{token}", "/activate/AAAAAAAAAAAAAAAAAAAAAA", f"/activate/{token}/done"):
        headers = visitor.get(path).headers
        assert headers["Cache-Control"] == "no-store", path
        assert headers["Referrer-Policy"] == "no-referrer", path


@pytest.mark.parametrize("token", ["AAAAAAAAAAAAAAAAAAAAAA", "x", "%00", "%E2%80%AE", "a" * 5000])
def test_a_link_that_never_was_looks_like_one_that_is_over(site: Site, token: str) -> None:
    for language, words in (("pl", "Ten link nie działa"), ("en", "This link does not work")):
        answer = site.client(language=language).get(f"/activate/{token}")
        assert answer.status_code == 404
        assert words in answer.text


def test_an_old_a_replaced_and_a_removed_mailboxs_link_are_over(site: Site) -> None:
    token, visitor = link(site), site.client()
    box = db.session.scalars(select(Mailbox)).one()
    newer = new_activation_link(SYSTEM, box.id).activation_token
    assert visitor.get(f"/activate/{token}").status_code == 404
    assert visitor.get(f"/activate/{newer}").status_code == 200
    with unit_of_work():
        db.session.scalars(
            select(ActivationLink).where(ActivationLink.voided_at.is_(None))
        ).one().expires_at -= timedelta(15)
    assert visitor.get(f"/activate/{newer}").status_code == 404
    newest = new_activation_link(SYSTEM, box.id).activation_token
    remove_mailbox(SYSTEM, box.id)
    assert visitor.get(f"/activate/{newest}").status_code == 404


def test_the_page_afterwards_is_for_an_hour_and_for_used_links_only(site: Site) -> None:
    token, visitor = link(site), site.client()
    assert visitor.get(f"/activate/{token}/done").status_code == 404
    send(visitor, f"/activate/{token}", {"password": PASSWORD, "again": PASSWORD})
    assert visitor.get(f"/activate/{token}/done").status_code == 200
    with unit_of_work():
        used = db.session.scalars(select(ActivationLink)).one()
        assert used.consumed_at is not None
        used.consumed_at -= timedelta(minutes=61)
    assert visitor.get(f"/activate/{token}/done").status_code == 404


def test_whoever_is_signed_in_may_open_a_link_too(site: Site) -> None:
    assert site.client(site.admin).get(f"/activate/{link(site)}").status_code == 200


def test_a_form_without_its_token_uses_nothing_up(site: Site) -> None:
    token = link(site)
    answer = site.client().post(f"/activate/{token}", data={"password": PASSWORD, "again": PASSWORD})
    assert answer.status_code == 400
    assert good_link(token)


def test_a_page_that_breaks_writes_no_token_down(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    token, visitor = link(site), site.client()
    page = visitor.get(f"/activate/{token}").text
    db.session.execute(text("DROP TABLE jobs"))
    db.session.commit()
    fields = {"password": PASSWORD, "again": PASSWORD, "csrf_token": token_in(page)}
    assert visitor.post(f"/activate/{token}", data=fields).status_code == 503
    assert "POST /activate/<token>: database" in caplog.text
    assert token not in caplog.text
    assert PASSWORD not in caplog.text
    assert "ARGON2ID" not in caplog.text


def link(site: Site) -> str:
    made = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"nowa@{SHARED}")
    db.session.commit()
    assert made.activation_token is not None
    return made.activation_token


def good_link(token: str) -> bool:
    db.session.rollback()
    link = db.session.scalars(select(ActivationLink).where(ActivationLink.digest == token_digest(token))).one()
    return link.consumed_at is None and link.voided_at is None
