"""The panel's account on the node: it can start one program as root, and nothing else.

Each limit stands at least twice, so that one mistake opens nothing: the key's own options, sshd's Match block, the
login shell, and sudo's one line without arguments. See sshd(8) AUTHORIZED_KEYS, sshd_config(5), sudoers(5).
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import tempfile
import time
from pathlib import Path

from provisioning.agent.base import program
from provisioning.agent.base.commands import attempt, run
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.placing import place
from provisioning.agent.base.services import has_systemd
from provisioning.agent.placed import ConfigFile, with_content

USER = "cis-agent"
KEYS = Path("/etc/ssh/cis-agent.keys")
SSHD = Path("/etc/ssh/sshd_config.d/10-cis-agent.conf")
SUDOERS = Path("/etc/sudoers.d/cis-agent")
_SSHD_PID = Path("/run/sshd.pid")
_RELOAD_SECONDS = 10

_FORCED = f"sudo -n {program.WRAPPER}"
_SSHD = f"""# Written by enrolment: the panel's user starts the agent and can do nothing else.
Match User {USER}
    AuthorizedKeysFile {KEYS}
    AuthenticationMethods publickey
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    ForceCommand {_FORCED}
    AllowAgentForwarding no
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    GatewayPorts no
    X11Forwarding no
    PermitListen none
    PermitOpen none
    PermitTTY no
    PermitTunnel no
    PermitUserRC no
    MaxSessions 4
Match all
"""
# Without use_pty sudo hands its own streams on instead of copying every byte between two sets.
_SUDOERS = f"""# Written by enrolment: one program, no arguments, none of the caller's environment.
Defaults:{USER} env_reset, !env_keep, !env_check, !setenv, !use_pty
{USER} ALL=(root) NOPASSWD: {program.WRAPPER} ""
"""
_ONE_KEY = re.compile(
    rf'restrict,command="{re.escape(_FORCED)}"(,from="[0-9a-fA-F:./,]+")?'.encode()
    + rb" [a-z0-9-]+ [A-Za-z0-9+/=]+ cis-panel\n"
)


def files() -> list[ConfigFile]:
    """Name the files that bound the panel's key; of the key itself only that it is one, with its options."""
    return [
        with_content(SSHD, 0o644, _SSHD.encode()),
        with_content(SUDOERS, 0o440, _SUDOERS.encode()),
        ConfigFile(KEYS, 0o644, lambda content: _ONE_KEY.fullmatch(content) is not None),
    ]


def open_to_panel(panel_key: str, networks: tuple[str, ...]) -> None:
    """Let this key, from these networks, start the agent. Raises SetupFailed if sshd or sudo refuse their files."""
    _make_user()
    options = ["restrict", f'command="{_FORCED}"', *([f'from="{",".join(networks)}"'] if networks else [])]
    place(KEYS, f"{','.join(options)} {panel_key} cis-panel\n".encode(), 0o644)
    _place_sudoers()
    _place_sshd()


def networks() -> tuple[str, ...]:
    """From where the panel's key is accepted on this node; nothing: from anywhere, or there is none."""
    found = re.search(r',from="([0-9a-fA-F:./,]+)"', KEYS.read_text()) if KEYS.is_file() else None
    return tuple(found[1].split(",")) if found else ()


def _make_user() -> None:
    account = ["--home-dir", str(program.HOME), "--shell", str(program.LOGIN)]
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        # "*" is no password, and unlike "!" it does not make sshd take the account for a locked one.
        run(["useradd", "--system", "--user-group", "--no-create-home", "--password", "*", *account, USER])
        return
    if (found.pw_dir, found.pw_shell) != (str(program.HOME), str(program.LOGIN)):
        run(["usermod", "--home", str(program.HOME), "--shell", str(program.LOGIN), USER])


def _place_sudoers() -> None:
    with tempfile.NamedTemporaryFile() as draft:
        draft.write(_SUDOERS.encode())
        draft.flush()
        run(["visudo", "--check", "--strict", "--file", draft.name])
    place(SUDOERS, _SUDOERS.encode(), 0o440)


def _place_sshd() -> None:
    before = SSHD.read_bytes() if SSHD.exists() else None
    if not place(SSHD, _SSHD.encode(), 0o644):
        return
    code, words = attempt(["/usr/sbin/sshd", "-t"])
    if code != 0:
        _put_back(before)
        raise SetupFailed("sshd", f"sshd refuses the new settings, the old ones are back: {words.strip()}")
    _reload_sshd()


def _put_back(before: bytes | None) -> None:
    if before is None:
        SSHD.unlink()
    else:
        place(SSHD, before, 0o644)


def _reload_sshd() -> None:
    before = _written(_SSHD_PID)
    if has_systemd():
        run(["systemctl", "reload", "ssh"])
    else:
        os.kill(int(_SSHD_PID.read_text()), signal.SIGHUP)
    # sshd starts itself anew and for a moment accepts nobody; it writes this file once it listens again.
    deadline = time.monotonic() + _RELOAD_SECONDS
    while _written(_SSHD_PID) in {None, before} and time.monotonic() < deadline:
        time.sleep(0.01)


def _written(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns
