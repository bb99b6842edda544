"""What the operator does on a host, with a key of the operator's own: put a program there, run it as root, hear it out.

All commands are fixed texts of this module; what is to be done differs only in the JSON on standard input.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import paramiko

from provisioning.agent.base.program import PROGRAM
from provisioning.agent.build import build_zipapp
from provisioning.ssh import HostKey, SshError, open_transport

# Packages may have to be fetched and unpacked.
_SETUP_SECONDS = 1800.0
_STEP_SECONDS = 30.0
_LINE_BYTES_MAX = 1_000_000
_PYTHON = "/usr/bin/python3"

Command = Literal["setup", "upgrade", "downgrade", "backup-setup", "name-servers"]
"""What the agent's program does as root for the operator (``provisioning.agent.base``)."""


class EnrolmentFailed(Exception):
    """The host is no node. ``code`` is stable, the text holds the host's own words.

    Codes: ``no_sudo`` (the operator may not become root without a password), ``no_python``, ``upload``, ``lost``,
    ``unsupported`` (no contract suite passed for its release or versions), or what set-up says itself.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class OperatorLogin:
    """Who sets the node up: root, or a user who may `sudo` without a password."""

    user: str
    key_path: Path


@contextmanager
def operator_session(address: str, port: int, host_key: HostKey, operator: OperatorLogin) -> Iterator[OperatorSession]:
    """Sign in as the operator, who may become root there. Raises EnrolmentFailed, SshError's kinds."""
    transport = open_transport(address, port, user=operator.user, host_key=host_key, key_path=operator.key_path)
    try:
        session = OperatorSession(transport, operator)
        session.require_python_and_root()
        yield session
    finally:
        transport.close()


@contextmanager
def built_program() -> Iterator[tuple[Path, str]]:
    """This panel's agent program as a file, and its SHA-256, hex."""
    with tempfile.TemporaryDirectory(prefix="cis-agent-") as folder:
        program = Path(folder) / "agent.pyz"
        yield program, build_zipapp(program)


class OperatorSession:
    """A connection on which the operator acts; made by `operator_session`."""

    def __init__(self, transport: paramiko.Transport, operator: OperatorLogin) -> None:
        self._transport = transport
        self._become_root = "" if operator.user == "root" else "sudo -n "

    def require_python_and_root(self) -> None:
        """Raise EnrolmentFailed unless there is Python and the operator may become root without a password."""
        if self._run(f"test -x {_PYTHON}")[0] != 0:
            raise EnrolmentFailed("no_python", "the node has no python3: apt-get install python3 sudo")
        code, words = self._run(f"{self._become_root}true")
        if code != 0:
            raise EnrolmentFailed("no_sudo", f"the operator cannot become root on the node: {words.strip()}")

    @contextmanager
    def uploaded(self, program: Path) -> Iterator[str]:
        """The program in a folder of the operator's own on the node, removed afterwards."""
        code, words = self._run("mktemp -d /tmp/cis-enrol-XXXXXXXXXX")
        folder = words.strip()
        if code != 0:
            raise EnrolmentFailed("upload", words.strip())
        try:
            yield self._upload(program, folder)
        finally:
            # What could not be removed from /tmp is no reason to hide why enrolment stopped.
            with contextlib.suppress(EnrolmentFailed, SshError):
                self._run(f"rm -rf {folder}")

    def run_program(
        self, path: str, command: Command, request: dict[str, Any], progress: Callable[[str], None]
    ) -> dict[str, Any]:
        """Run a command of an uploaded program as root; pass its progress on; return what it found."""
        with self._started(f"{self._become_root}{_PYTHON} -I -S {path} {command}") as channel:
            channel.sendall(json.dumps(request).encode())
            channel.shutdown_write()
            for line in _lines(channel, time.monotonic() + _SETUP_SECONDS):
                if "done" in line:
                    return dict(line["done"])
                if "failed" in line:
                    raise EnrolmentFailed(str(line["failed"]), str(line.get("message", "")))
                progress(str(line.get("say", "")))
            raise EnrolmentFailed("lost", f"{command} ended without a result: {_stderr(channel)}")

    def run_installed(self, command: Literal["verify", "version"]) -> tuple[int, str]:
        """Run a command of the installed program as root; return its exit code and what it said."""
        return self._run(f"{self._become_root}{_PYTHON} -I -S {PROGRAM} {command}")

    def _upload(self, program: Path, folder: str) -> str:
        path = f"{folder}/agent.pyz"
        try:
            sftp = paramiko.SFTPClient.from_transport(self._transport)
            if sftp is None:
                raise EnrolmentFailed("upload", "the node offers no SFTP")
            with sftp:
                sftp.put(str(program), path)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise EnrolmentFailed("upload", str(error) or type(error).__name__) from error
        return path

    def _run(self, command: str) -> tuple[int, str]:
        with self._started(command) as channel:
            said = b"".join(_chunks(channel, time.monotonic() + _STEP_SECONDS))
            words = said.decode(errors="replace") + _stderr(channel)
            return (channel.recv_exit_status() if channel.status_event.wait(_STEP_SECONDS) else 255), words

    @contextmanager
    def _started(self, command: str) -> Iterator[paramiko.Channel]:
        try:
            channel = self._transport.open_session(timeout=_STEP_SECONDS)
            try:
                channel.settimeout(_STEP_SECONDS)
                channel.exec_command(command.encode())
                yield channel
            finally:
                channel.close()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise EnrolmentFailed("lost", str(error) or "the connection was lost") from error


def _lines(channel: paramiko.Channel, deadline: float) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in _chunks(channel, deadline):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (_parse(line) for line in whole if line)
        if len(rest) > _LINE_BYTES_MAX:
            raise EnrolmentFailed("lost", "set-up sends what is no line")


def _chunks(channel: paramiko.Channel, deadline: float) -> Iterator[bytes]:
    while True:
        channel.settimeout(max(0.01, deadline - time.monotonic()))
        chunk = channel.recv(65_536)
        if not chunk:
            return
        yield chunk


def _parse(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError) as error:
        raise EnrolmentFailed("lost", f"set-up said what is no JSON: {line[:200]!r}") from error


def _stderr(channel: paramiko.Channel) -> str:
    return channel.recv_stderr(2_000).decode(errors="replace") if channel.recv_stderr_ready() else ""
