"""One lab host: its folder on disk, its processes, and ways in that need no SSH (for the operator on this machine)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from provisioning.lab.errors import LabError, NotRunning
from provisioning.lab.state import HostProcess

_FILES = Path(__file__).parent / "files"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_SECONDS = 60
_STEP_SECONDS = 0.01
# A lab host is root in its own world only: not over this machine's clock, modules, raw devices, log or power.
_WITHHELD = "-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog,-mac_admin,-wake_alarm"
_CONFINED = ["setpriv", "--inh-caps=-all", f"--bounding-set={_WITHHELD}", "--"]
_INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


class Host:
    """A host whose changes lie under ``folder``; starting it again finds them as a rebooted server would."""

    def __init__(self, name: str, folder: Path, network_namespace: str) -> None:
        self.name = name
        self._folder = folder
        self._namespace = network_namespace
        self._pid_file = folder / "pid"

    def prepare(
        self,
        *,
        hosts: str,
        authorized_key: str,
        shown: Sequence[Path] = (),
        files: Mapping[str, tuple[str, int]] = MappingProxyType({}),
    ) -> None:
        """Lay out the folder and what the host is told at boot: its name, its neighbours, the operator's key.

        ``shown``: folders of this machine that it shall see at the same place, read-only. ``files``: what else it gets
        at each boot, by path from its root: text and mode.
        """
        for part in ("upper", "work", "root", "seed"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        # The upper layer's root is the host's root folder, which all its users must be able to enter.
        (self._folder / "upper").chmod(0o755)
        seed = self._folder / "seed"
        (seed / "hostname").write_text(f"{self.name}\n")
        (seed / "hosts").write_text(hosts)
        (seed / "authorized_keys").write_text(authorized_key)
        (seed / "shown").write_text("".join(f"{place}\n" for place in shown))
        shutil.copyfile(_FILES / "rc.host", seed / "rc.host")
        shutil.rmtree(seed / "files", ignore_errors=True)
        for path, (text, mode) in files.items():
            _place(seed / "files", path, text, mode)

    def start(self, newest: Path) -> None:
        """Start the host in its own session and return at once; `wait` tells when it is up.

        A host stays on the base it was made on, as a server stays with what was installed on it: what it holds (its
        users and their numbers) would not fit another one. Raises LabError if that base is gone.
        """
        self._pid_file.unlink(missing_ok=True)
        base = self._base(newest)
        script = [str(_FILES / "start-host.sh"), str(self._folder), self._namespace, str(base), self.name, str(_FILES)]
        with (self._folder / "boot.log").open("wb") as log:
            subprocess.run(
                ["setsid", "--fork", "sh", *script, _WITHHELD],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                timeout=10,
            )

    def _base(self, newest: Path) -> Path:
        note = self._folder / "base"
        if not note.exists():
            note.write_text(f"{newest}\n")
        base = Path(note.read_text().strip())
        if not base.is_dir():
            raise LabError(f"{self.name} stands on {base}, which is gone: `cis lab destroy`, then `cis lab up`")
        return base

    def wait(self, address: str, port: int) -> None:
        """Return when the host has booted and its sshd answers. Raises LabError with the boot's last words."""
        deadline = time.monotonic() + _BOOT_SECONDS
        while not (self._booted() and _greets(address, port)):
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} did not come up within {_BOOT_SECONDS} s: {self._last_words()}")
            if self._pid_file.exists() and not self.running():
                raise LabError(f"{self.name} died while booting: {self._last_words()}")
            time.sleep(_STEP_SECONDS)

    def running(self) -> bool:
        """Whether the host's process is there."""
        return self._outer() is not None

    def stop(self) -> None:
        """Kill the host as a power cut would; nothing of it runs when this returns."""
        if outer := self._outer():
            init = self._init_pid()
            os.kill(outer, signal.SIGKILL)
            _await_end([pid for pid in (outer, init) if pid])
        self._pid_file.unlink(missing_ok=True)

    def run(self, argv: list[str]) -> int:
        """Run a command inside as root with this terminal, and return its exit code."""
        return subprocess.run([*self._enter(), *argv], env=self._environment(), check=False).returncode

    def exec(self, argv: list[str], *, timeout: float, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command inside as root and return what it said. Never for commands that leave a daemon behind."""
        command = [*self._enter(), *argv]
        return subprocess.run(command, input=stdin, capture_output=True, env=_INSIDE, timeout=timeout, check=False)

    def spawn(self, argv: list[str], *, log: Path, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a program inside as root and leave it running; what it says is appended to ``log``."""
        command = [*self._enter(), "env", f"--chdir={cwd}", *argv]
        with log.open("ab") as output:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**_INSIDE, **env}
            )

    def _enter(self) -> list[str]:
        init = self._init_pid()
        if not init:
            raise NotRunning(f"{self.name} is not running: start it with `cis lab up`")
        # nsenter keeps all of root's rights over this machine: setpriv, on the inside, takes the same as from PID 1.
        return ["nsenter", "--target", str(init), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", *_CONFINED]

    def _environment(self) -> dict[str, str]:
        return {**_INSIDE, "TERM": os.environ.get("TERM", "dumb"), "LANG": "C.UTF-8"}

    def _booted(self) -> bool:
        init = self._init_pid()
        return bool(init) and Path(f"/proc/{init}/root/run/booted").exists()

    def _outer(self) -> int | None:
        """The process whose death ends the host, if it runs; numbers come round, so its start must be the same."""
        try:
            pid, started, boot = self._pid_file.read_text().split()
        except (OSError, ValueError):
            return None
        alive = boot == _BOOT_ID.read_text().strip() and HostProcess(int(pid), int(started)).alive()
        return int(pid) if alive else None

    def _init_pid(self) -> int | None:
        outer = self._outer()
        children = Path(f"/proc/{outer}/task/{outer}/children") if outer else None
        pids = children.read_text().split() if children and children.exists() else []
        return int(pids[0]) if pids else None

    def _last_words(self) -> str:
        log = self._folder / "boot.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1] if lines else "it said nothing"


def _place(root: Path, path: str, text: str, mode: int) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    for folder in (root, *(root / parent for parent in Path(path).parents)):
        folder.chmod(0o755)  # the host's own folders are made like these
    place.write_text(text)
    place.chmod(mode)


def _greets(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


def _await_end(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(HostProcess.of(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise LabError(f"processes {pids} do not end")
        time.sleep(_STEP_SECONDS / 2)
