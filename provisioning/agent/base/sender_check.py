"""The sender check's own process: a user that can read the agent's rows, and started at boot like the other services.

Under systemd as a unit, confined by it; elsewhere from the boot list, confined by setpriv(1). Both start it from the
agent's program, so that an upgrade brings it along.
"""

from __future__ import annotations

import pwd
import time
import zipfile
from pathlib import Path

from provisioning.agent.adapters import mail_daemons
from provisioning.agent.adapters.mail_config import SENDER_CHECK_PID, SENDER_CHECK_SOCKET
from provisioning.agent.adapters.mail_config import SENDER_CHECK_STARTER as STARTER
from provisioning.agent.base import program
from provisioning.agent.base.commands import run
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.placing import place
from provisioning.agent.base.services import Service, enable, has_systemd, start
from provisioning.agent.placed import ConfigFile, with_content

USER = "cis-sender-check"
# The group to which the rows belong (`mail_base`).
GROUP = "dovecot"
UNIT = Path("/etc/systemd/system/cis-sender-check.service")
_MODULE = "provisioning.agent.sender_check.server"
_START_SECONDS = 10.0
_FOLDER = SENDER_CHECK_SOCKET.parent
# The folder hands its group on to the socket, so that Postfix may ask.
_MAKE_FOLDER = f"/usr/bin/install -d -o {USER} -g postfix -m 2750 {_FOLDER}"

_STARTER = f"""# Written by CIS Panel's node set-up: starts the sender check from the agent's program.
import runpy
import sys

sys.path.insert(0, "{program.PROGRAM}")
runpy.run_module("{_MODULE}", run_name="__main__")
"""
_UNIT = f"""# Written by CIS Panel's node set-up; it is overwritten when the set-up runs again.
[Unit]
Description=CIS sender check: mail is submitted in one's own name only
Before=postfix.service

[Service]
ExecStartPre=+{_MAKE_FOLDER}
ExecStart=/usr/bin/python3 -I -S {STARTER}
User={USER}
Group={GROUP}
Restart=always
RestartSec=1
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
# The rows' companion of shared memory is written by all who read them.
ReadWritePaths=/var/lib/cis/mail {_FOLDER}
SystemCallFilter=@system-service
MemoryMax=256M

[Install]
WantedBy=multi-user.target
"""
_CONFINED = (
    f"/usr/bin/setpriv -- --reuid {USER} --regid {GROUP} --clear-groups --no-new-privs --bounding-set=-all"
    f" --inh-caps=-all /usr/bin/python3 -I -S {STARTER}"
)
_DAEMON = f"/sbin/start-stop-daemon --quiet --oknodo --pidfile {SENDER_CHECK_PID}"
SERVICE = Service(
    "sender-check",
    "cis-sender-check",
    45,
    (_MAKE_FOLDER, f"{_DAEMON} --start --background --make-pidfile --startas {_CONFINED}"),
    SENDER_CHECK_PID,
    "python3",
)


def files() -> list[ConfigFile]:
    """Name the files that start it."""
    return [with_content(STARTER, 0o644, _STARTER.encode()), with_content(UNIT, 0o644, _UNIT.encode())]


def install() -> None:
    """Make its user, write its files, start it now and at each boot; one that runs begins anew. Raises SetupFailed."""
    _make_user()
    place(STARTER, _STARTER.encode(), 0o644)
    place(UNIT, _UNIT.encode(), 0o644)
    if has_systemd():
        run(["systemctl", "daemon-reload"])
    enable(SERVICE)
    restart()


def restart() -> None:
    """Start it anew from the program that is there now, where it was installed. Raises SetupFailed.

    A program from before there was a sender check is none to start it from: the one that runs then goes on.
    """
    if not STARTER.exists() or not _is_in_program():
        return
    if not has_systemd():
        run(
            [
                "/sbin/start-stop-daemon",
                "--quiet",
                "--oknodo",
                "--pidfile",
                str(SENDER_CHECK_PID),
                "--stop",
                "--retry",
                "5",
            ]
        )
    start(SERVICE)
    deadline = time.monotonic() + _START_SECONDS
    while not mail_daemons.answers():
        if time.monotonic() > deadline:
            raise SetupFailed("service", "the sender check does not answer")
        time.sleep(0.02)


def _is_in_program() -> bool:
    with zipfile.ZipFile(program.PROGRAM) as archive:
        return f"{_MODULE.replace('.', '/')}.py" in archive.namelist()


def _make_user() -> None:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        home = ["--no-create-home", "--home-dir", "/nonexistent"]
        run(["useradd", "--system", "--gid", GROUP, *home, "--shell", "/usr/sbin/nologin", USER])
