"""Every route says what it needs, and nobody gets in without it."""

from __future__ import annotations

import re

import pytest
from werkzeug.routing import Rule

from panel.kernel.db import db
from panel.kernel.i18n import LANGUAGES
from panel.web.session import declared
from tests.web.site import Site, token_in

UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

CLOSED = {"security.verify"}
"""Pages that the sign-in library adds and we do not show."""


def test_every_route_declares_what_it_needs(site: Site) -> None:
    app = site.world.app
    undeclared = {rule.endpoint for rule in _rules(site) if declared(app, rule.endpoint) is None}
    assert undeclared - CLOSED == set()


def test_a_route_without_declaration_is_closed(site: Site) -> None:
    client = site.client(site.admin)
    assert client.get("/verify").status_code == 404


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_comes_back(site: Site) -> None:
    answer = site.client().get("/jobs?state=failed")
    assert answer.status_code == 302
    assert answer.location == "/login?next=/jobs?state%3Dfailed"


def test_no_page_but_the_public_ones_opens_without_sign_in(site: Site) -> None:
    client, app = site.client(), site.world.app
    opened = set()
    for rule in _rules(site):
        needs = declared(app, rule.endpoint)
        if "GET" in (rule.methods or ()) and needs is not None and not needs.public and not rule.arguments:
            answer = client.get(rule.rule)
            door = "/mailbox/sign-in" if needs.holder else "/login"
            opened |= {rule.rule} if answer.status_code != 302 or not answer.location.startswith(door) else set()
    assert opened == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_staff_pages_are_closed_to_members(site: Site, language: str) -> None:
    client = site.client(site.clerk, language=language)
    for path in ("/nodes", "/jobs", "/events", f"/nodes/{site.world.node.id}"):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert ("Brak uprawnień" if language == "pl" else "Not allowed") in answer.text


def test_a_person_without_rights_sees_an_empty_panel_and_nothing_else(site: Site) -> None:
    client = site.client(site.nobody)
    assert "Nie działasz jeszcze w imieniu żadnego podmiotu" in client.get("/").text
    assert client.get("/members/").status_code == 403
    assert client.get("/mail/mailboxes").status_code == 403


def test_the_menu_shows_only_what_one_may_open(site: Site) -> None:
    staff, member = site.client(site.admin).get("/").text, site.client(site.clerk).get("/").text
    assert 'href="/nodes"' in staff
    assert 'href="/nodes"' not in member
    assert 'href="/mail/mailboxes"' in member


def test_a_blocked_user_is_out_at_once(site: Site) -> None:
    client = site.client(site.admin)
    assert client.get("/").status_code == 200
    site.admin.active = False
    db.session.commit()
    assert client.get("/").status_code == 302


def test_a_form_without_its_token_is_refused(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    job = _link(client.get("/jobs?state=failed").text, "/jobs/")
    refused = client.post(f"{job}/retry")
    assert refused.status_code == 400
    assert "ciasteczka" in refused.text
    token = token_in(client.get(job).text)
    assert client.post(f"{job}/retry", data={"csrf_token": token}).status_code == 302


def _rules(site: Site) -> list[Rule]:
    return [rule for rule in site.world.app.url_map.iter_rules() if not rule.rule.startswith("/api/")]


def _link(page: str, start: str) -> str:
    found = re.search(rf'href="({re.escape(start)}{UUID})"', page)
    assert found is not None
    return found[1]
