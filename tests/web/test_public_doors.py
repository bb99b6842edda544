"""Doors open to everybody: programs that open links in mail use nothing up, forms without a mark do nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import select

from panel.identity.addresses import EmailChange
from panel.identity.email_changes import PURPOSE, UNDO, ask_for_other, confirm_change
from panel.identity.invitations import PURPOSE as INVITATION
from panel.identity.invitations import invite
from panel.identity.resets import PURPOSE as RESET
from panel.identity.resets import PasswordReset, ask_for_reset
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kernel.links import link_token
from panel.mail.actions import create_mailbox
from panel.web.session import declared
from tests.web.site import Site
from tests.worlds import SHARED

COUNTED = re.compile(r"INSERT INTO (\"?)attempts\1 ")
"""What is written of tries alone: from where and how often, of nobody."""


def test_what_opens_links_in_mail_uses_none_up(site: Site) -> None:
    """Scanners of mail look at each link, by GET and by HEAD, before its reader does."""
    links = _links(site)
    before = _everything(site)
    for _time in range(3):
        for path in links.values():
            answers = [site.client().get(path), site.client().head(path)]
            assert [answer.status_code for answer in answers] == [200, 200], path
            assert answers[0].headers["Cache-Control"] == "no-store", path
    assert _everything(site) == before


def test_no_form_that_is_open_to_everybody_does_anything_without_its_mark(site: Site) -> None:
    links = _links(site)
    before, asked = _everything(site), 0
    for path in _open_forms(site, links):
        answer = site.client().post(path, data={"email": site.clerk.email, "password": "x", "address": "a@b.pl"})
        assert answer.status_code == 400, path
        asked += 1
    assert asked > 8
    assert _everything(site) == before


def _links(site: Site) -> dict[str, str]:
    """A good link of each sort that is sent by mail."""
    settings = site.world.app.config["CIS"]
    member_id = site.world.koscian.id
    waiting = create_mailbox(SYSTEM, member_id=member_id, address=f"x.miasto-koscian@{SHARED}").activation_token
    invited = invite(SYSTEM, email="nowy@example.test", role="member_editor", member_id=member_id).link_id
    ask_for_reset(site.clerk.email, address=None)
    reset = db.session.scalars(select(PasswordReset.id)).one()
    ask_for_other(SYSTEM, site.nobody.id, email="inny@elsewhere.test")
    done = db.session.scalars(select(EmailChange.id)).one()
    confirm_change(link_token(settings, PURPOSE, done), by=None)
    ask_for_other(SYSTEM, site.clerk.id, email="nowa@elsewhere.test")
    asked = db.session.scalars(select(EmailChange.id).where(EmailChange.id != done)).one()
    return {
        "activation.show": f"/activate/{waiting}",
        "joining.show": f"/invitations/{link_token(settings, INVITATION, invited)}",
        "resets.show": f"/reset/{link_token(settings, RESET, reset)}",
        "own_email.confirm": f"/email/{link_token(settings, PURPOSE, asked)}",
        "own_email.undo": f"/email/undo/{link_token(settings, UNDO, done)}",
    }


def _open_forms(site: Site, links: dict[str, str]) -> Iterator[str]:
    """The address of every form that is open to everybody."""
    app = site.world.app
    for rule in app.url_map.iter_rules():
        found = declared(app, rule.endpoint)
        if found is not None and found.public and "POST" in (rule.methods or ()):
            assert rule.endpoint in links or not rule.arguments, f"{rule.endpoint}: give it a link above"
            yield links.get(rule.endpoint, rule.rule)


def _everything(site: Site) -> list[str]:
    """All that the database holds, but for counted tries."""
    db.session.commit()
    with closing(sqlite3.connect(str(db.engine.url.database))) as file:
        return [line for line in file.iterdump() if not COUNTED.match(line)]
