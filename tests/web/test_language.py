"""Polish first, English complete, kept where it was chosen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from panel.identity.models import User
from panel.kernel.db import db
from panel.kernel.i18n import force_locale, ngettext
from panel.web.filters import ago, day, moment, money, number
from panel.wording.names import size
from tests.web.site import Site

NBSP = "\N{NO-BREAK SPACE}"


def test_polish_unless_something_else_is_wanted(site: Site) -> None:
    client = site.world.app.test_client()
    assert '<html lang="pl">' in client.get("/login").text
    assert '<html lang="en">' in client.get("/login", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert '<html lang="pl">' in client.get("/login", headers={"Accept-Language": "de"}).text


def test_a_choice_is_kept_and_its_trace_leaves_the_address(site: Site) -> None:
    client = site.world.app.test_client()
    answer = client.get("/login?lang=en&next=/jobs")
    assert answer.location == "/login?next=/jobs"
    assert "Sign in" in client.get("/login", headers={"Accept-Language": "pl"}).text


def test_a_choice_follows_the_user_to_another_browser(site: Site) -> None:
    client = site.client(site.clerk)
    client.get("/?lang=en")
    db.session.expire_all()
    assert db.session.get_one(User, site.clerk.id).language == "en"
    other = site.client(site.clerk)
    with other.session_transaction() as session:
        del session["cis_language"]
    assert '<html lang="en">' in other.get("/").text


def test_a_language_we_do_not_speak_changes_nothing(site: Site) -> None:
    client = site.client()
    assert client.get("/login?lang=xx").status_code == 200
    assert '<html lang="pl">' in client.get("/login").text


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 alarm"), (2, "2 alarmy"), (5, "5 alarmów"), (22, "22 alarmy")],
)
def test_polish_counts_in_three_forms(site: Site, count: int, words: str) -> None:
    with site.world.app.test_request_context(), force_locale("pl"):
        assert ngettext("%(num)s alarm", "%(num)s alarms", count) == words


def test_values_are_written_as_people_write_them(site: Site) -> None:
    at = datetime(2026, 11, 22, 9, 46, tzinfo=UTC)
    with site.world.app.test_request_context(), force_locale("pl"):
        assert moment(at) == "22 listopada 2026, 10:46"
        assert day(date(2026, 11, 2)) == "2 listopada 2026"
        assert money(Decimal("1234.5")) == f"1{NBSP}234,50{NBSP}zł"
        assert number(1_000_000) == f"1{NBSP}000{NBSP}000"
        assert [size(mb) for mb in (512, 1024, 2560, 3 * 1024 * 1024)] == [
            f"512{NBSP}MB",
            f"1{NBSP}GB",
            f"2,5{NBSP}GB",
            f"3{NBSP}TB",
        ]
        assert ago(datetime.now(UTC) - timedelta(minutes=2)) == "2 min temu"
        assert ago(datetime.now(UTC) + timedelta(minutes=5, seconds=1)) == "za 5 min"
        assert ago(datetime.now(UTC)) == "przed chwilą"
        assert ago(None) == "nigdy"
    with site.world.app.test_request_context(), force_locale("en"):
        assert ago(datetime.now(UTC) - timedelta(minutes=2)) == "2 minutes ago"
        assert moment(at) == "22 November 2026, 10:46"
