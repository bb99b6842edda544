"""Lists of people, invitations, providers and lock-outs as files: what the list shows, and nothing else."""

from __future__ import annotations

import csv
import io

import pytest
from flask.testing import FlaskClient

from panel.identity.invitations import invite
from panel.identity.limits import account_key, note_failure
from panel.identity.models import User
from panel.identity.providers import add_provider
from panel.identity.sign_ins import note_refusal
from panel.kernel.access import SYSTEM
from panel.kernel.db import unit_of_work
from tests.web.site import Site

pytestmark = pytest.mark.one_database


def test_lists_of_people_come_as_files_that_open_without_harm(site: Site) -> None:
    with unit_of_work():
        site.clerk.name = "=cmd|' /C calc'!A0"
    invite(SYSTEM, email="jan@example.test", role="member_editor", member_id=site.world.koscian.id, name="Jan")
    add_provider(SYSTEM, name="Urząd", issuer="https://id.example", client_id="panel", client_secret="kept to itself",
                 member_ids=[site.world.koscian.id])  # fmt: skip
    for _ in range(9):
        note_failure("password", account_key(site.clerk.email), user_id=site.clerk.id)
    admin, clerk = site.client(site.admin), site.client(site.clerk)
    people = rows(admin, "/users/users.csv?search=anna")
    assert [(one["name"], one["email"]) for one in people] == [("'=cmd|' /C calc'!A0", "anna@example.test")]
    assert site.world.koscian.name in people[0]["roles"]
    assert {one["email"] for one in rows(clerk, "/users/users.csv")} == {"anna@example.test"}
    assert [one["email"] for one in rows(clerk, "/invitations/invitations.csv?state=waiting")] == ["jan@example.test"]
    assert rows(clerk, "/invitations/invitations.csv?state=accepted") == []
    (provider,) = rows(admin, "/providers/providers.csv?search=URZAD")
    assert provider["members"] == site.world.koscian.name
    assert "kept to itself" not in str(provider)
    assert rows(admin, "/providers/providers.csv?search=nobody") == []
    assert [one["person"] for one in rows(admin, "/lockouts/lockouts.csv")] == ["anna@example.test"]
    for path in ("/providers/providers.csv", "/lockouts/lockouts.csv"):
        assert clerk.get(path).status_code == 403


def test_own_sign_ins_are_listed_and_come_as_a_file(site: Site) -> None:
    for number in range(60):
        _refuse(site.clerk, f"192.0.2.{number}")
    client = site.client(site.clerk)
    first = client.get("/account/sign-ins").text
    assert "192.0.2.59" in first
    assert "192.0.2.3<" not in first
    assert "192.0.2.3<" in client.get("/account/sign-ins?page=2").text
    assert len(rows(client, "/account/sign-ins.csv")) == 60
    assert rows(site.client(site.admin), "/account/sign-ins.csv") == []


def _refuse(user: User, address: str) -> None:
    note_refusal(user.id, address=address, agent="Firefox, Linux", factor="password")


def rows(client: FlaskClient, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer.status_code == 200, path
    text = answer.get_data(as_text=True).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))
