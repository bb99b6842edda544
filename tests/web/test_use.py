"""What mailboxes hold, wherever people look for it; and jobs over time."""

from __future__ import annotations

import csv
import re

from panel.kernel.access import SYSTEM
from panel.mail.actions import NewMailbox, create_mailboxes
from panel.mail.use import keep_use
from tests.web.site import Site


def test_use_is_seen_in_the_list_on_the_pages_and_with_its_age(site: Site) -> None:
    member, node = site.world.koscian, site.world.node
    wanted = [NewMailbox(member_id=member.id, address=f"{name}@info.wokiss.pl", quota_mb=100) for name in "abcd"]
    a, b, c, d = [changed.mailbox for changed in create_mailboxes(SYSTEM, wanted)]
    clerk = site.client(site.clerk)
    assert "Przechowywana poczta" not in clerk.get("/").text
    assert "As read" not in clerk.get(f"/mail/mailboxes/{a.id}").text
    keep_use(SYSTEM, node.id, {a.id: 0, b.id: 85 * 1024, c.id: 96 * 1024})

    page = clerk.get("/mail/mailboxes?sort=-used").text
    assert _order(page) == ["c", "b", "a", "d"]
    assert _order(clerk.get("/mail/mailboxes?room=little").text) == ["b", "c"]
    lines = csv.DictReader(clerk.get("/mail/mailboxes.csv").text.lstrip("\ufeff").splitlines(), delimiter=";")
    assert {line["address"][0]: line["used_mb"] for line in lines} == {"a": "0", "b": "85", "c": "96", "d": ""}
    shown = {box.id: clerk.get(f"/mail/mailboxes/{box.id}").text for box in (a, b, c, d)}
    assert ["Zostało mało miejsca" in text for text in shown.values()] == [False, True, False, False]
    assert ["do pełnej skrzynki jest odrzucana" in text for text in shown.values()] == [False, False, True, False]
    assert ["Odczytano: " in text for text in shown.values()] == [True, True, True, False]
    for path in ("/", f"/members/{member.id}"):
        text = clerk.get(path).text
        assert "Przechowywana poczta" in text
        assert "181\xa0MB" in text
        assert "1 skrzynka jest pełna albo prawie pełna" in text
        assert "W 1 skrzynce zostało mało miejsca" in text
        assert f"/mail/mailboxes?member={member.id}&amp;room=little" in text


def test_jobs_over_time_are_drawn_with_their_figures_beside(site: Site) -> None:
    text = site.client(site.admin).get("/jobs/over-time").text
    assert len(re.findall('<svg class="plot-picture"', text)) == 2
    assert "Czekające na koniec" in text


def _order(page: str) -> list[str]:
    return re.findall(r">([a-d])@info\.wokiss\.pl</a>", page)
