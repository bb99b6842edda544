"""What the command line does for people at a terminal: words for Tab, a live view, progress."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
from pathlib import Path

import click
import pytest
from rich.console import Console

from panel.cli import cis
from panel.cli.progress import wait_shown
from tests.checks.files import ROOT
from tests.cli.terminal import Terminal

PRESSED = {
    ("me",): {"members"},
    ("members", "sh"): {"show"},
    ("jobs", "list", "--sta"): {"--state"},
    ("jobs", "list", "--state", "wai"): {"waiting_approval"},
    ("completion", "z"): {"zsh"},
    ("webhooks", "create", "https://example.com/", "--fo"): {"--for"},
    ("nothing", "x"): set(),
}


def test_tab_completes_commands_options_and_choices_without_our_program(standing: Terminal) -> None:
    script = standing.run("completion", "bash").output
    for words, expected in PRESSED.items():
        quoted = " ".join(f"'{word}'" for word in words)
        ask = (
            f"{script}\nCOMP_WORDS=(cis {quoted}); COMP_CWORD={len(words)}; _cis; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(
            ["/bin/bash", "--norc", "-c", ask], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
        assert set(done.stdout.split()) == expected, words
        assert done.stderr == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_words(standing: Terminal, shell: str) -> None:
    script = standing.run("completion", shell).output
    assert all(name in script for name in cis.list_commands(click.Context(cis)))
    assert "waiting_approval" in script


def test_top_shows_nodes_and_jobs_once_for_scripts(terminal: Terminal) -> None:
    terminal.run("mailboxes", "create", "ala@info.wokiss.pl", "--member", "miasto-koscian")
    shown = json.loads(terminal.run("top", "--json").output)
    assert (shown["jobs"]["queued"], shown["jobs"]["failed_last_day"]) == (2, 0)
    assert [(node["name"], node["open_jobs"]) for node in shown["nodes"]] == [("mail1", 2)]
    assert {"kind": "mailbox", "state": "pending", "number": 1} in shown["unsettled"]
    told = terminal.run("top", "--once").output
    assert all(words in told for words in ("mail1", "queued: 2", "mailbox pending: 1", "Failed lately (0)"))


def test_top_at_a_terminal_is_live_until_it_is_stopped(standing: Terminal) -> None:
    output = _at_a_terminal(standing.data_dir, "top", "--every", "0.2", stop_at=b"mail1")
    assert b"Traceback" not in output


def test_waiting_shows_progress_at_a_terminal_and_nothing_elsewhere(
    standing: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with standing.panel():
        for is_terminal in (True, False):
            shown = io.StringIO()
            console = Console(file=shown, force_terminal=is_terminal, width=100)
            assert not wait_shown(lambda: False, 0.3, say="Mailboxes", total=3, done=lambda: 2, console=console)
            assert ("Mailboxes" in shown.getvalue() and "2/3" in shown.getvalue()) is is_terminal


def _at_a_terminal(data_dir: Path, *arguments: str, stop_at: bytes | None = None) -> bytes:
    """What a command shows at a terminal; it is interrupted once it showed ``stop_at``."""
    own, its = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "CIS_ENV": "lab", "CIS_DATA_DIR": str(data_dir), "LC_ALL": "C.UTF-8",
                   "TERM": "xterm", "COLUMNS": "160"}  # fmt: skip
    argv = [str(ROOT / ".venv/bin/cis"), *arguments]
    process = subprocess.Popen(
        argv, env=environment, cwd=ROOT, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    shown = b""
    try:
        while chunk := _read(own):
            shown += chunk
            if stop_at is not None and stop_at in shown:
                process.send_signal(2)
                stop_at = None
        process.wait(timeout=60)
    finally:
        process.kill()
        os.close(own)
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end was closed
        return b""
