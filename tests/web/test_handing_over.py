"""Handing one's own role over by the pages."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from panel.identity.invitations import Invitation
from panel.identity.models import Grant
from panel.kernel.db import db, utcnow
from panel.kernel.i18n import TIME_ZONE
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site


def test_an_administrator_hands_the_role_over_by_an_invitation(site: Site) -> None:
    member = site.world.koscian
    path = f"/members/{member.id}/hand-over"
    assert path in site.client(site.clerk).get(f"/members/{member.id}").text
    assert path not in site.client(site.admin).get(f"/members/{member.id}").text
    assert site.client(site.clerk).get(path).status_code == 302, "a fresh second factor comes first"
    client, now = site.client(site.clerk, fresh=True), utcnow().astimezone(ZoneInfo(TIME_ZONE))
    last = (now.date() + timedelta(days=5)).isoformat()
    fields = {"email": "nowa@example.test", "name": "Ewa Nowa", "ends_on": last}
    assert fields_at_fault(send(client, path, fields | {"ends_on": "2020-01-01"}).text) == {"ends_on"}
    assert fields_at_fault(send(client, path, fields | {"email": "nikt"}).text) == {"email"}
    assert send(client, path, fields).location == f"/members/{member.id}"
    assert db.session.scalars(select(Invitation.email)).one() == "nowa@example.test"
    assert db.session.scalars(select(Grant.until).where(Grant.user_id == site.clerk.id)).one() is None
    again = send(client, path, fields)
    assert again.status_code == 422
    assert "została już przekazana" in again.text
