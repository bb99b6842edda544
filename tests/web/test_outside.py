"""An outside provider in pages: linked while signed in, then signing in; what comes back wrong opens nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.identity.models import User
from panel.identity.providers import OutsideLink, OutsideProvider
from panel.kernel.db import db
from tests.identity.provider import CLIENT, SECRET, Provider, running_provider
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site, token_in


@pytest.fixture
def provider(site: Site) -> Iterator[Provider]:
    site.world.app.config["CIS"] = replace(site.world.app.config["CIS"], outgoing_allowed="127.0.0.0/8")
    with running_provider() as provider:
        yield provider


def test_set_up_by_staff_linked_by_a_person_and_signed_in_by(site: Site, provider: Provider) -> None:
    admin = site.client(site.admin, fresh=True)
    fields = {"name": "Urząd Kościan", "issuer": "nothing", "client_id": CLIENT, "client_secret": SECRET,
              "members": "miasto-koscian"}  # fmt: skip
    assert fields_at_fault(send(admin, "/providers/new", fields).text) == {"issuer"}
    wrong = fields | {"issuer": provider.issuer, "members": "nobody"}
    assert fields_at_fault(send(admin, "/providers/new", wrong).text) == {"members"}
    assert send(admin, "/providers/new", fields | {"issuer": provider.issuer}).location == "/providers/"
    row = db.session.scalars(select(OutsideProvider)).one()
    shown = admin.get(f"/providers/{row.id}").text
    assert SECRET not in shown
    assert ">miasto-koscian</textarea>" in shown.replace("\r\n", "")
    kept = {"name": "Urząd Kościan", "client_id": CLIENT, "members": "miasto-koscian\nsmigiel", "active": "y"}
    assert send(admin, f"/providers/{row.id}", kept).location == "/providers/"
    assert "Urząd Kościan" in admin.get("/providers/").text
    anna = site.client(site.clerk, fresh=True)
    assert "Urząd Kościan" in anna.get("/account/outside").text
    assert go(anna, provider, f"/outside/{row.id}/link") == "/account/outside"
    visitor = site.client()
    assert f"/outside/{row.id}/sign-in" in visitor.get("/login?next=/account").text
    assert go(visitor, provider, f"/outside/{row.id}/sign-in?next=/account") == "/account"
    assert visitor.get("/account").status_code == 200
    db.session.get_one(User, site.clerk.id).tf_totp_secret = site.totp.stored
    db.session.commit()
    again = site.client()
    assert go(again, provider, f"/outside/{row.id}/sign-in") != "/"
    assert again.get("/").status_code == 302, "an outside provider is one factor, ours is asked for too"
    link = db.session.scalars(select(OutsideLink)).one()
    csrf = token_in(anna.get("/account/outside").text)
    assert anna.post(f"/account/outside/{link.id}/remove", data={"csrf_token": csrf}).status_code == 303
    assert go(site.client(), provider, f"/outside/{row.id}/sign-in") == "409"


def test_what_comes_back_wrong_opens_nothing_and_leads_nowhere_else(site: Site, provider: Provider) -> None:
    admin = site.client(site.admin, fresh=True)
    send(admin, "/providers/new", {"name": "Urząd", "issuer": provider.issuer, "client_id": CLIENT,
                                   "client_secret": SECRET, "members": "miasto-koscian"})  # fmt: skip
    row = db.session.scalars(select(OutsideProvider)).one()
    start = f"/outside/{row.id}/sign-in"
    victim, thief = site.client(), site.client()
    back = provider.authorize(thief.get(start).location)
    victim.get(start)
    assert victim.get(here(back)).status_code == 409, "an answer that another browser fetched"
    assert victim.get("/").status_code == 302
    anna = site.client(site.clerk, fresh=True)
    go(anna, provider, f"/outside/{row.id}/link")
    for target in ("https://evil.example", "//evil.example", "/\\evil.example"):
        assert go(site.client(), provider, f"{start}?next={target}") == "/"
    asked = site.client().get(start, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert "evil" not in asked.location
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Foutside%2Fcallback" in asked.location
    assert site.client().get("/outside/callback?code=x&state=y").status_code == 409
    gone = site.client()
    assert gone.get(f"/outside/{site.clerk.id}/sign-in").status_code == 404


def test_staff_see_who_waits_and_let_them_try(site: Site) -> None:
    guesser = site.client()
    for _ in range(7):
        page = guesser.get("/login").text
        fields = {"csrf_token": token_in(page), "email": site.clerk.email, "password": "guess"}
        answer = guesser.post("/login", data=fields)
    assert answer.status_code == 429
    admin = site.client(site.admin)
    listed = admin.get("/lockouts/").text
    assert site.clerk.email in listed
    assert "nikt" in admin.get("/lockouts/?search=somebody@example.test").text.lower()
    found = re.search(r'action="(/lockouts/[^"]+/clear)"', listed)
    assert found is not None
    assert admin.post(found[1], data={"csrf_token": token_in(listed)}).status_code == 303
    assert guesser.post("/login", data=fields).status_code == 200
    assert site.client(site.clerk).get("/lockouts/").status_code == 403


def go(client: FlaskClient, provider: Provider, path: str) -> str:
    """Leave by ``path``, sign in at the provider, come back: where the browser ends, or the status of an error."""
    left = client.get(path)
    assert left.status_code == 303, left.text
    answer = client.get(here(provider.authorize(left.location)))
    return answer.location if answer.status_code in (302, 303) else str(answer.status_code)


def here(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
