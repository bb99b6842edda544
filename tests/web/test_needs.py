"""What needs a person: one list of everything, in the order of urgency, searched and paged, within what one may see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import delete, event, text, update

from panel import web
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.alarms import raise_alarm
from panel.ledger.closings import close
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.workers import Sign
from panel.mail.actions import create_mailbox
from panel.mail.models import Mailbox
from panel.web.need_sources import sources
from tests.web.site import Site
from tests.worlds import SHARED, small_world


def test_everything_stands_in_one_list_the_most_urgent_first(full_site: Site) -> None:
    with unit_of_work():
        close("restored")
        raise_alarm("ports_silent:x", "ports_silent", full_site.world.node.id, node="mail1", number=3)
        db.session.execute(delete(Sign))
    page = full_site.client(full_site.admin).get("/needs").text
    told = [
        "Panel odtworzono z kopii zapasowej",
        "Nie działa żaden proces roboczy",
        "Nie można połączyć się z serwerem",
        "3 usług na mail1 nie widać",
        "Zniknęłoby 3 z 67: skrzynka",
        "Zadanie się nie udało",
        "skrzynka: Serwer tego odmawia",
        "skrzynka: inne na serwerze",
        "Zamówienie czeka na stowarzyszenie",
        "Umowa kończy się za 20 dni",
        "Umowa jest zawieszona",
    ]
    places = [page.index(words) for words in told]
    assert places == sorted(places)
    assert "href" in page[places[2] - 300 : places[2]]


@pytest.mark.parametrize(
    ("query", "some", "none"),
    [
        ("kind=node", "mail2", "CIS/2025/7"),
        ("kind=contract", "CIS/2025/7", "mail2"),
        ("kind=difference", "dzikie@", "mail2"),
        ("search=DZIKIE", "dzikie@", "CIS/2025/7"),
        ("search=mail2", "Nie można połączyć się z serwerem", "dzikie@"),
        ("search=2025/8", "Umowa jest zawieszona", "Umowa kończy się"),
    ],
)
def test_it_is_narrowed_by_kind_and_by_name(full_site: Site, query: str, some: str, none: str) -> None:
    page = full_site.client(full_site.admin).get(f"/needs?{query}").text
    assert some in page
    assert none not in page


def test_pages_follow_one_another_without_losing_or_doubling_any(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    whole = _names(client.get("/needs?page_size=200").text)
    parts = [name for page in range(1, 5) for name in _names(client.get(f"/needs?page_size=4&page={page}").text)]
    assert parts == whole
    assert len(whole) == 14


def test_a_job_that_went_well_later_and_an_old_one_need_nobody(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    assert "Zadanie się nie udało" in client.get("/needs?kind=job").text
    failed = db.session.query(Job).filter_by(state="failed").one()
    again = Job(node_id=failed.node_id, cause=failed.cause, actor="x", state="done", resource_id=failed.resource_id)
    with unit_of_work():
        db.session.add(again)
    assert "Zadanie się nie udało" not in client.get("/needs?kind=job").text
    with unit_of_work():
        db.session.delete(again)
        db.session.execute(update(Job).where(Job.state == "failed").values(queued_at=database_now(-8 * 24 * 3600)))
    assert "Zadanie się nie udało" not in client.get("/needs?kind=job").text


def test_with_nothing_to_do_it_says_so(site: Site) -> None:
    assert "Nic nie wymaga człowieka" in site.client(site.admin).get("/needs").text


def test_it_is_for_staff(full_site: Site) -> None:
    assert full_site.client(full_site.clerk).get("/needs").status_code == 403


def test_resources_are_found_by_the_index_of_those_with_a_problem(full_site: Site) -> None:
    statements = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if "FROM mailboxes" in statement and "problem_code" in statement:
            statements.append((statement, parameters))

    full_site.client(full_site.admin).get("/needs?kind=resource")
    event.remove(db.engine, "before_cursor_execute", _note)
    assert statements
    for statement, parameters in statements:
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]  # as sent
        assert "ix_mailboxes_problem" in " ".join(str(row[3]) for row in plan)


def test_while_the_engine_is_closed_every_page_of_staff_says_so(full_site: Site) -> None:
    client, clerk = full_site.client(full_site.admin), full_site.client(full_site.clerk)
    assert "Nic nie jest wysyłane do żadnego serwera." not in client.get("/members/").text
    with unit_of_work():
        close("restored")
    for path in ("/", "/members/", "/jobs", f"/nodes/{full_site.world.node.id}"):
        assert "Nic nie jest wysyłane do żadnego serwera." in client.get(path).text, path
    assert "Nic nie jest wysyłane" not in clerk.get("/").text


def test_a_node_closed_by_itself_says_so_on_its_page_alone(full_site: Site) -> None:
    client, node = full_site.client(full_site.admin), full_site.world.node
    with unit_of_work():
        close("rebuild", node_id=node.id)
    assert "Nic nie jest wysyłane do tego serwera" in client.get(f"/nodes/{node.id}").text
    assert "Nic nie jest wysyłane" not in client.get("/members/").text


def test_a_mailbox_that_is_well_needs_nobody(full_site: Site) -> None:
    with unit_of_work():
        db.session.execute(update(Mailbox).values(problem_code=None, problem_message=None))
        db.session.execute(update(Node).values(problem_code=None))
        db.session.execute(text("DELETE FROM differences"))
    page = full_site.client(full_site.admin).get("/needs?kind=resource").text
    assert "@info.wokiss.pl" not in page


def test_every_source_is_counted_and_read_on_both_databases(database_url: str, tmp_path: Path) -> None:
    with small_world(tmp_path, database_url=database_url) as world:
        web.register(world.app)
        box = create_mailbox(SYSTEM, member_id=world.koscian.id, address=f"a@{SHARED}").mailbox
        with unit_of_work():
            box.problem_code, box.problem_since = "refused", database_now()
            db.session.add(Job(node_id=world.node.id, cause="x", actor="x", state="failed"))
            raise_alarm("jobs_failing:x", "jobs_failing", world.node.id, node="mail1")
        with world.app.test_request_context():
            for search, kinds in (
                ("", {"engine", "alarm", "job", "resource"}),
                ("a@", {"resource"}),
                ("MAIL1", {"alarm", "job"}),
            ):
                found = [(one, one.count()) for one in sources(SYSTEM, search)]
                assert {one.kind for one, count in found if count} == kinds
                assert all(len(one.rows(0, 10)) == count for one, count in found)


def _names(page: str) -> list[str]:
    return re.findall(r'<p class="need-name">(?:<a[^>]*>|<strong>)([^<]+)', page)
