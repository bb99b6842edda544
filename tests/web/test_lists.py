"""Lists: what the address may ask for, links between pages, and files that spreadsheets open safely."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from panel.kernel.db import db, unit_of_work
from panel.kernel.spreadsheets import harmless
from panel.ledger.events import Event
from panel.ledger.jobs import Job
from tests.web.site import Site


def test_jobs_are_narrowed_by_state_node_and_cause(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    failed = client.get("/jobs?state=failed").text
    assert "1–1 z 1" in failed
    assert "Nie ma takiego zadania" in client.get("/jobs?state=failed&node=mail2").text
    assert "pojemność skrzynki" in client.get("/jobs?cause=mail:mailbox:quota").text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=99999999999999",
        "page_size=1000000",
        "sort=password",
        "sort=-",
        "state=nonsense",
        "node=nonsense",
        "cursor=nonsense",
        "cursor=W10",
        "search=%00%ff",
    ],
)
def test_senseless_addresses_show_a_list_all_the_same(full_site: Site, query: str) -> None:
    client = full_site.client(full_site.admin)
    for path in ("/jobs", "/events", "/mail/mailboxes", "/members/", "/contracts/"):
        assert client.get(f"{path}?{query}").status_code == 200, path


def test_next_and_previous_lead_through_all_rows_once(full_site: Site) -> None:
    with unit_of_work():
        db.session.add_all(
            Job(node_id=full_site.world.node.id, cause=f"cause {n}", actor="cli:x", state="done") for n in range(50)
        )
    client, seen, address = full_site.client(full_site.admin), [], "/jobs?page_size=20&state=done"
    for _page in range(3):
        page = client.get(address).text
        seen += [part.split('"')[0] for part in page.split('href="/jobs/0')[1:]]  # ids begin with 0 until 2527
        address = _rel(page, "next")
    assert address == ""
    assert len(seen) == len(set(seen)) == 51
    assert "page=2" in _rel(page, "prev") or _rel(page, "prev").endswith("page_size=20&amp;state=done&amp;page=2")


def test_search_keeps_filters_and_starts_at_the_first_page(full_site: Site) -> None:
    page = full_site.client(full_site.admin).get("/mail/mailboxes?state=active&page=2&page_size=20").text
    form = page.split('role="search"')[2].split("</form>")[0]
    assert 'name="state" value="active"' in form
    assert 'name="page"' not in form


def test_the_journal_comes_as_a_file_for_spreadsheets(full_site: Site) -> None:
    answer = full_site.client(full_site.admin).get("/events/csv?source=engine")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    text = answer.text
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")), delimiter=";"))
    assert len(rows) == 4
    assert {row[1] for row in rows[1:]} == {"engine:mailbox:applied", "engine:mailbox:refused", "engine:mailbox:seen"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+48 61", "'+48 61"),
        ("@x", "'@x"),
        ("-5", "-5"),
        ("-5,2", "-5,2"),
        ("plain", "plain"),
        (None, ""),
        (7, "7"),
        ("\tx", "'\tx"),
    ],
)
def test_spreadsheets_get_no_formulas(value: object, text: str) -> None:
    assert harmless(value) == text


def _rel(page: str, kind: str) -> str:
    if f'rel="{kind}"' not in page:
        return ""
    return page.split(f'rel="{kind}" href="')[1].split('"', maxsplit=1)[0].replace("&amp;", "&")


def test_who_took_a_list_along_is_on_record_and_it_comes_in_the_order_asked_for(full_site: Site) -> None:
    text = full_site.client(full_site.clerk).get("/mail/mailboxes.csv?search=pracownik00&sort=-address").text
    assert [line.partition("@")[0] for line in text.splitlines()[1:]] == [f"pracownik{n:03}" for n in range(9, -1, -1)]
    event = db.session.scalars(select(Event).where(Event.tag == "records:list:export")).one()
    assert event.detail is not None
    assert event.detail.data["narrowed"] == {"search": "pracownik00", "sort": "-address"}
    assert (event.detail.resource_name, event.member_id) == ("mailboxes.csv", full_site.world.koscian.id)
