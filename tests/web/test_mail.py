"""Pages of mailboxes: what the forms take and refuse, who sees what, and where a link is shown."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from panel.identity.models import Role
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work
from panel.ledger.events import Event
from panel.mail.actions import create_mailbox, remove_mailbox, rename_mailbox
from panel.mail.models import ActivationLink, Mailbox
from panel.members.models import Member
from tests.web.sending import fields_at_fault, rows_of_everything, send
from tests.web.site import Site, small_site, token_in
from tests.worlds import SHARED, grant

GOOD = {"address": "jan.miasto-koscian", "domain": SHARED, "quota_mb": "1024", "password": ""}
BAD_ADDRESSES = {
    "control": "jan\x07kowalski",
    "newline": "jan\nkowalski",
    "null": "jan\x00",
    "quotes": '"jan kowalski"',
    "single quote": "o'brien",
    "parent folder": "../jan",
    "leading dash": "-jan",
    "leading dot": ".jan",
    "trailing dot": "jan.",
    "two dots": "jan..kowalski",
    "plus": "jan+poczta",
    "65 characters": "a" * 65,
    "300 characters": "a" * 300,
    "right-to-left mark": "jan\u200fkowalski",
    "right-to-left override": "jan\u202ekowalski",
    "Cyrillic look-alike": "jаn",
    "Polish letter": "żółć",
    "space": "jan kowalski",
    "another domain": "jan@example.org",
    "RFC 2142 postmaster": "postmaster",
    "RFC 2142 abuse": "abuse",
    "RFC 2142 webmaster": "webmaster",
    "RFC 2142 in capitals": "HOSTMASTER",
    "empty": "",
    "blank": "   ",
}
BAD_QUOTAS = ["-1", "0", "0.5", "0,5", "x", "1000000000000000", "1" * 400, "", "١٢٣", "1e3", "0x10", "½", "1_000"]


@pytest.mark.parametrize("address", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES.keys())
def test_a_bad_address_is_an_error_of_its_field_and_leaves_nothing_behind(unchanged: Site, address: str) -> None:
    answer = refused(unchanged, GOOD | {"address": address})
    assert fields_at_fault(answer) == {"address"}


@pytest.mark.parametrize("quota", BAD_QUOTAS)
def test_a_bad_capacity_is_an_error_of_its_field_and_leaves_nothing_behind(unchanged: Site, quota: str) -> None:
    answer = refused(unchanged, GOOD | {"quota_mb": quota})
    assert fields_at_fault(answer) == {"quota_mb"}
    assert "jan.miasto-koscian" in answer, "what was typed stays"


@pytest.mark.parametrize("password", ["zażółć", "ż" * 300, "jedenaście\x07znaków"])
def test_a_bad_password_is_an_error_of_its_field_and_is_not_shown_again(unchanged: Site, password: str) -> None:
    answer = refused(unchanged, GOOD | {"password": password})
    assert fields_at_fault(answer) == {"password"}
    assert password not in answer


@pytest.mark.parametrize("domain", ["gmail.com", "", "info.wokiss.pl.", "info.wokiss.pl\x00"])
def test_a_domain_that_is_not_offered_is_refused(unchanged: Site, domain: str) -> None:
    assert fields_at_fault(refused(unchanged, GOOD | {"domain": domain})) == {"address"}


def test_an_address_taken_by_an_alias_is_refused(site: Site) -> None:
    box = a_mailbox(site, "dawna.miasto-koscian")
    rename_mailbox(SYSTEM, box.id, address=f"nowa@{SHARED}")
    db.session.commit()
    answer = refused(site, GOOD | {"address": "dawna.miasto-koscian"})
    assert fields_at_fault(answer) == {"address"}
    assert f"dawna.miasto-koscian@{SHARED} jest już w użyciu" in answer


def test_the_statutory_address_of_another_member_is_reserved(unchanged: Site) -> None:
    assert fields_at_fault(refused(unchanged, GOOD | {"address": "smigiel"})) == {"address"}


def test_more_than_the_contracts_grant_is_refused_in_figures(unchanged: Site) -> None:
    answer = refused(unchanged, GOOD | {"quota_mb": "1048576"})
    assert fields_at_fault(answer) == {"quota_mb"}
    assert "Umowy dają" in answer


@pytest.mark.one_database
def test_an_address_like_another_members_is_taken_only_once_that_is_confirmed(site: Site) -> None:
    create_mailbox(SYSTEM, member_id=site.world.smigiel.id, address=f"j-an.miasto.koscian@{SHARED}", quota_mb=1)
    db.session.commit()
    client = site.client(site.clerk)
    answer = send(client, new_path(site.world.koscian), GOOD)
    assert (answer.status_code, fields_at_fault(answer.text)) == (422, {"sure"})
    assert 'name="reason"' not in answer.text, "only whoever may give any name gives reasons"
    answer = send(client, new_path(site.world.koscian), GOOD | {"sure": "y"})
    assert (answer.status_code, mailbox("jan.miasto-koscian").statutory) == (200, False)
    page = site.client(site.admin).get(new_path(site.world.koscian))
    assert 'name="reason"' in page.text


def test_a_mailbox_without_password_shows_its_link_once_and_nowhere_else(site: Site) -> None:
    client = site.client(site.clerk)
    answer = send(client, new_path(site.world.koscian), GOOD)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    token = token_of(answer.text)
    assert all(token not in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    box = mailbox("jan.miasto-koscian")
    assert (box.quota_mb, box.password_hash, box.member_id) == (1024, None, site.world.koscian.id)
    for path in (f"/mail/mailboxes/{box.id}", "/mail/mailboxes", "/", f"/members/{box.member_id}"):
        assert token not in client.get(path).text, path
    assert token not in database_text(site)


def test_a_mailbox_with_password_leads_to_its_page_and_has_no_link(site: Site) -> None:
    client = site.client(site.clerk)
    answer = send(client, new_path(site.world.koscian), GOOD | {"password": "cztery słowa nie do pary"})
    assert answer.status_code == 303
    box = mailbox("jan.miasto-koscian")
    assert answer.location == f"/mail/mailboxes/{box.id}"
    assert box.login == "open"
    assert db.session.scalar(select(ActivationLink.id)) is None
    assert "Trwa zakładanie skrzynki" in client.get(answer.location).text


def test_a_whole_address_in_the_first_part_counts_once(site: Site) -> None:
    send(site.client(site.clerk), new_path(site.world.koscian), GOOD | {"address": f"Jan.Miasto-Koscian@{SHARED}"})
    assert mailbox("jan.miasto-koscian").address == f"jan.miasto-koscian@{SHARED}"


def test_sending_the_form_again_says_that_the_address_is_taken(site: Site) -> None:
    client = site.client(site.clerk)
    send(client, new_path(site.world.koscian), GOOD)
    again = send(client, new_path(site.world.koscian), GOOD)
    assert again.status_code == 422
    assert fields_at_fault(again.text) == {"address"}


def test_a_clerk_with_one_member_needs_not_choose_it(site: Site) -> None:
    client = site.client(site.clerk)
    answer = client.get("/mail/mailboxes/new", follow_redirects=True)
    assert answer.request.path == "/mail/mailboxes/new"
    assert answer.request.args["member"] == str(site.world.koscian.id)


def test_staff_choose_the_member_first(site: Site) -> None:
    client = site.client(site.admin)
    answer = client.get("/mail/mailboxes/new", follow_redirects=True)
    assert answer.request.path == "/members/choose/mailbox"
    found = client.get("/members/choose/mailbox?search=KOSC")
    assert f"/mail/mailboxes/new?member={site.world.koscian.id}" in found.text
    assert str(site.world.smigiel.id) not in found.text


def test_nothing_of_another_member_is_reached(site: Site) -> None:
    grant(site.world.smigiel, mailboxes=5, mailbox_mb=5000)
    foreign = create_mailbox(SYSTEM, member_id=site.world.smigiel.id, address=f"obca@{SHARED}").mailbox
    db.session.commit()
    client = site.client(site.clerk, fresh=True)
    assert "obca" not in client.get("/mail/mailboxes").text
    assert "obca" not in client.get("/mail/mailboxes.csv", buffered=True).text
    assert client.get(new_path(site.world.smigiel)).status_code == 404
    token = token_in(client.get(new_path(site.world.koscian)).text)
    before = rows_of_everything()
    for action in ("", "/quota", "/password", "/link", "/rename", "/suspend", "/resume", "/remove", "/restore"):
        path = f"/mail/mailboxes/{foreign.id}{action}"
        assert client.get(path).status_code == 404, path
        if action:
            data = {"csrf_token": token, "quota_mb": "5", "address": "x", "domain": SHARED, "password": "p" * 20}
            assert client.post(path, data=data).status_code == 404, path
    assert client.post(new_path(site.world.smigiel), data=GOOD | {"csrf_token": token}).status_code == 404
    assert rows_of_everything() == before


def test_whoever_may_only_read_sees_no_way_to_change(site: Site) -> None:
    box = a_mailbox(site, "czytana")
    site.clerk.grants[0].role = db.session.scalars(select(Role).where(Role.name == "member_editor")).one()
    db.session.commit()
    reader = site.client(site.clerk)
    page = reader.get(f"/mail/mailboxes/{box.id}").text
    assert "/remove" not in page
    assert "/mail/mailboxes/new" not in reader.get("/mail/mailboxes").text
    assert reader.get(f"/mail/mailboxes/{box.id}/remove").status_code == 403
    assert reader.get(new_path(site.world.koscian)).status_code == 403


def test_the_list_searches_filters_sorts_and_tells_of_empty(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    assert addresses(client, "/mail/mailboxes?search=SEKRET") == ["sekretariat"]
    assert addresses(client, "/mail/mailboxes?state=failed") == ["promocja.i.rozwoj.gospodarczy"]
    assert addresses(client, "/mail/mailboxes?state=removing") == ["kasa", "odchodzi0", "odchodzi1", "odchodzi2"]
    assert addresses(client, "/mail/mailboxes?sort=-address&page_size=20")[0] == "wojt"
    assert len(addresses(client, "/mail/mailboxes")) == 50
    nothing = client.get("/mail/mailboxes?search=nie-ma-takiej").text
    assert "Nie ma takiej skrzynki" in nothing
    assert addresses(client, f"/mail/mailboxes?member={uuid.uuid4()}") == []
    assert client.get("/mail/mailboxes?member=x").status_code == 404


def test_the_file_holds_the_same_rows_as_the_list(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    lines = client.get("/mail/mailboxes.csv?search=pracownik", buffered=True).text.splitlines()
    assert len(lines) == 61
    assert lines[0].lstrip("\ufeff").startswith("address;member;quota_mb")
    assert lines[1].startswith(f"pracownik000@{SHARED};Kościan;")


def test_a_pending_page_asks_to_be_read_again_and_a_settled_one_does_not(full_site: Site) -> None:
    client = full_site.client(full_site.admin)
    pending = client.get(f"/mail/mailboxes/{mailbox('usc').id}").text
    assert 'http-equiv="refresh"' in pending
    assert "data-live-pending" in pending
    settled = client.get(f"/mail/mailboxes/{mailbox('sekretariat').id}").text
    assert 'http-equiv="refresh"' not in settled
    assert "prawdziwa wiadomość dotarła" in settled


def test_a_problem_is_shown_in_the_services_own_words_with_what_to_do(full_site: Site) -> None:
    page = full_site.client(full_site.clerk).get(f"/mail/mailboxes/{mailbox('promocja.i.rozwoj.gospodarczy').id}").text
    assert "userdb rejected the row: field quota_rule" in page
    assert "Zmień to, czemu serwer się sprzeciwia" in page


@pytest.mark.parametrize(
    ("action", "fields", "tag"),
    [
        ("quota", {"quota_mb": "2 048"}, "quota"),
        ("password", {"password": "zupełnie nowe hasło"}, "password"),
        ("rename", {"address": "inna.miasto-koscian", "domain": SHARED}, "rename"),
        ("suspend", {}, "suspend"),
        ("remove", {}, "remove"),
    ],
)
def test_a_change_is_made_by_sending_its_form_and_not_by_looking_at_it(
    site: Site, action: str, fields: dict[str, str], tag: str
) -> None:
    box = a_mailbox(site, "zmieniana")
    client = site.client(site.clerk, fresh=True)
    before = rows_of_everything()
    assert client.get(f"/mail/mailboxes/{box.id}/{action}").status_code == 200
    assert rows_of_everything() == before
    answer = send(client, f"/mail/mailboxes/{box.id}/{action}", fields)
    assert (answer.status_code, answer.location) == (303, f"/mail/mailboxes/{box.id}")
    assert mailbox_by_id(box.id).wanted_generation == 2
    assert db.session.scalar(select(Event.tag).order_by(Event.id.desc())) == f"mail:mailbox:{tag}"


def test_what_was_suspended_is_resumed_and_what_was_removed_is_restored(site: Site) -> None:
    box = a_mailbox(site, "wracajaca")
    client, path = site.client(site.clerk), f"/mail/mailboxes/{box.id}"
    send(client, f"{path}/suspend")
    assert "Ta skrzynka jest zawieszona" in client.get(path).text
    send(client, f"{path}/resume")
    assert mailbox_by_id(box.id).suspended_at is None
    send(client, f"{path}/remove")
    removed = client.get(path).text
    assert "Ta skrzynka jest usunięta" in removed
    assert "/rename" not in removed
    send(client, f"{path}/restore")
    assert mailbox_by_id(box.id).want == "put"


def test_the_question_before_removal_says_until_when_it_can_be_undone(site: Site) -> None:
    box = a_mailbox(site, "pytana")
    rename_mailbox(SYSTEM, box.id, address=f"pytana2@{SHARED}")
    db.session.commit()
    page = site.client(site.clerk).get(f"/mail/mailboxes/{box.id}/remove").text
    assert "do tego czasu skrzynkę można przywrócić" in page
    assert f"pytana@{SHARED}, jej drugi adres" in page


def test_restoring_what_is_there_is_refused_in_words(site: Site) -> None:
    box = a_mailbox(site, "obecna")
    answer = send(site.client(site.clerk), f"/mail/mailboxes/{box.id}/restore")
    assert answer.status_code == 422
    assert "To nie zostało usunięte" in answer.text


def test_changing_what_is_removed_is_refused_in_words(site: Site) -> None:
    box = a_mailbox(site, "usunieta")
    remove_mailbox(SYSTEM, box.id)
    db.session.commit()
    before = rows_of_everything()
    answer = send(site.client(site.clerk), f"/mail/mailboxes/{box.id}/quota", {"quota_mb": "5"})
    assert answer.status_code == 422
    assert rows_of_everything() == before


def test_a_new_link_is_shown_once_and_voids_the_one_before(site: Site) -> None:
    client = site.client(site.clerk)
    first = token_of(send(client, new_path(site.world.koscian), GOOD).text)
    answer = send(client, f"/mail/mailboxes/{mailbox('jan.miasto-koscian').id}/link")
    assert answer.headers["Cache-Control"] == "no-store"
    second = token_of(answer.text)
    visitor = site.client()
    assert visitor.get(f"/activate/{first}").status_code == 404
    assert visitor.get(f"/activate/{second}").status_code == 200


def test_staff_add_a_domain_and_see_it_wait(site: Site) -> None:
    client = site.client(site.admin)
    answer = send(client, "/mail/domains/new", {"name": "Poczta.Koscian.pl", "member_id": "301101"})
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "poczta.koscian.pl" in page
    assert "Kościan" in page
    assert "poczta.koscian.pl" in client.get("/mail/domains").text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": "bez kropki"}, "name"),
        ({"name": "ż.pl"}, "name"),
        ({"name": SHARED}, "name"),
        ({"name": "a.pl", "member_id": "nie ma takiego"}, "member_id"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_domain_is_an_error_of_its_field(site: Site, fields: dict[str, str], fault: str) -> None:
    client, before = site.client(site.admin), rows_of_everything()
    answer = send(client, "/mail/domains/new", fields)
    assert answer.status_code == 422
    assert fields_at_fault(answer.text) == {fault}
    assert rows_of_everything() == before


def test_a_member_adds_no_domain(site: Site) -> None:
    client = site.client(site.clerk)
    assert "/mail/domains/new" not in client.get("/mail/domains").text
    token = token_in(client.get(new_path(site.world.koscian)).text)
    assert client.post("/mail/domains/new", data={"csrf_token": token, "name": "a.pl"}).status_code == 403


def test_a_link_that_ran_out_is_told_on_the_mailboxs_page(site: Site) -> None:
    client = site.client(site.clerk)
    send(client, new_path(site.world.koscian), GOOD)
    box = mailbox("jan.miasto-koscian")
    assert "link przekazany" in client.get(f"/mail/mailboxes/{box.id}").text
    with unit_of_work():
        link = db.session.scalars(select(ActivationLink)).one()
        link.expires_at -= timedelta(days=15)
    assert "Przekazany link stracił ważność" in client.get(f"/mail/mailboxes/{box.id}").text


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all that is refused: each test shows that it left nothing behind."""
    with small_site(tmp_path_factory.mktemp("unchanged")) as site:
        yield site


