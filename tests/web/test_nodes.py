"""The page of a node, its plans, and the decisions about what differs: shown before they happen, done once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from panel.kernel.db import db, unit_of_work, utcnow
from panel.ledger.differences import Difference
from panel.ledger.events import record
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.plans import HeldPlan
from panel.mail.models import Mailbox
from tests.web.site import Site, token_in
from tests.worlds import actor


def test_a_node_shows_its_health_its_plan_and_what_differs(full_site: Site) -> None:
    page = full_site.client(full_site.admin).get(f"/nodes/{full_site.world.node.id}").text
    for words in (
        'aria-label="Obciążenie w ostatniej minucie wobec liczby procesorów: 1,27 z 2"',
        'aria-label="Pamięć: 3 GB z 4 GB"',
        "Dysk /var/vmail",
        "w drodze: 1, odłożone: 12",
        "1 marca 2027",
        "inny niż w tym panelu",
        "Zniknęłoby 3 z 67: skrzynka.",
        "Ostatnio porównano",
        "Wszystkie różnice: 5",
        "skrzynka: inne na serwerze",
    ):
        assert words in page.replace("\xa0", " "), words


def test_a_node_that_told_nothing_says_so(full_site: Site) -> None:
    node = db.session.scalars(select(Node).where(Node.name == "mail2")).one()
    page = full_site.client(full_site.admin).get(f"/nodes/{node.id}").text
    assert "Serwer jeszcze tego nie podał" in page
    assert "Nic: ma wszystko tak, jak ma być." in page


def test_a_node_set_up_before_senders_were_checked_needs_a_person(full_site: Site) -> None:
    client, node, words = full_site.client(full_site.admin), full_site.world.node, "w czyim imieniu"
    assert words not in client.get(f"/nodes/{node.id}").text
    with unit_of_work():
        db.session.execute(update(Node).where(Node.id == node.id).values(versions={"postfix": "3.7.11"}))
    assert words in client.get(f"/nodes/{node.id}").text
    assert words in client.get("/needs?kind=node&search=mail1").text


def test_a_look_for_differences_is_asked_for_once(full_site: Site) -> None:
    client, node = full_site.client(full_site.admin), full_site.world.node
    token = token_in(client.get(f"/nodes/{node.id}").text)
    places = {client.post(f"/nodes/{node.id}/check", data={"csrf_token": token}).location for _ in range(2)}
    db.session.rollback()
    (job,) = db.session.scalars(select(Job).where(Job.cause == "nodes:drift:check"))
    assert places == {f"/jobs/{job.id}"}


def test_a_waiting_plan_is_approved_as_it_was_shown(full_site: Site) -> None:
    client, node = full_site.client(full_site.admin, fresh=True), full_site.world.node
    page = client.get(f"/nodes/{node.id}/plan").text
    assert "odchodzi2@info.wokiss.pl" in page
    done = client.post(f"/nodes/{node.id}/plan", data={"csrf_token": token_in(page), "digest": _digest(page)})
    assert done.status_code == 303
    assert [plan.state for plan in _fresh(HeldPlan)] == ["approved"]


def test_an_outdated_plan_is_not_approved(full_site: Site) -> None:
    client, node = full_site.client(full_site.admin, fresh=True), full_site.world.node
    page = client.get(f"/nodes/{node.id}/plan").text
    refused = client.post(f"/nodes/{node.id}/plan", data={"csrf_token": token_in(page), "digest": "another"})
    assert refused.status_code == 422
    assert "error-summary" in refused.text
    assert [plan.state for plan in _fresh(HeldPlan)] == ["waiting"]


def test_who_may_not_approve_sees_the_plan_without_the_button(full_site: Site) -> None:
    node = full_site.world.node
    auditor = full_site.person("kontrola@example.test", "auditor")
    client = full_site.client(auditor, fresh=True)
    page = client.get(f"/nodes/{node.id}/plan").text
    assert "odchodzi2@info.wokiss.pl" in page
    assert "Zatwierdź plan" not in page
    token = token_in(client.get("/account").text)
    assert client.post(f"/nodes/{node.id}/plan", data={"csrf_token": token, "digest": "x"}).status_code == 403


def test_without_a_waiting_plan_the_page_shows_what_would_change(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    node = db.session.scalars(select(Node).where(Node.name == "mail2")).one()
    assert "Nic by się nie zmieniło" in client.get(f"/nodes/{node.id}/plan").text


def test_differences_are_listed_and_narrowed(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    page = client.get("/differences").text
    assert "dzikie@info.wokiss.pl" in page
    assert "pozostawione" in page
    assert "dzikie@info.wokiss.pl" not in client.get("/differences?state=kept").text
    assert "main.cf" in client.get("/differences?kind=file").text
    assert "dzikie@info.wokiss.pl" not in client.get("/differences?kind=file").text
    assert "Nie ma takiej różnicy" in client.get("/differences?node=mail2").text
    assert "dzikie@info.wokiss.pl" in client.get("/differences?search=dzikie").text


def test_a_difference_shows_both_sides_and_no_secret(full_site: Site) -> None:
    with unit_of_work():
        _one("different").secrets = {"password_hash": "{ARGON2ID}topsecret"}
    page = full_site.client(full_site.admin).get(f"/differences/{_one('different').id}").text
    assert "9,8\xa0GB" in page
    assert "1\xa0GB" in page
    assert "nigdy jej nie pokazujemy" in page
    assert "topsecret" not in page


def test_what_cannot_be_decided_says_why(full_site: Site) -> None:
    page = full_site.client(full_site.admin).get(f"/differences/{_one('file').id}").text
    assert "/keep" in page
    assert f"/differences/{_one('file').id}/overwrite" not in page
    assert f"/differences/{_one('file').id}/adopt" not in page


def test_a_difference_is_kept_with_a_reason_until_a_day(full_site: Site) -> None:
    client, one = full_site.client(full_site.admin), _one("missing")
    page = client.get(f"/differences/{one.id}/keep").text
    empty = client.post(f"/differences/{one.id}/keep", data={"csrf_token": token_in(page), "reason": "", "until": ""})
    assert empty.status_code == 422
    until = (utcnow() + timedelta(days=5)).date().isoformat()
    fields = {"csrf_token": token_in(page), "reason": "Przenosiny", "until": until}
    assert client.post(f"/differences/{one.id}/keep", data=fields).status_code == 303
    kept = _one("missing")
    assert (kept.state, kept.reason, kept.decided_by) == ("kept", "Przenosiny", "Barbara Wójcik")
    late = client.post(f"/differences/{one.id}/keep", data=fields | {"until": "2050-01-01"})
    assert late.status_code == 422


def test_what_only_the_server_has_is_adopted_for_a_member(full_site: Site) -> None:
    client, one = full_site.client(full_site.admin), _one("only_here")
    page = client.get(f"/differences/{one.id}/adopt").text
    assert client.post(f"/differences/{one.id}/adopt", data={"csrf_token": token_in(page)}).status_code == 422
    fields = {"csrf_token": token_in(page), "member_id": "miasto-koscian"}
    assert client.post(f"/differences/{one.id}/adopt", data=fields).status_code == 303
    db.session.rollback()
    box = db.session.scalars(select(Mailbox).where(Mailbox.address == "dzikie@info.wokiss.pl")).unique().one()
    assert (box.id, box.quota_mb) == (one.resource_id, 100)


def test_overwriting_asks_first_and_makes_a_job(full_site: Site) -> None:
    client, one = full_site.client(full_site.admin), _one("missing")
    page = client.get(f"/differences/{one.id}/overwrite").text
    assert "Co się stanie" in page
    assert _one("missing").state == "open"
    done = client.post(f"/differences/{one.id}/overwrite", data={"csrf_token": token_in(page)})
    assert done.location.startswith("/jobs/")
    assert _one("missing").state == "overwriting"


def test_everything_is_overwritten_by_the_plan_that_was_shown(full_site: Site) -> None:
    client, node = full_site.client(full_site.admin, fresh=True), full_site.world.node
    page = client.get(f"/nodes/{node.id}/repair").text
    assert "1 różnicy nie da się stąd nadpisać" in page
    fields = {"csrf_token": token_in(page), "digest": _digest(page)}
    with unit_of_work():
        _one("missing").found_digest = "changed meanwhile"
    assert client.post(f"/nodes/{node.id}/repair", data=fields).status_code == 422
    fields["digest"] = _digest(client.get(f"/nodes/{node.id}/repair").text)
    assert client.post(f"/nodes/{node.id}/repair", data=fields).status_code == 303
    assert _one("missing").state == "overwriting"
    assert _one("file").state == "open"


@pytest.mark.parametrize("action", ["keep", "adopt", "overwrite"])
def test_who_may_not_decide_is_not_asked(full_site: Site, action: str) -> None:
    auditor = full_site.person("kontrola@example.test", "auditor")
    client = full_site.client(auditor)
    assert client.get(f"/differences/{_one('missing').id}").status_code == 200
    assert "Co z tym zrobić" not in client.get(f"/differences/{_one('missing').id}").text
    assert client.get(f"/differences/{_one('missing').id}/{action}").status_code == 403
    assert full_site.client(full_site.clerk).get("/differences").status_code == 403


def test_a_running_job_shows_how_far_it_is_and_a_failed_one_what_went_wrong(full_site: Site) -> None:
    node, client = full_site.world.node, full_site.client(full_site.admin)
    with unit_of_work():
        many = Job(node_id=node.id, cause="engine:sweep:due", actor="x", state="running", counts={"applied": 40})
        many.started_at = many.queued_at = utcnow() - timedelta(minutes=1)
        many.params = {"snapshot": "7f3a"}
        db.session.add(many)
    page = client.get(f"/jobs/{many.id}").text
    assert "Zrobione do tej pory" in page
    assert 'value="40"' in page
    assert "Migawka" in page
    assert "field quota_rule: value is out of bounds" in page
    assert 'data-live="log"' in page


def test_the_timeline_joins_people_the_engine_and_looks(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    done = db.session.scalars(select(Job).where(Job.state == "done")).one()
    box = db.session.get_one(Mailbox, done.resource_id)
    with unit_of_work():
        person = actor("member_admin", full_site.world.koscian)
        record(person, "mail:mailbox:create", kind="mailbox", resource_id=box.id, member_id=box.member_id)
    place = f"/timeline/mailbox/{box.id}"
    page = client.get(place).text
    for words in ("Zamówiono skrzynkę", "Serwer przyjął zasoby: 2 z 3.", "Sprawdzono z zewnątrz"):
        assert words in page, words
    people, looks = client.get(f"{place}?source=people").text, client.get(f"{place}?source=looks").text
    assert "Zamówiono skrzynkę" in people
    assert "Sprawdzono z zewnątrz" not in people
    assert "Sprawdzono z zewnątrz" in looks
    assert "Zamówiono skrzynkę" not in looks


def test_a_members_timeline_has_no_lines_of_jobs_and_no_foreign_things(full_site: Site) -> None:
    box = db.session.scalars(select(Mailbox).order_by(Mailbox.id)).unique().first()
    assert box is not None
    page = full_site.client(full_site.clerk).get(f"/timeline/mailbox/{box.id}")
    assert page.status_code == 200
    assert "Serwer przyjął zasoby" not in page.text
    assert (
        full_site.client(full_site.admin).get("/timeline/mailbox/01930c1e-7b3a-7c5e-9b0e-2f6a3d8c4e11").status_code
        == 404
    )


def _digest(page: str) -> str:
    return page.partition('name="digest" value="')[2].partition('"')[0]


def _one(what: str) -> Difference:
    query = select(Difference).where(Difference.what == what).execution_options(populate_existing=True)
    db.session.rollback()
    return db.session.scalars(query).one()


def _fresh(model: type[HeldPlan]) -> list[HeldPlan]:
    db.session.rollback()
    return list(db.session.scalars(select(model).execution_options(populate_existing=True)))
