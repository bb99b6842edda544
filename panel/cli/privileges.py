"""Becoming the panel's user: what a command makes must stay usable for the panel, whose database is no place for root.

That user is the owner of the data folder: the worker's, where web server and worker have each its own.

Root's rights are given up for good before the first file of the panel is opened. Where the panel's user cannot reach
the checkout (it lies below a closed folder), the command starts again in a mount namespace that shows it the checkout,
as the lab does for the panel's own processes.
"""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from config import Settings
from panel.cli.settings import ROOT
from panel.kernel.shared_files import is_shared
from provisioning.lab.processes import place_of

_CONFINE = ROOT / "provisioning/lab/files/confine.sh"
_SECONDS = 120.0


def unix_user() -> str:
    """Who sits at the terminal, also behind sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def become_panel_user(settings: Settings) -> None:
    """Go on as the owner of the panel's data, if this is root and the owner is somebody else."""
    owner = _foreign_owner(settings)
    if owner is None:
        return
    os.environ.setdefault("SUDO_USER", unix_user())
    if not _reaches(owner, settings):
        os.environ["CIS_DATA_DIR"] = _seen_from_checkout(settings.data_dir)
        command = [*_confined(owner), *sys.argv[1:]]
        os.execvp(command[0], command)  # noqa: S606 - a list of our own, no shell
    os.setgroups([])
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.umask(0o007 if is_shared(settings.data_dir) else 0o077)


def as_panel_user(settings: Settings, arguments: Sequence[str], *, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``cis ARGUMENTS`` as the panel's user, ``given`` on its standard input; messages go to the terminal."""
    command, environment = _as_panel_user(settings, arguments)
    return subprocess.run(
        command, input=given, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT, check=False,
        timeout=_SECONDS,
    )  # fmt: skip


def start_as_panel_user(settings: Settings, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start ``cis ARGUMENTS`` as the panel's user, to be spoken with line by line; messages go to the terminal."""
    command, environment = _as_panel_user(settings, arguments)
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment, cwd=ROOT
    )


def pipe_as_panel_user(
    settings: Settings, arguments: Sequence[str], *, stdin: IO[bytes] | int, stdout: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start ``cis ARGUMENTS`` as the panel's user between two streams of bytes; messages go to the terminal."""
    command, environment = _as_panel_user(settings, arguments)
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, env=environment, cwd=ROOT)


def _as_panel_user(settings: Settings, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The command line of ``cis ARGUMENTS`` as the panel's user, and its environment."""
    owner = _foreign_owner(settings)
    command = [sys.executable, "-m", "panel.cli"] if owner is None else _confined(owner)
    environment = os.environ | {"SUDO_USER": unix_user(), "CIS_DATA_DIR": _seen_from_checkout(settings.data_dir)}
    return [*command, *arguments], environment


def _foreign_owner(settings: Settings) -> pwd.struct_passwd | None:
    """The owner of the data folder, where that is not who runs this, and this is root."""
    if os.geteuid() != 0 or not settings.data_dir.exists():
        return None
    uid = settings.data_dir.stat().st_uid
    return None if uid == 0 else pwd.getpwuid(uid)


def _seen_from_checkout(path: Path) -> str:
    """``path`` as it is found from the checkout's folder, wherever that is shown."""
    whole = path.absolute()
    return str(whole.relative_to(ROOT)) if whole.is_relative_to(ROOT) else str(whole)


def _reaches(owner: pwd.struct_passwd, settings: Settings) -> bool:
    """Whether ``owner`` can open the checkout and the data by their paths, tried with the owner's own rights."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.pw_gid)
    os.seteuid(owner.pw_uid)
    try:
        return all(
            os.access(path, os.R_OK | os.X_OK, effective_ids=True) for path in (ROOT / "panel", settings.data_dir)
        )
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _confined(owner: pwd.struct_passwd) -> list[str]:
    """``cis`` as ``owner``, without any capability, in a mount namespace that shows the checkout."""
    namespace = ["unshare", "--mount", "--propagation", "private"]
    confined = ["sh", str(_CONFINE), str(ROOT), str(place_of(ROOT)), owner.pw_name]
    return [*namespace, *confined, ".venv/bin/python", "-m", "panel.cli"]
