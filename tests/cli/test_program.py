"""The program itself, as a process: what tests within this one cannot show."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checks.files import ROOT
from tests.cli.terminal import Terminal

CIS = ROOT / ".venv/bin/cis"


def cis(*arguments: str, data_dir: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CIS_ENV": "lab", "CIS_DATA_DIR": str(data_dir), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [str(CIS), *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_program_answers_from_any_folder(standing: Terminal, tmp_path: Path) -> None:
    done = cis("members", "show", "miasto-koscian", "--json", data_dir=standing.data_dir, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"teryt": "301101"' in done.stdout


def test_the_lab_needs_no_application() -> None:
    code = (
        "import sys, panel.cli; panel.cli.cis(['lab', '--help'], standalone_mode=False); print('flask' in sys.modules)"
    )
    done = subprocess.run(
        [str(ROOT / ".venv/bin/python"), "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_root_becomes_the_owner_of_the_panels_data(terminal: Terminal) -> None:
    if os.geteuid() != 0:
        pytest.fail("this test needs root: it gives the panel's data to another user (use sudo make test)")
    owner = pwd.getpwnam("nobody")
    data_dir = Path("/run") / f"cis-test-{os.getpid()}"
    shutil.copytree(terminal.data_dir, data_dir)
    try:
        for path in (data_dir, *data_dir.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        done = cis("mailboxes", "create", "ala@info.wokiss.pl", "--member", "miasto-koscian", data_dir=data_dir)
        assert done.returncode == 0, done.stderr
        assert {path.stat().st_uid for path in (data_dir, *data_dir.rglob("*"))} == {owner.pw_uid}
        events = cis("events", "list", "--tag", "mail:mailbox:create", "--json", data_dir=data_dir)
        assert '"actor": "cli:root"' in events.stdout
    finally:
        shutil.rmtree(data_dir)


def test_tables_that_are_not_there_are_told_in_one_line(empty_database_url: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "CIS_ENV": "lab", "CIS_DATA_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    environment["CIS_DATABASE_URL"] = empty_database_url
    argv = [str(CIS), "nodes", "list"]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "cis db upgrade" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("spoil", ["group", "owner"])
def test_a_worker_takes_no_key_that_others_could_have_put_there(terminal: Terminal, spoil: str) -> None:
    key = terminal.data_dir / "keys/panel_ed25519"
    terminal.run("nodes", "key", "mail1")
    if spoil == "group":
        key.chmod(0o640)
    else:
        os.chown(key, pwd.getpwnam("nobody").pw_uid, -1)
    assert terminal.run("nodes", "key", "mail1").exit_code == 1
    refused = terminal.run("worker")
    assert refused.exit_code == 1
    assert "readable by that user alone" in refused.output
