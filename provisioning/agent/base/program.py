"""Put the agent's program where the panel's key and the node's administrator start it from."""

from __future__ import annotations

import hashlib
import os
import signal
from contextlib import suppress
from pathlib import Path

from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.placing import make_folder, place
from provisioning.agent.placed import ConfigFile, with_content

HOME = Path("/usr/local/lib/cis")
PROGRAM = HOME / "agent.pyz"
PREVIOUS = HOME / "agent.pyz.previous"
WRAPPER = HOME / "agent"
LOGIN = HOME / "login"
COMMAND = Path("/usr/local/sbin/cis-node")
ROTATION = Path("/etc/logrotate.d/cis-agent")

# The folder is root's, so nobody else can put a link there; the check costs a millisecond and does not rely on that.
_WRAPPER = f"""#!/bin/sh
# All that the panel's key can start, by way of sudo. Arguments are ignored.
if [ "$(/usr/bin/stat -c '%F %u %a' {PROGRAM})" != "regular file 0 644" ]; then
    echo "{PROGRAM} is not a plain file of root's: not started" >&2
    exit 78
fi
exec /usr/bin/python3 -I -S {PROGRAM} serve
"""
_LOGIN = f"""#!/bin/sh
# The login shell of the panel's user: whatever it is asked to run, it starts the agent.
exec /usr/bin/sudo -n {WRAPPER}
"""
_COMMAND = f"""#!/bin/sh
# The node's own command, for its administrator.
exec /usr/bin/python3 -I -S {PROGRAM} "$@"
"""

# Two years of it, as long as records of systems are kept (regulation on National Interoperability Frameworks, § 21).
_ROTATION = b"""/var/log/cis-agent.log {
    weekly
    rotate 105
    compress
    missingok
    notifempty
}
"""


def files() -> list[ConfigFile]:
    """Name the program's wrappers; the program itself tells what it is by its digest."""
    return [
        with_content(WRAPPER, 0o755, _WRAPPER.encode()),
        with_content(LOGIN, 0o755, _LOGIN.encode()),
        with_content(COMMAND, 0o755, _COMMAND.encode()),
        with_content(ROTATION, 0o644, _ROTATION),
    ]


def install_program(uploaded: Path, digest: str) -> None:
    """Install the uploaded program with its wrappers; the one it replaces stays beside it, for `put_back`.

    Raises SetupFailed if it is not the one that was meant.
    """
    content = uploaded.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise SetupFailed("upload", "the program that arrived is not the one that was sent")
    make_folder(HOME)
    if PROGRAM.is_file() and not PROGRAM.is_symlink() and PROGRAM.read_bytes() != content:
        place(PREVIOUS, PROGRAM.read_bytes(), 0o644)
    place(PROGRAM, content, 0o644)
    place(WRAPPER, _WRAPPER.encode(), 0o755)
    place(LOGIN, _LOGIN.encode(), 0o755)
    place(COMMAND, _COMMAND.encode(), 0o755)
    make_folder(ROTATION.parent)
    place(ROTATION, _ROTATION, 0o644)


def installed_digest() -> str:
    """SHA-256, hex, of the installed program."""
    return hashlib.sha256(PROGRAM.read_bytes()).hexdigest()


def put_back() -> None:
    """Make the program the node's again that the last new one replaced. Raises SetupFailed if there is none."""
    if not PREVIOUS.is_file() or PREVIOUS.is_symlink():
        raise SetupFailed("no_previous", "no earlier program is kept on this node")
    place(PROGRAM, PREVIOUS.read_bytes(), 0o644)


def end_sessions() -> int:
    """End the agents that still run a replaced program; return how many. The panel's next request starts the new one.

    An agent may be ended at any moment: a batch is one transaction, and what follows it is resumed.
    """
    ended = 0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if command.read_bytes().split(b"\0")[1:6] == [b"-I", b"-S", os.fsencode(PROGRAM), b"serve", b""]:
                os.kill(int(command.parent.name), signal.SIGTERM)
                ended += 1
    return ended
