"""Another program for the agent of a node that is set up already; nothing else of the node is touched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioning.agent import supported
from provisioning.agent.base import program, sender_check
from provisioning.agent.base.commands import attempt
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.request import read_digest

_PYTHON = "/usr/bin/python3"


def upgrade(body: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Install the program that runs now; return it and the one ``before``, by SHA-256.

    One that does not even start on this host is taken out again at once. Raises SetupFailed.
    """
    digest = read_digest(body)
    _require_node()
    before = program.installed_digest()
    program.install_program(Path(sys.argv[0]), digest)
    code, words = attempt([_PYTHON, "-I", "-S", str(program.PROGRAM), "version"])
    if code != 0:
        program.put_back()
        raise SetupFailed("program", f"the new program does not run, the earlier one is back: {words[-500:].strip()}")
    ended = program.end_sessions()
    sender_check.restart()
    say(f"Program {digest[:12]} installed, {ended} sessions of the earlier one ended")
    return {"program": digest, "before": before}


def downgrade(_body: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Put the program back that was there before the last one; return both. Raises SetupFailed ``no_previous``."""
    _require_node()
    before = program.installed_digest()
    program.put_back()
    ended = program.end_sessions()
    sender_check.restart()
    digest = program.installed_digest()
    say(f"Program {digest[:12]} is back, {ended} sessions of the later one ended")
    return {"program": digest, "before": before}


def _require_node() -> None:
    if not program.PROGRAM.exists():
        raise SetupFailed("no_node", "this host was never enrolled: cis nodes enroll")
    try:
        supported.require_release(supported.read_release())
    except supported.Unsupported as error:
        raise SetupFailed("unsupported", str(error)) from error
