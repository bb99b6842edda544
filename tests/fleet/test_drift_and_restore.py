"""A real panel and node: what was edited on the node is found and put right; yesterday's backup undoes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from panel.cli.running import RunningPanel
from tests.bench.api import Api
from tests.fleet.test_walk import PASSWORD, WAIT, Fleet

NEWER = "Nowsze hasło z dzisiaj 8"
DIFFERS = 9
# Somebody with a shell on the node who covers the traces: same size, and the file's times put back.
EDIT = """
import os, sqlite3, sys
path = "/var/lib/cis/mail/mail.sqlite"
before = os.stat(path)
rows = sqlite3.connect(path)
rows.execute("UPDATE mailbox SET quota_mb = 901 WHERE id = ?", (sys.argv[1],))
rows.commit()
rows.close()
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
"""


@pytest.fixture(scope="module")
def fleet(running_panel: RunningPanel) -> Iterator[Fleet]:
    api = _api(running_panel)
    (member,) = api.get("/members?search=miasto-koscian")["items"]
    fleet = Fleet(running_panel, api, member["id"], running_panel.facts["nodes"][0]["ip"])
    yield fleet
    fleet.api.close()


def test_a_row_edited_behind_the_agents_back_is_found_and_overwritten(fleet: Fleet) -> None:
    box = fleet.new("edited", quota_mb=100)
    gone = fleet.new("unserved")
    assert _drift(fleet) == []
    fleet.panel.lab.exec("mail1", ["python3", "-c", EDIT, box["id"]])
    fleet.panel.lab.exec("mail1", ["postmap", "-d", gone["address"], "lmdb:/etc/postfix/cis/mailboxes"])
    assert fleet.rcpt(gone["address"]) == 550
    found = {one["name"]: one for one in _drift(fleet)}
    assert {name: one["what"] for name, one in found.items()} == {
        box["address"]: "different",
        gone["address"]: "not_served",
    }
    edited = found[box["address"]]
    assert (edited["wanted"]["quota_mb"], edited["found"]["quota_mb"]) == (100, 901)
    shown = fleet.api.get(f"/mailboxes/{box['id']}")
    assert (shown["state"], shown["problem"]["code"]) == ("drifted", "drift_different")
    plan = json.loads(_cis(fleet, "drift", "plan", "mail1", "--json"))
    _cis(fleet, "drift", "repair", "mail1", "--digest", plan["digest"])
    assert _drift(fleet) == []
    assert fleet.rcpt(gone["address"]) == 250
    assert fleet.api.get(f"/mailboxes/{box['id']}")["state"] == "active"


def test_yesterdays_backup_comes_back_and_undoes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    changed, newer, removed = (fleet.new(name, password=PASSWORD) for name in ("changed", "newer", "removed"))
    identity = tmp_path / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, timeout=30, stderr=subprocess.DEVNULL)
    recipient = subprocess.run(
        ["age-keygen", "-y", str(identity)], check=True, timeout=30, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    made = json.loads(_cis(fleet, "backup", "--to", str(tmp_path), "--recipient", recipient, "--json"))
    assert made["left_out"] == ["keys/secret_key"]
    fleet.api.post(f"/mailboxes/{changed['id']}/suspend", {}, wait=WAIT)
    fleet.api.post(f"/mailboxes/{changed['id']}/resume", {}, wait=WAIT)
    _cis(fleet, "mailboxes", "password", newer["address"], "--password-stdin", "--wait", given=f"{NEWER}\n")
    fleet.api.delete(f"/mailboxes/{removed['id']}", wait=WAIT)
    created = fleet.new("created", password=PASSWORD)

    running = _cis_fails(fleet, "restore", made["file"], "--identity", str(identity), "--replace")
    assert "stop web server and workers first" in running
    for process in list(fleet.panel.processes.values()):
        process.stop()
    _cis(fleet, "restore", made["file"], "--identity", str(identity), "--replace", "--digest", made["digest"])
    fleet.panel.start_worker()
    fleet.panel.start_web()
    fleet.api.close()
    fleet.api = _api(fleet.panel)
    assert fleet.rcpt(created["address"]) == 250
    _cis(fleet, "restore", "finish", "--dry-run")
    (done,) = json.loads(_cis(fleet, "restore", "finish", "--json"))
    assert done["problem"] is None
    assert done["lifted"]["mailbox"] == 3
    assert done["only_here"] == [f"mailbox {created['address']}"]

    waiting = {one["name"]: one for one in _drift(fleet)}
    assert {name: one["what"] for name, one in waiting.items()} == {
        newer["address"]: "different",
        removed["address"]: "missing",
        created["address"]: "only_here",
    }
    assert waiting[newer["address"]]["differs"] == ["password"]
    with fleet.signed_in(newer["address"], NEWER), fleet.signed_in(created["address"]):
        pass
    assert fleet.rcpt(removed["address"]) == 550
    after = fleet.act(changed, "rename", address=f"po.{changed['address']}")
    assert after["state"] == "active"
    assert fleet.arrives(after["address"], "after-the-restore")
    for name in (newer["address"], created["address"]):
        fleet.api.post(f"/differences/{waiting[name]['id']}/adopt", {"member_id": fleet.member_id})
    job = fleet.api.post(f"/differences/{waiting[removed['address']]['id']}/overwrite", {})
    assert job["cause"] == "nodes:drift:overwrite"
    assert _drift(fleet) == []
    assert fleet.rcpt(removed["address"]) == 250
    assert fleet.api.get(f"/mailboxes/{created['id']}")["state"] == "active"
    with fleet.signed_in(newer["address"], NEWER):
        pass


def _api(panel: RunningPanel) -> Api:
    return Api(panel.facts["panel_url"], panel.facts["api_token"])


def _drift(fleet: Fleet) -> list[dict[str, Any]]:
    """What a look at the node finds now; the exit code must say the same."""
    done = _run(fleet, "drift", "mail1", "--check", "--json")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (DIFFERS if found else 0), done.stderr
    return found


def _cis(fleet: Fleet, *arguments: str, given: str = "") -> str:
    done = _run(fleet, *arguments, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _cis_fails(fleet: Fleet, *arguments: str) -> str:
    done = _run(fleet, *arguments)
    assert done.returncode == 1
    return done.stderr


def _run(fleet: Fleet, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``cis`` as the operator does, who is root."""
    command = [sys.executable, "-m", "panel.cli", *arguments]
    environment = os.environ | fleet.panel.environment() | {"LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, cwd=fleet.panel.root, env=environment, input=given, capture_output=True, text=True, check=False,
        timeout=180,
    )  # fmt: skip
