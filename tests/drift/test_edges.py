"""The API and the command line show differences and take decisions; the rules are tested where they are."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from panel.engine.comparing import Comparing, Found
from panel.engine.looks import record_look
from panel.kernel.access import SYSTEM
from panel.kernel.db import db
from panel.kinds import KINDS
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.mail.actions import create_mailbox
from panel.members.models import Member
from tests.cli.terminal import Terminal, copy_of, make_panel
from tests.worlds import SHARED


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A panel whose node shows one mailbox otherwise and one file edited."""
    terminal = make_panel(tmp_path_factory.mktemp("panel") / "data")
    with terminal.panel():
        member = db.session.scalars(select(Member).where(Member.slug == "miasto-koscian")).one()
        box = create_mailbox(SYSTEM, member_id=member.id, address=f"a.zmieniona@{SHARED}").mailbox
        found = [
            Found(
                kind="mailbox",
                key=str(box.id),
                resource_id=box.id,
                name=box.address,
                what="different",
                differs=["quota_mb", "password_hash"],
                wanted={"quota_mb": 1024},
                found={"quota_mb": 7, "address": box.address, "login": "waiting"},
                secrets={"password_hash": "{ARGON2ID}canary"},
            ),
            Found(kind="file", key="main.cf", name="main.cf", what="file"),
        ]
        record_look(db.session.scalars(select(Node.id)).one(), KINDS, Comparing(found=found))
    return terminal


def test_differences_are_shown_and_the_exit_code_says_so(standing: Terminal) -> None:
    for words in (("drift",), ("drift", "mail1"), ("drift", "show", "mail1")):
        done = standing.run(*words)
        assert done.exit_code == 9
        assert "a.zmieniona" in done.stdout
    (first, second) = json.loads(standing.run("drift", "--json").stdout)
    assert (first["kind"], first["no_overwrite"]) == ("file", "repair_by_setup")
    assert second["differs"] == ["quota_mb", "password"]
    assert "canary" not in json.dumps([first, second])
    assert standing.json("nodes", "show", "mail1")["drift"]["differing"] == 2
    assert standing.run("drift", "mail9").exit_code == 3


def test_decisions_on_the_command_line(standing: Terminal, tmp_path: object) -> None:
    terminal = copy_of(standing, tmp_path / "data")  # type: ignore[operator]  # a path
    file, box = json.loads(terminal.run("drift", "--json").stdout)
    assert terminal.run("drift", "overwrite", file["id"]).exit_code == 5
    assert terminal.run("drift", "keep", file["id"], "--reason", "ok", "--until", "2020-01-01").exit_code == 4
    plan = terminal.json("drift", "plan", "mail1")
    assert (plan["total"], plan["left"]) == (1, 1)
    assert terminal.run("drift", "repair", "mail1", "--digest", "0" * 64).exit_code == 5
    assert terminal.json("drift", "repair", "mail1", "--digest", plan["digest"])["cause"] == "nodes:drift:overwrite"
    assert terminal.run("drift", "adopt", box["id"]).exit_code == 5
    with terminal.panel():
        assert set(db.session.scalars(select(Job.cause))) >= {"nodes:drift:overwrite", "nodes:drift:repair"}


def test_a_look_without_a_worker_says_so(standing: Terminal, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("panel.cli.drift.CHECK_SECONDS", 0.2)
    terminal = copy_of(standing, tmp_path / "data")  # type: ignore[operator]  # a path
    done = terminal.run("drift", "--check")
    assert (done.exit_code, "worker" in done.stderr) == (8, True)
