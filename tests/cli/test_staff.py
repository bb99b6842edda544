"""Contracts, services, entitlements, domains, nodes, jobs, events, tokens, users, demo data."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import select

from panel.identity.actions import actor_for_token
from panel.identity.limits import account_key, address_key, note_failure
from panel.identity.models import ApiToken, User
from panel.kernel.db import db, unit_of_work
from panel.kernel.passwords import token_digest
from panel.ledger.alarms import raise_alarm
from tests.cli.terminal import Terminal
from tests.worlds import SHARED

ORDER = {"admin_email": "admin@panel.test", "admin_password": "correct horse", "admin_totp": "JBSWY3DPEHPK3PXP"}


def test_the_demo_data_again_changes_nothing(terminal: Terminal) -> None:
    before = terminal.rows()
    assert terminal.json("demo", "load") == {"members": 0, "services": 0, "contracts": 0}
    assert terminal.rows() == before


def test_alarms_are_listed_and_a_relay_that_is_not_set_is_told(terminal: Terminal) -> None:
    assert terminal.json("alarms", "list") == []
    with terminal.panel(), unit_of_work():
        raise_alarm("drift_open:x", "drift_open", None, node="mail1", number=3)
    (alarm,) = terminal.json("alarms", "list")
    assert (alarm["code"], alarm["told_at"], alarm["cleared_at"]) == ("drift_open", None, None)
    assert "3 differences on mail1 wait for a decision" in terminal.run("alarms", "list").stdout
    assert terminal.json("alarms", "list", "--state", "cleared") == []
    sent = terminal.run("alarms", "test")
    assert sent.exit_code == 1
    assert "CIS_ALARM_SMTP" in sent.output


def test_koscian_is_granted_everything_in_plenty(standing: Terminal) -> None:
    granted = {row["kind"]: row["granted"] for row in standing.json("entitlements", "miasto-koscian")}
    assert granted["mailboxes"] >= 200_000
    assert granted["mailbox_mb"] >= 200_000 * 1024
    assert granted["zones"] >= 20_000
    assert granted["virtual_servers"] >= 2_000
    assert granted["file_accounts"] >= 20_000


def test_one_contract_expires_one_is_suspended_and_some_are_ordinary(standing: Terminal) -> None:
    statuses = [contract["status"] for contract in standing.json("contracts", "list")]
    assert statuses.count("expiring") == statuses.count("suspended") == 1
    assert statuses.count("active") >= 5


def test_a_contract_comes_from_a_file_or_from_options(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "contract.toml"
    file.write_text(
        'number = "CIS/2026/90"\nmember = "smigiel"\nsigned_on = 2026-01-02\nstarts_on = "2026-02-01"\n'
        '[[items]]\nservice = "EMAIL"\nquantity = 5\nunit_price = "20.00"\n',
        encoding="utf-8",
    )
    made = terminal.json("contracts", "create", str(file))
    assert (made["starts_on"], made["items"][0]["unit_price"]) == ("2026-02-01", "20.00")
    options = [
        "--member",
        "smigiel",
        "--number",
        "CIS/2026/91",
        "--signed-on",
        "2026-01-02",
        "--starts-on",
        "2026-01-02",
    ]
    assert terminal.json("contracts", "create", *options, "--item", "DNS=2")["items"][0]["quantity"] == 2
    again = terminal.run("contracts", "create", *options, "--item", "DNS=2")
    assert (again.exit_code, "(number)" in again.stderr) == (5, True)
    bad = terminal.run("contracts", "create", *options, "--item", "COFFEE=2")
    assert (bad.exit_code, "(items.0.service)" in bad.stderr) == (4, True)


def test_a_contract_is_suspended_resumed_and_ended(terminal: Terminal) -> None:
    number = "CIS/2026/002"
    assert terminal.json("contracts", "suspend", number, "--level", "closed", "--reason", "x")["status"] == "suspended"
    assert terminal.json("contracts", "resume", number)["status"] == "active"
    assert terminal.json("contracts", "end", number, "--on", "2026-10-01")["status"] == "ended"
    assert terminal.run("contracts", "end", number, "--on", "2026-13-01").exit_code == 2
    assert terminal.run("contracts", "show", "CIS/1999/1").exit_code == 3


def test_domains_services_nodes_and_events_are_listed(terminal: Terminal) -> None:
    assert terminal.json("domains", "create", "koscian.example", "--member", "miasto-koscian")["state"] == "pending"
    assert [row["name"] for row in terminal.json("domains", "list")] == [SHARED, "koscian.example"]
    assert terminal.run("domains", "create", "koscian.example").exit_code == 5
    assert {row["code"] for row in terminal.json("services", "list")} >= {"EMAIL", "GMINA-POWIAT", "SZKOLA"}
    assert terminal.json("nodes", "show", "mail1")["roles"] == ["mail"]
    assert terminal.json("events", "list", "--tag", "mail:domain")[0]["actor"] == "cli:ewa"
    shown = terminal.run("events", "list", "--tag", "mail:domain:create").stdout
    assert "mail:domain:create" in shown


def test_a_job_is_shown_and_withdrawn(terminal: Terminal) -> None:
    (job,) = terminal.json("jobs", "list", "--state", "queued", "--node", "mail1")
    assert terminal.json("jobs", "show", job["id"])["cause"] == "mail:domain:create"
    assert terminal.run("jobs", "retry", job["id"]).exit_code == 5
    assert terminal.json("jobs", "cancel", job["id"])["state"] == "cancelled"
    assert terminal.run("jobs", "show", "no-id").exit_code == 3


def test_a_user_and_a_token_for_it(terminal: Terminal) -> None:
    made = terminal.json("users", "create", "ewa@wokiss.test", "--role", "provisioner", "--totp", "--password-stdin",
                         given="correct horse battery\n")  # fmt: skip
    assert made["second_factor"]
    assert len(made["totp"]) >= 16
    token = terminal.json("tokens", "create", "--for", "ewa@wokiss.test", "--role", "provisioner", "--name", "nightly")
    assert "ewa@wokiss.test" in [user["email"] for user in terminal.json("users", "list", "--sort", "-email")]
    with terminal.panel():
        actor = actor_for_token(token["token"], address="127.0.0.1")
        assert actor is not None
        assert actor.may_everywhere("mail:write")
        assert not actor.may("nodes:write")
    more = terminal.run("tokens", "create", "--for", "ewa@wokiss.test", "--role", "association_admin")
    assert more.exit_code == 6
    assert terminal.json("tokens", "revoke", token["id"])["revoked_at"] is not None
    with terminal.panel():
        assert actor_for_token(token["token"], address="127.0.0.1") is None
    assert (
        terminal.run("users", "create", "x@y.test", "--role", "support", "--password-stdin", given="x\n").exit_code == 4
    )


def test_the_first_administrator_is_made_from_an_order_that_is_then_gone(terminal: Terminal) -> None:
    order = terminal.data_dir / "first-admin.json"
    for secret in ("cis_first", "cis_first", "cis_second"):
        order.write_text(json.dumps(ORDER | {"api_token": secret}))
        done = terminal.run("demo", "admin")
        assert (done.exit_code, order.exists()) == (0, False)
    with terminal.panel():
        assert len(db.session.scalars(select(User).where(User.email == ORDER["admin_email"])).all()) == 1
        digests = set(db.session.scalars(select(ApiToken.digest)))
        assert digests == {token_digest("cis_first"), token_digest("cis_second")}
        actor = actor_for_token("cis_second", address=None)
        assert actor is not None
        assert actor.may_everywhere("nodes:write")


def test_every_member_gets_its_statutory_address_once(terminal: Terminal) -> None:
    assert terminal.run("demo", "addresses").exit_code == 0
    assert len(terminal.json("mailboxes", "list", "--page-size", "200")) == 200
    before = terminal.rows()
    assert before["mailboxes"] == 351
    assert terminal.run("demo", "addresses").exit_code == 0
    assert terminal.rows() == before


def test_a_nodes_plan_is_shown_and_an_outdated_one_is_not_approved(standing: Terminal) -> None:
    plan = standing.json("nodes", "plan", "mail1")
    assert (plan["waiting"], plan["second_person"]) == (False, False)
    assert plan["total"] == sum(count["number"] for count in plan["counts"])
    assert plan["digest"] in standing.run("nodes", "plan", "mail1").stdout
    refused = standing.run("nodes", "approve", "mail1", plan["digest"])
    assert refused.exit_code != 0
    assert "Meanwhile it would do something else" in refused.output


def test_people_are_invited_and_waits_are_ended(terminal: Terminal) -> None:
    made = terminal.json("invitations", "send", "jan@example.test", "--role", "member_editor", "--member", "smigiel")
    assert (made["state"], made["role"]) == ("waiting", "member_editor")
    assert terminal.json("invitations", "resend", made["id"])["state"] == "waiting"
    assert terminal.json("invitations", "withdraw", made["id"])["state"] == "withdrawn"
    assert [row["email"] for row in terminal.json("invitations", "list", "--state", "withdrawn")] == [
        "jan@example.test"
    ]
    with terminal.panel():
        for _ in range(40):
            note_failure("password", account_key("ewa@example.test"), address_key("192.0.2.7"))
    assert {row["sort"] for row in terminal.json("limits", "list")} == {"account", "address"}
    assert terminal.run("limits", "clear", "Ewa@example.test").exit_code == 0
    (left,) = terminal.json("limits", "list")
    assert left["network"] == "192.0.2.7"
    assert terminal.json("limits", "clear", left["id"]) == {"cleared": [left["id"]]}
    assert terminal.run("limits", "clear", "nobody").exit_code == 3
