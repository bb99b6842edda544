"""Staff in a member's view, as the pages have it: the banner, what is closed there, and how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from panel.identity.models import User
from panel.identity.step_ins import StepIn
from panel.identity.stepping_in import end
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from tests.web.sending import send
from tests.web.site import Site, token_in
from tests.worlds import SHARED

REASON = "Pani Anna pyta, gdzie widać umowę"


def test_staff_enters_looks_and_leaves(site: Site) -> None:
    client = fresh(site)
    asked = client.get(f"/members/{site.world.koscian.id}")
    assert f"/stepping-in/members/{site.world.koscian.id}" in asked.text
    answer = enter(client, site)
    assert answer.location == "/"
    page = client.get("/").text
    assert "w widoku podmiotu Kościan" in page
    assert "/nodes" not in page
    assert "Barbara Wójcik" in page
    assert 'action="/stepping-in/leave"' in client.get("/mail/mailboxes").text, "the banner is on every page"
    assert client.get(f"/members/{site.world.smigiel.id}").status_code == 404
    left = client.post("/stepping-in/leave", data={"csrf_token": token_in(page)})
    assert left.location == f"/members/{site.world.koscian.id}"
    assert "w widoku podmiotu" not in client.get("/").text
    stay = db.session.scalars(select(StepIn)).one()
    db.session.refresh(stay)
    assert (stay.ended_by, stay.pages) == ("staff", 2)


def test_entering_takes_a_fresh_second_factor(site: Site) -> None:
    answer = site.client(site.admin).get(f"/stepping-in/members/{site.world.koscian.id}")
    assert answer.status_code == 302
    assert answer.location.startswith("/account/confirm?next=/stepping-in/")


def test_inside_nothing_is_changed_and_the_own_account_is_closed(site: Site) -> None:
    client = fresh(site)
    box = _mailbox(site)
    before = token_in(client.get(f"/mail/mailboxes/{box.id}/suspend").text)
    enter(client, site)
    assert client.get(f"/mail/mailboxes/{box.id}").status_code == 200
    for action in ("suspend", "remove", "link", "password", "quota", "rename"):
        assert client.get(f"/mail/mailboxes/{box.id}/{action}").status_code == 403, action
    assert client.post(f"/mail/mailboxes/{box.id}/suspend", data={"csrf_token": before}).status_code == 403
    db.session.refresh(box)
    assert box.suspended_at is None
    for path in ("/account", "/account/confirm", "/account/password", "/account/second-factor", "/login",
                 f"/stepping-in/members/{site.world.koscian.id}", "/nodes", "/events"):  # fmt: skip
        assert client.get(path).status_code == 403, path
    assert client.post("/stepping-in/leave").status_code == 400, "no form of ours, no effect"


def test_what_was_sent_after_the_end_is_not_done_as_oneself(site: Site) -> None:
    client = fresh(site)
    box = _mailbox(site)
    enter(client, site)
    token = token_in(client.get("/").text)
    with unit_of_work():
        db.session.execute(update(StepIn).values(until=utcnow() - timedelta(seconds=1)))
    late = client.post(f"/mail/mailboxes/{box.id}/suspend", data={"csrf_token": token})
    assert late.location == "/stepping-in/over"
    db.session.refresh(box)
    assert box.suspended_at is None
    assert "Podgląd się skończył" in client.get("/stepping-in/over").text
    assert "w widoku podmiotu" not in client.get("/").text
    assert client.get("/account").status_code == 200


def test_the_member_ends_it_and_the_next_page_says_so(site: Site) -> None:
    client = fresh(site)
    enter(client, site)
    end(site.world.member_admin(site.world.koscian), db.session.scalars(select(StepIn.id)).one())
    assert client.get("/mail/mailboxes").location == "/stepping-in/over"


def test_signing_out_ends_it(site: Site) -> None:
    client = fresh(site)
    enter(client, site)
    client.post("/logout", data={"csrf_token": token_in(client.get("/").text)})
    assert db.session.scalars(select(StepIn.ended_by)).one() == "sign_out"


def test_a_stay_is_bound_to_its_person_and_cannot_be_forged(site: Site) -> None:
    client = fresh(site)
    enter(client, site)
    stay = db.session.scalars(select(StepIn)).one()
    for other in (fresh(site, person=site.person("druga@example.test", "support")), fresh(site)):
        with other.session_transaction() as session:
            session["cis_step_in"] = str(stay.id)
        assert other.get("/").location == "/stepping-in/over", "a copied mark opens no view, nor in another sign-in"
    assert "w widoku podmiotu" in client.get("/").text
    clerk = site.client(site.clerk)
    headers = {"X-On-Behalf-Of": f"member:{site.world.smigiel.id}", "Cookie": f"cis_step_in={stay.id}"}
    assert clerk.get(f"/members/{site.world.smigiel.id}?on_behalf_of={stay.id}", headers=headers).status_code != 200
    again = fresh(site)
    assert "w innym oknie" in send(again, f"/stepping-in/members/{site.world.smigiel.id}", {"reason": REASON}).text
    assert "/stepping-in/leave" in again.get("/stepping-in").text


@pytest.mark.parametrize("role", ["support", "association_admin"])
def test_whose_right_is_taken_or_who_is_blocked_is_out_at_once(site: Site, role: str) -> None:
    person = site.person("trzecia@example.test", role)
    client = fresh(site, person=person)
    enter(client, site)
    assert client.get("/").status_code == 200
    if role == "support":
        person.grants.clear()
        db.session.commit()
        assert client.get("/").location == "/stepping-in/over"
    else:
        person.active = False
        db.session.commit()
        assert client.get("/").location.startswith("/login")


def fresh(site: Site, *, person: User | None = None) -> FlaskClient:
    """A browser in which staff gave a second factor a moment ago."""
    return site.client(person or site.admin, fresh=True)


def enter(client: FlaskClient, site: Site) -> TestResponse:
    """Enter Kościan's view."""
    answer = send(client, f"/stepping-in/members/{site.world.koscian.id}", {"reason": REASON})
    assert answer.status_code == 303, answer.text
    return answer


def _mailbox(site: Site) -> Mailbox:
    return create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
