"""Pages of people, as a member's administrator and the association's see them."""

from __future__ import annotations

import re

from panel.identity.actions import create_user
from panel.identity.grants import grant_role
from panel.identity.models import User
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, read_row
from tests.web.site import Site, token_in


def test_an_administrator_gives_a_colleague_a_role_and_takes_it_back(site: Site) -> None:
    """List, person, what will happen, done; what lies elsewhere is not told of."""
    koscian = site.world.koscian
    ala = create_user(
        SYSTEM, email="ala@example.test", name="Ala Żak", password_hash=None, role="member_editor", member_id=koscian.id
    )
    grant_role(SYSTEM, ala.id, role="member_editor", member_id=site.world.smigiel.id)
    client = site.client(site.clerk, fresh=True)
    found = client.get("/users/?search=zak&role=member_editor").text
    assert "Ala Żak" in found
    assert "Śmigiel" not in found
    shown = client.get(f"/users/{ala.id}").text
    assert "Śmigiel" not in shown
    assert "gdzie indziej" in shown
    assert "/deactivate" not in shown  # holds something elsewhere: not this administrator's to block
    form = f"/users/{ala.id}/grant"
    sent = {"csrf_token": token_in(client.get(form).text), "role": "member_admin", "member_id": koscian.slug}
    asked = client.post(form, data=sent).text
    assert "Kościan" in asked
    assert not _holds(ala, "member_admin")
    done = client.post(form, data=sent | {"confirmed": "1"})
    assert done.status_code == 303
    assert _holds(ala, "member_admin")
    page = client.get(f"/users/{ala.id}").text
    assert "Anna Nowak" in page  # who gave it
    for address in re.findall(rf"/users/{ala.id}/grants/[0-9a-f-]+/revoke", page):
        assert client.post(address, data={"csrf_token": sent["csrf_token"]}).status_code == 303
    assert client.get(f"/users/{ala.id}").status_code == 404
    assert [grant.member_id for grant in _person(ala).grants] == [site.world.smigiel.id]


def test_what_one_may_not_give_is_refused_and_the_own_rights_stay(site: Site) -> None:
    client = site.client(site.clerk, fresh=True)
    own = f"/users/{site.clerk.id}"
    token = token_in(client.get(f"{own}/grant").text)
    sent = {"csrf_token": token, "confirmed": "1", "role": "member_admin", "member_id": site.world.koscian.slug}
    assert client.post(f"{own}/grant", data=sent).status_code == 403
    assert client.post(f"{own}/grant", data=sent | {"role": "provisioner"}).status_code == 403
    assert client.post(f"{own}/grant", data=sent | {"member_id": ""}).status_code == 422
    assert client.post(f"{own}/deactivate", data={"csrf_token": token}).status_code == 403
    assert client.get(f"/users/{site.admin.id}").status_code == 404


def test_blocking_a_person_asks_for_a_fresh_factor_and_ends_the_session(site: Site) -> None:
    address = f"/users/{site.clerk.id}/deactivate"
    assert site.client(site.admin).get(address).location.startswith("/account/confirm")
    blocked, client = site.client(site.clerk), site.client(site.admin, fresh=True)
    assert blocked.get("/").status_code == 200
    assert client.post(address, data={"csrf_token": token_in(client.get(address).text)}).status_code == 303
    assert blocked.get("/").status_code == 302
    assert not _person(site.clerk).active
    again = address.replace("deactivate", "activate")
    assert client.post(again, data={"csrf_token": token_in(client.get(again).text)}).status_code == 303
    assert _person(site.clerk).active


def test_a_person_is_called_otherwise_by_who_may(site: Site) -> None:
    client = site.client(site.admin)
    address = f"/users/{site.clerk.id}/rename"
    token = token_in(client.get(address).text)
    assert client.post(address, data={"csrf_token": token, "name": " "}).status_code == 422
    assert client.post(address, data={"csrf_token": token, "name": "Anna Nowak-Żak"}).status_code == 303
    assert "Anna Nowak-Żak" in client.get("/users/?search=nowak").text


def _holds(user: User, role: str) -> bool:
    return role in {grant.role.name for grant in _person(user).grants}


def _person(user: User) -> User:
    db.session.rollback()
    found = read_row(User, user.id)
    assert found is not None
    db.session.refresh(found, ["grants"])
    return found
