"""First contact with a node, and each upgrade of its agent: with the operator's own key, which nobody keeps.

The caller scans the host's key, shows its fingerprint to a person, and passes on what the person accepted. What is
left on the node is an agent and the panel's public key, which can start that agent and nothing else.
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
from typing import Any

import paramiko

from provisioning.agent.build import build_zipapp
from provisioning.ssh import HostKey, SshError, open_transport, scan_host_key

__all__ = ["Enrolled", "EnrolmentFailed", "HostKey", "OperatorLogin", "enroll", "scan_host_key"]

# Packages may have to be fetched and unpacked.
_SETUP_SECONDS = 1800.0
_STEP_SECONDS = 30.0
_LINE_BYTES_MAX = 1_000_000
_PYTHON = "/usr/bin/python3"


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


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the panel keeps about a node that was set up.

    ``agent_version`` names the very program that was installed: the first twelve digits of `build_zipapp`'s digest.
    Probes trust exactly ``certificate_pem``.
    """

    agent_version: str
    release: str
    services: dict[str, str]
    certificate_pem: str


def enroll(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    panel_public_key: str,
    panel_source_networks: tuple[str, ...],
    roles: tuple[str, ...],
    hostname: str,
    progress: Callable[[str], None],
) -> Enrolled:
    """Make the host a node, or bring the node up to date; doing it twice does nothing more.

    ``panel_public_key`` is in OpenSSH's form, its comment is dropped; it will be accepted from
    ``panel_source_networks`` only (none: from anywhere). Raises EnrolmentFailed, and `SshError`'s kinds if the host
    cannot be reached, shows another key than ``host_key`` or refuses the operator.
    """
    progress(f"Connecting to {address} as {operator.user}")
    transport = open_transport(address, port, user=operator.user, host_key=host_key, key_path=operator.key_path)
    try:
        host = _OperatorSession(transport, operator)
        host.require_python_and_root()
        with tempfile.TemporaryDirectory(prefix="cis-agent-") as folder:
            program = Path(folder) / "agent.pyz"
            digest = build_zipapp(program)
            request = {
                "hostname": hostname,
                "roles": list(roles),
                "ssh_port": port,
                "panel_key": " ".join(panel_public_key.split()[:2]),
                "panel_networks": list(panel_source_networks),
                "agent_digest": digest,
            }
            with host.uploaded(program) as path:
                progress("Agent uploaded; setting the node up")
                done = host.set_up(path, request, progress)
    finally:
        transport.close()
    return Enrolled(digest[:12], done["release"], done["services"], done["certificate_pem"])


class _OperatorSession:
    """The few things enrolment does as the operator. All commands are fixed texts of this module."""

    def __init__(self, transport: paramiko.Transport, operator: OperatorLogin) -> None:
        self._transport = transport
        self._become_root = "" if operator.user == "root" else "sudo -n "

    def require_python_and_root(self) -> None:
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

    def set_up(self, path: str, request: dict[str, Any], progress: Callable[[str], None]) -> dict[str, Any]:
        """Run the base set-up; pass its progress on; return what it found."""
        with self._started(f"{self._become_root}{_PYTHON} -I -S {path} setup") as channel:
            channel.sendall(json.dumps(request).encode())
            channel.shutdown_write()
            for line in _lines(channel, time.monotonic() + _SETUP_SECONDS):
                if "done" in line:
                    return dict(line["done"])
                if "failed" in line:
                    raise EnrolmentFailed(str(line["failed"]), str(line.get("message", "")))
                progress(str(line.get("say", "")))
            raise EnrolmentFailed("lost", f"set-up ended without a result: {_stderr(channel)}")

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