def refused(site: Site, fields: dict[str, str]) -> str:
    client, before = site.client(site.clerk), rows_of_everything()
    answer = send(client, new_path(site.world.koscian), fields)
    assert answer.status_code == 422
    assert rows_of_everything() == before
    return answer.text


def token_of(page: str) -> str:
    found = re.search(r"/activate/([A-Za-z0-9_-]{22,})", page)
    assert found is not None, "no link on this page"
    return found.group(1)


def new_path(member: Member) -> str:
    return f"/mail/mailboxes/new?member={member.id}"


def a_mailbox(site: Site, local: str) -> Mailbox:
    made = create_mailbox(
        SYSTEM, member_id=site.world.koscian.id, address=f"{local}@{SHARED}", password="cztery słowa nie do pary"
    )
    db.session.commit()
    return made.mailbox


def mailbox(local: str) -> Mailbox:
    db.session.rollback()
    query = select(Mailbox).where(Mailbox.address == f"{local}@{SHARED}")
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def mailbox_by_id(mailbox_id: uuid.UUID) -> Mailbox:
    db.session.rollback()
    return db.session.get_one(Mailbox, mailbox_id, populate_existing=True)


def addresses(client: FlaskClient, path: str) -> list[str]:
    return re.findall(rf'<a href="/mail/mailboxes/[0-9a-f-]+">([^<@]+)@{SHARED}</a>', client.get(path).text)


def database_text(site: Site) -> str:
    folder = site.world.app.config["CIS"].data_dir
    return "".join(path.read_bytes().decode("latin-1") for path in folder.glob("panel.sqlite*"))
