"""Pages of child zones that programs change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from panel.dns.dynamic import key_of
from panel.dns.models import Zone
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from tests.dns.worlds import name_servers, zone_of
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site, small_site


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Site]:
    with small_site(tmp_path) as site:
        name_servers(site.world)
        yield site


def test_a_key_is_shown_once_renewed_revoked_and_goes_with_its_zone(zones: Site) -> None:
    zone = zone_of(zones.world.koscian, "koscian.pl").zone
    client, place = zones.client(zones.clerk), f"/dns/zones/{zone.id}/updates"
    assert "www.inna.pl" in (wrong := send(client, place, {"host": "www.inna.pl."})).text
    assert (wrong.status_code, fields_at_fault(wrong.text)) == (422, {"host"})
    made = send(client, place, {"host": "www"})
    secret = _secret(made.text)
    child = db.session.scalars(select(Zone).where(Zone.updates != "")).one()
    assert (made.status_code, child.name, child.updates in made.text) == (200, "_acme-challenge.www.koscian.pl", True)
    assert made.headers["Cache-Control"] == "no-store"

    own = f"/dns/zones/{child.id}/updates"
    pages = [client.get(path).text for path in (place, own, f"/dns/zones/{zone.id}", f"/dns/zones/{child.id}")]
    assert all(child.updates in page or f"/dns/zones/{child.id}" in page for page in pages)
    assert not any(secret in page for page in pages)
    renewed = _secret(send(client, f"{own}/renew", {}).text)
    assert renewed != secret
    send(client, f"{own}/revoke", {})
    db.session.rollback()
    key = key_of(SYSTEM, zone_id=child.id)
    assert key is not None
    assert key.revoked
    assert f"{own}/revoke" not in client.get(own).text
    assert send(client, f"{own}/close", {}).status_code == 303
    db.session.rollback()
    db.session.refresh(child)
    assert child.want == "purge"
    assert send(client, f"/dns/zones/{zone.id}/updates/renew", {}).status_code in (409, 422)
    assert zones.client(zones.admin).get(place).status_code == 200


def _secret(page: str) -> str:
    found = re.search(r'<output id="update-secret"[^>]*>([A-Za-z0-9+/=]+)</output>', page)
    assert found is not None
    return found[1]
