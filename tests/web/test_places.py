"""What the places of the web shell show, and to whom."""

from __future__ import annotations

from sqlalchemy import select

from panel.kernel.access import SYSTEM, Actor
from panel.kernel.db import db, unit_of_work
from panel.ledger.events import record
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.mail.actions import create_mailbox
from tests.web.site import Site, token_in


def test_staff_see_what_needs_a_person(full_site: Site) -> None:
    page = full_site.client(full_site.admin).get("/").text
    for words in ("mail2", "Plan czeka na zatwierdzenie", "Zadanie się nie udało", "skrzynka: Serwer tego odmawia"):
        assert words in page, words
    assert "Wszystko, co wymaga człowieka: 14" in page


def test_when_all_is_well_the_dashboard_says_so(site: Site) -> None:
    assert "Nic. Widzieliśmy, że wszystko" in site.client(site.admin).get("/").text


def test_a_member_sees_its_own_use_and_not_the_others(full_site: Site) -> None:
    page = full_site.client(full_site.clerk).get("/").text
    assert "Kościan" in page
    assert "Śmigiel" not in page
    assert 'role="img" aria-label="Skrzynki: 66 z' in page
    assert "Do kogo zadzwonić" in page


def test_a_node_shows_identity_software_and_what_waits(full_site: Site) -> None:
    node = db.session.scalars(select(Node).where(Node.name == "mail2")).one()
    page = full_site.client(full_site.admin).get(f"/nodes/{node.id}").text
    for words in ("192.0.2.12:22", "SHA256:none", "no route to host", "Nie można połączyć się z serwerem", "wolna"):
        assert words in page, words


def test_a_job_tells_its_log_and_follows_itself_while_it_runs(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get(f"/jobs/{_job('running').id}").text
    assert "Serwer przyjął zasoby: 2 z 3." in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "data-live-pending" in page
    assert "http-equiv" not in client.get(f"/jobs/{_job('done').id}").text


def test_a_queued_job_is_withdrawn_after_a_question(full_site: Site) -> None:
    client, job = full_site.client(full_site.admin), _job("queued")
    asked = client.get(f"/jobs/{job.id}/cancel").text
    assert "Co się stanie" in asked
    assert _job("queued").state == "queued"
    assert client.post(f"/jobs/{job.id}/cancel", data={"csrf_token": token_in(asked)}).status_code == 302
    db.session.commit()
    db.session.expire_all()
    assert db.session.get_one(Job, job.id).state == "cancelled"


def test_a_running_job_is_not_withdrawn(full_site: Site) -> None:
    client, job = full_site.client(full_site.admin), _job("running")
    token = token_in(client.get(f"/jobs/{job.id}/cancel").text)
    refused = client.post(f"/jobs/{job.id}/cancel", data={"csrf_token": token})
    assert refused.status_code == 409
    assert "nie można go wycofać" in refused.text


def test_a_member_sees_no_job_of_staff_pages(full_site: Site) -> None:
    assert full_site.client(full_site.clerk).get(f"/jobs/{_job('done').id}").status_code == 403


def test_search_finds_members_mailboxes_contracts_and_jobs(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    assert "Kościan" in client.get("/search?search=KOSCIAN").text
    assert "sekretariat@info.wokiss.pl" in client.get("/search?search=sekretariat").text
    assert "CIS/2025/7" in client.get("/search?search=2025/7").text
    assert "mail1" in client.get(f"/search?search={_job('done').id}").text
    assert "Nic nie znaleziono" in client.get("/search?search=zzzz").text


def test_search_stays_within_what_one_may_see(full_site: Site) -> None:
    client = full_site.client(full_site.clerk)
    with full_site.world.app.app_context():
        create_mailbox(SYSTEM, member_id=full_site.world.smigiel.id, address="tajne@info.wokiss.pl")
    assert "Nic nie znaleziono" in client.get("/search?search=tajne").text
    assert "Nic nie znaleziono" in client.get("/search?search=smigiel").text
    assert "Nic nie znaleziono" in client.get(f"/search?search={_job('done').id}").text


def test_the_journal_shows_who_did_it_even_when_names_were_erased(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    assert "sam panel" in client.get("/events").text
    with unit_of_work():
        gone = Actor(ref="user:gone", name="", grants=SYSTEM.grants)
        record(gone, "members:member:update")
    assert "osoba, której dane usunięto" in client.get("/events").text


def test_the_account_shows_roles(full_site: Site) -> None:
    assert (
        "administrator stowarzyszenia – całe stowarzyszenie" in full_site.client(full_site.admin).get("/account").text
    )
    assert "administrator podmiotu – Kościan" in full_site.client(full_site.clerk).get("/account").text


def _job(state: str) -> Job:
    return (
        db.session.scalars(select(Job).where(Job.state == state, Job.cause == "mail:mailbox:quota")).unique().all()[-1]
    )
