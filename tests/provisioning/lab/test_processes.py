"""The panel's processes have no rights, see what they need, and end with who started them."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.lab import LabError, processes

ROOT = Path(__file__).resolve().parents[3]
SLEEP = ["/usr/bin/python3", "-c", "import time; time.sleep(600)"]


def test_a_process_has_no_capabilities_and_can_gain_none(checkout: Path) -> None:
    process = processes.start(SLEEP, {}, checkout / "log", "sleeper", root=checkout)
    try:
        await_truth(lambda: status(process.pid)["Name"] == "python3")
        facts = status(process.pid)
    finally:
        process.stop()

    none = "0" * 16
    assert [facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [none] * 5
    assert facts["NoNewPrivs"] == "1"
    assert facts["Groups"] == ""
    assert set(facts["Uid"].split()) == {str(pwd.getpwnam(processes.USER).pw_uid)}


def test_it_reads_a_checkout_that_lies_in_a_closed_folder(checkout: Path) -> None:
    checkout.chmod(0o700)
    checkout.parent.chmod(0o700)

    assert run_inside(checkout, "print(open('panel/note').read(), os.getcwd())").startswith("hello /run/cis-panel/")


def test_it_can_write_to_its_own_folder_only(checkout: Path) -> None:
    trial = """
open('var/panel/mine', 'w').close()
for path in ('new', 'panel/note', 'var/new'):
    try:
        open(path, 'w')
    except OSError as error:
        print(error.errno)
"""
    assert run_inside(checkout, trial).split() == ["30", "30", "30"]
    assert (checkout / "var/panel/mine").exists()


def test_it_sees_neither_history_nor_the_labs_secrets(checkout: Path) -> None:
    assert run_inside(checkout, "print(os.path.exists('.git'), os.listdir('var'))") == "False ['panel']"


def test_its_environment_is_what_it_was_given(checkout: Path) -> None:
    os.environ["CIS_TEST_SECRET"] = "not for the panel"
    try:
        said = run_inside(checkout, "print(sorted(os.environ), os.environ['GIVEN'])", {"GIVEN": "yes"})
    finally:
        del os.environ["CIS_TEST_SECRET"]

    assert "CIS_TEST_SECRET" not in said
    assert said.endswith("yes")


def test_stopping_ends_also_what_it_started_and_what_does_not_listen(checkout: Path) -> None:
    stubborn = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(['sleep', '600'])
open('var/panel/child', 'w').write(str(child.pid))
time.sleep(600)
"""
    process = processes.start(["/usr/bin/python3", "-c", stubborn], {}, checkout / "log", "stubborn", root=checkout)
    note = checkout / "var/panel/child"
    await_truth(lambda: note.exists() and bool(note.read_text()))

    process.stop(timeout=0.3)

    assert process.poll() == -signal.SIGKILL
    await_truth(lambda: not alive(int(note.read_text())))


def test_it_ends_when_the_process_that_started_it_is_killed(checkout: Path) -> None:
    script = """
import pathlib, sys, time
from provisioning.lab import processes
root = pathlib.Path(sys.argv[1])
print(processes.start(sys.argv[2:], {}, root / 'log', 'orphan', root=root).pid, flush=True)
time.sleep(600)
"""
    command = [sys.executable, "-c", script, str(checkout), *SLEEP]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        await_truth(lambda: status(pid)["Name"] == "python3")
        parent.kill()

    await_truth(lambda: not alive(pid))


def test_a_checkout_the_panel_could_not_read_is_told_before_it_fails(checkout: Path) -> None:
    (checkout / "panel").chmod(0o700)

    with pytest.raises(LabError, match="chmod"):
        processes.start(SLEEP, {}, checkout / "log", "blind", root=checkout)


def run_inside(checkout: Path, program: str, env: dict[str, str] | None = None) -> str:
    log = checkout / "log"
    argv = ["/usr/bin/python3", "-c", f"import os\n{program}"]
    process = processes.start(argv, env or {}, log, "trial", root=checkout)
    try:
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.stop()
    return log.read_text().strip()


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and status(pid)["State"][0] != "Z"


def await_truth(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a checkout looks like from afar."""
    root = tmp_path / "checkout"
    for folder in ("panel", "provisioning", ".git", "var/lab"):
        (root / folder).mkdir(parents=True)
    (root / "panel/note").write_text("hello")
    (root / "var/lab/secret").write_text("secret")
    return root
