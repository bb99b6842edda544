"""A member's own history, who of the staff had access, and changes that wait for its word."""

from __future__ import annotations

import re

from sqlalchemy import select

from panel.identity.actions import create_user
from panel.identity.models import User
from panel.identity.step_ins import AskedAction, StaffLook, StepIn
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.mail.actions import create_mailbox, suspend_mailbox
from panel.mail.models import Mailbox
from tests.web.sending import fields_at_fault, send
from tests.web.site import Site, token_in
from tests.web.test_stepping_in import enter, fresh
from tests.worlds import SHARED, actor

ORDER = "Zarządzenie nr 12/2026"


def test_a_member_reads_what_happened_to_what_is_its(site: Site) -> None:
    biuro = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
    suspend_mailbox(actor("provisioner"), biuro.id)
    create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"kasa@{SHARED}")
    client = site.client(site.clerk)
    assert 'href="/history"' in client.get("/").text
    assert 'href="/history"' not in site.client(site.admin).get("/").text, "staff have the journal"
    page = client.get("/history").text
    assert page.count("biuro@") == 2
    assert "Zawieszono skrzynkę" in page
    assert client.get("/history?search=KASA").text.count("biuro@") == 0
    who = re.search(r'<option value="(user:[^"]+)">provisioner', page)
    assert who is not None
    found = client.get(f"/history?person={who.group(1)}&kind=mail&since=2026-01-01").text
    assert (found.count("biuro@"), found.count("kasa@")) == (1, 0)
    assert "biuro@" not in client.get("/history?until=01.01.2020").text
    assert fields_at_fault(client.get("/history?since=wczoraj").text) == {"since"}
    assert "biuro@" not in site.client(_clerk_of_smigiel(site)).get("/history").text


def test_the_history_as_a_file_holds_no_formulas(site: Site) -> None:
    box = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
    with db.session.no_autoflush:
        site.clerk.name = "=HYPERLINK(1)"
        db.session.commit()
    client = site.client(site.clerk, fresh=True)
    send(client, f"/mail/mailboxes/{box.id}/take-over", {"successor": "+48 1", "authority": ORDER})
    lines = client.get("/history/csv?kind=mail").text.splitlines()
    assert lines[0].lstrip("\ufeff") == "at;what;about;details;who;tag"
    assert ";'=HYPERLINK(1);" in lines[1]
    assert "biuro@" in lines[1]


def test_every_access_by_staff_is_seen_with_its_reason(site: Site) -> None:
    box = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
    staff = fresh(site)
    staff.get(f"/mail/mailboxes/{box.id}")
    staff.get(f"/mail/mailboxes/{box.id}")
    assert len(db.session.scalars(select(StaffLook)).all()) == 1, "one row for a day"
    site.client(site.clerk).get(f"/mail/mailboxes/{box.id}")
    assert {look.user_id for look in db.session.scalars(select(StaffLook))} == {site.admin.id}
    enter(staff, site)
    staff.get("/mail/mailboxes")
    client = site.client(site.clerk)
    page = client.get("/history/staff").text
    assert page.count("Barbara Wójcik") >= 3
    assert "Pani Anna pyta, gdzie widać umowę" in page
    assert "otwarto 1 stronę" in page
    stay = db.session.scalars(select(StepIn)).one()
    foreign = site.client(_clerk_of_smigiel(site))
    assert "Barbara" not in foreign.get("/history/staff").text
    assert foreign.post(f"/history/staff/{stay.id}/end", data={"csrf_token": token_in(page)}).status_code == 400
    token = token_in(foreign.get("/").text)
    assert foreign.post(f"/history/staff/{stay.id}/end", data={"csrf_token": token}).status_code == 404
    assert client.post(f"/history/staff/{stay.id}/end", data={"csrf_token": token_in(page)}).status_code == 303
    assert staff.get("/mail/mailboxes").location == "/stepping-in/over"
    assert "zakończone przez podmiot" in client.get("/history/staff").text


