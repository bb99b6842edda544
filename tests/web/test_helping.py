"""Helping people who cannot come in: by those who look after them, with a factor of their own and a reason."""

from __future__ import annotations

from sqlalchemy import select

from panel.identity.models import User
from panel.kernel.db import db
from panel.ledger.notices import Notice
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site


def test_a_link_is_sent_and_lost_factors_are_removed_with_a_reason(site: Site) -> None:
    clerk = db.session.get_one(User, site.clerk.id)
    clerk.tf_totp_secret = site.totp.stored
    db.session.commit()
    admin = site.client(site.admin, fresh=True)
    assert send(admin, f"/users/{clerk.id}/reset").location == f"/users/{clerk.id}"
    path = f"/users/{clerk.id}/factors"
    assert fields_at_fault(send(admin, path, {"reason": "tak"}).text) == {"reason"}
    assert send(admin, path, {"reason": "Zgubiony telefon, rozmowa 12.11."}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(User, clerk.id, populate_existing=True).tf_totp_secret is None
    told = {one.code: one for one in db.session.scalars(select(Notice).where(Notice.user_id == clerk.id))}
    assert set(told) == {"reset:sent", "account:factors_removed"}
    assert "Zgubiony telefon" in str(told["account:factors_removed"].params)
    assert site.client(site.admin).get(path).status_code == 302, "a fresh factor first"
    for other in (site.nobody, site.admin):
        below = site.client(site.clerk, fresh=True)
        assert below.get(f"/users/{other.id}/factors").status_code == 404
        assert below.post(f"/users/{other.id}/reset").status_code in (400, 404)
    own = send(admin, f"/users/{site.admin.id}/factors", {"reason": "Mój telefon zgubiony"})
    assert own.status_code == 403
