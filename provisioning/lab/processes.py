"""Run the panel's own processes as they run in production: as users with no rights, over plain sockets.

Web server and worker are two users with one group: the web server, to which strangers speak, cannot read the key that
opens nodes.

They see the checkout at a fixed place under /run, read-only but for var/panel, wherever it really lies; they end with
the process that started them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from provisioning.lab.errors import LabError

USER, WORKER = "cis-panel", "cis-worker"
"""The web server's user, whose group is that of both, and the worker's, who owns the data."""

_PLACES = Path("/run/cis-panel")
_KEYS = {"secret_key": (USER, 0o600), "password_salt": (USER, 0o640), "totp_secret": (USER, 0o640),
         "panel_ed25519.pub": (WORKER, 0o644)}  # fmt: skip
"""Who owns what of the keys, and its mode; all others are the worker's alone."""

_CONFINE = Path(__file__).parent / "files/confine.sh"
_STOP_SECONDS = 10.0


class PanelProcess:
    """A running process of the panel, leader of its own process group."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process

    @property
    def pid(self) -> int:
        """Its number in the root namespace."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code. Raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout)

    def stop(self, timeout: float = _STOP_SECONDS) -> None:
        """Ask it to end, then make it and all it started end."""
        if self.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        self._signal(signal.SIGKILL)
        self._process.wait(timeout)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def ensure_users() -> None:
    """Create the panel's users on this machine where they are missing: no password, no shell, no home."""
    if not _exists(USER):
        _create(USER, "--user-group")
    if not _exists(WORKER):
        _create(WORKER, "--gid", str(pwd.getpwnam(USER).pw_gid))


def place_of(root: Path) -> Path:
    """Where the panel's processes see the checkout ``root``."""
    return _PLACES / hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:8]


def private_folder(root: Path) -> Path:
    """var/panel of the checkout, the one place the panel may write to; made and handed to its users if need be."""
    ensure_users()
    folder = root.resolve() / "var/panel"
    folder.mkdir(parents=True, exist_ok=True)
    _give(folder, WORKER, 0o2770)
    return folder


def data_folder(root: Path, name: str) -> Path:
    """The data folder of panel ``name``, with the rights that docs/how-to/two-users.md gives those in production.

    What an earlier release left in it for one user only is given to the two.
    """
    folder = private_folder(root) / name
    for path in (folder, folder / "keys"):
        path.mkdir(exist_ok=True)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            _give(path, WORKER, 0o3770 if path.is_dir() else 0o660)
    _give(folder, WORKER, 0o2770)
    for path in (folder / "keys").iterdir():
        owner, mode = _KEYS.get(path.name, (WORKER, 0o600))
        _give(path, owner, mode)
    return folder


def start(
    argv: Sequence[str], env: Mapping[str, str], log_path: Path, name: str, *, root: Path, user: str = USER
) -> PanelProcess:
    """Start ``argv`` (relative to the checkout, e.g. ``.venv/bin/python -m …``) as ``user``: USER or WORKER.

    ``env`` is its whole environment besides PATH, HOME and LANG. Output is appended to ``log_path``, which stays
    root's. Call it from a thread that lives as long as the process shall: when that thread ends, the kernel ends
    the process. Raises LabError if this is not root, or the panel's user could not read the checkout.
    """
    if os.geteuid() != 0:
        raise LabError("Starting the panel without privileges needs root first (try sudo)")
    _require_readable(root)
    private_folder(root)
    log_path.parent.mkdir(parents=True, exist_ok=True)
    # Until the program itself has set its own, the death of this process ends it too.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", str(_CONFINE)]
    command += [str(root.resolve()), str(place_of(root)), user, *argv]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, env=_environment(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return PanelProcess(name, process, log_path)


def _exists(user: str) -> bool:
    looked = subprocess.run(["getent", "passwd", user], stdout=subprocess.DEVNULL, check=False, timeout=20)
    return looked.returncode == 0


def _create(user: str, *group: str) -> None:
    command = ["useradd", "--system", *group, "--no-create-home", "--home-dir", "/nonexistent"]
    subprocess.run([*command, "--shell", "/usr/sbin/nologin", user], check=True, timeout=20, stdin=subprocess.DEVNULL)


def _give(path: Path, owner: str, mode: int) -> None:
    shutil.chown(path, owner, pwd.getpwnam(USER).pw_gid)
    path.chmod(mode)


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "LANG": "C.UTF-8", **env}


def _require_readable(root: Path) -> None:
    for path in (root / "panel", root / "provisioning", root / ".venv"):
        if path.exists() and path.stat().st_mode & 0o005 != 0o005:
            raise LabError(f"{path} is closed to other users: the panel could not read it (chmod -R go+rX {root})")