def test_a_change_is_asked_for_agreed_to_and_made_once(site: Site) -> None:
    box = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
    staff = fresh(site, person=site.person("pomoc@example.test", "support"))
    enter(staff, site)
    assert f"/stepping-in/ask?mailbox={box.id}" in staff.get(f"/mail/mailboxes/{box.id}").text
    wanted = {"action": "quota", "mailbox": box.address, "quota_mb": "2048"}
    assert fields_at_fault(send(staff, "/stepping-in/ask", wanted | {"mailbox": f"x@{SHARED}"}).text) == {"mailbox"}
    assert fields_at_fault(send(staff, "/stepping-in/ask", wanted | {"quota_mb": "0"}).text) == {"quota_mb"}
    assert send(staff, "/stepping-in/ask", wanted).location == "/stepping-in"
    assert "czeka na decyzję podmiotu" in staff.get("/stepping-in").text
    asked = db.session.scalars(select(AskedAction)).one()
    page, do = f"/history/staff/changes/{asked.id}", f"/stepping-in/changes/{asked.id}/carry-out"
    token = token_in(staff.get("/stepping-in").text)
    assert staff.post(do, data={"csrf_token": token}).status_code == 403
    assert staff.post(f"{page}/agree", data={"csrf_token": token}).status_code == 403
    stale = site.client(site.clerk)
    assert page in stale.get("/history/staff").text
    late = stale.post(f"{page}/agree", data={"csrf_token": token_in(stale.get(page).text)})
    assert late.location.startswith(("/account/confirm", "/account/second-factor", "/account/factors")), late.location
    clerk = site.client(site.clerk, fresh=True)
    shown = clerk.get(page).text
    assert "Zmienić pojemność skrzynki biuro@" in shown
    assert "2\N{NO-BREAK SPACE}GB" in shown
    assert clerk.post(f"{page}/agree", data={"csrf_token": token_in(shown)}).location == page
    forged = {"csrf_token": token, "quota_mb": "999999", "mailbox_id": str(box.id), "action": "remove"}
    assert staff.post(do, data=forged).location == "/stepping-in"
    assert db.session.get_one(Mailbox, box.id, populate_existing=True).quota_mb == 2048
    assert staff.post(do, data={"csrf_token": token}).status_code == 409
    assert "pomoc (" in clerk.get("/history?kind=mail").text
    assert "w imieniu: Kościan" in clerk.get("/history?kind=mail").text


def test_a_refused_change_is_not_made(site: Site) -> None:
    staff = fresh(site)
    enter(staff, site)
    send(staff, "/stepping-in/ask", {"action": "create", "address": f"nowa.miasto-koscian@{SHARED}"})
    asked = db.session.scalars(select(AskedAction)).one()
    clerk = site.client(site.clerk)
    shown = clerk.get(f"/history/staff/changes/{asked.id}").text
    clerk.post(f"/history/staff/changes/{asked.id}/refuse", data={"csrf_token": token_in(shown)})
    token = token_in(staff.get("/stepping-in").text)
    answer = staff.post(f"/stepping-in/changes/{asked.id}/carry-out", data={"csrf_token": token})
    assert answer.status_code == 403
    assert db.session.scalar(select(Mailbox.id).where(Mailbox.address == f"nowa.miasto-koscian@{SHARED}")) is None


def test_a_mailbox_is_handed_over_and_back_by_the_pages(site: Site) -> None:
    box = create_mailbox(SYSTEM, member_id=site.world.koscian.id, address=f"biuro@{SHARED}").mailbox
    client, page = site.client(site.clerk, fresh=True), f"/mail/mailboxes/{box.id}"
    stale = site.client(site.clerk).get(f"{page}/take-over")
    assert stale.status_code == 302, "a fresh second factor comes first"
    assert f"{page}/take-over" in client.get(page).text
    assert fields_at_fault(send(client, f"{page}/take-over", {"successor": "", "authority": "ustnie"}).text) == {
        "successor"
    }
    fields = {"successor": "Ewa Nowa", "authority": ORDER, "earlier": "Jan Dawny"}
    assert "/activate/" in send(client, f"{page}/take-over", fields).text
    shown = client.get(page).text
    assert all(name in shown for name in ("Ewa Nowa", "Jan Dawny", ORDER))
    assert "/activate/" in send(client, f"{page}/hand-back").text
    assert client.get(page).text.index("Jan Dawny") < client.get(page).text.index("Ewa Nowa")


def _clerk_of_smigiel(site: Site) -> User:
    return create_user(SYSTEM, email="smigiel@example.test", name="Ola", password_hash=None, role="member_admin",
                       member_id=site.world.smigiel.id)  # fmt: skip
