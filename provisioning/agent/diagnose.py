"""What the agent can tell of itself and of its node."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioning.agent import supported
from provisioning.agent.adapters.commands import CommandFailed, run
from provisioning.agent.adapters.mail_config import MAPS, SENDER_CHECK_STARTER
from provisioning.agent.base.certificate import CERTIFICATE
from provisioning.wire import PROTOCOLS

# What a role's set-up leaves behind.
_ROLE_MARKS = {
    "mail": Path(MAPS),
    "dns_primary": Path("/etc/cis/knot.conf"),
    "dns_secondary": Path("/etc/bind/cis.keys"),
}
_NOT_AFTER = re.compile(rb"notAfter=(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)Z")


def _identity(module: Path) -> str:
    for path in module.parents:
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return "source"


AGENT_VERSION = _identity(Path(__file__))
"""The program's own identity: the first twelve digits of its file's SHA-256 as `build_zipapp` returned it, read when it
starts; "source" where it runs out of a folder."""


def roles() -> tuple[str, ...]:
    """Name the roles this node was set up for."""
    return tuple(role for role, mark in _ROLE_MARKS.items() if mark.exists())


def services() -> dict[str, str]:
    """Tell the version of each service; the sender check, which runs from the agent's program, has its version.

    It is missing where this node was set up before there was one: its holders may send in anybody's name.
    """
    found = supported.read_services(roles())
    return found | ({"sender-check": AGENT_VERSION} if SENDER_CHECK_STARTER.exists() else {})


def facts() -> dict[str, Any]:
    """Tell versions and roles; reads the package database, some 20 ms."""
    return {
        "protocols": list(PROTOCOLS),
        "agent_version": AGENT_VERSION,
        "release": supported.read_release(),
        "services": services(),
        "roles": list(roles()),
    }


def health(of_services: Mapping[str, Any]) -> dict[str, Any]:
    """Tell how the host is; ``of_services`` is what its adapters add. Takes a few milliseconds."""
    told = dict(of_services)
    folders = ["/", *told.pop("folders", ())]
    return {
        "load": list(os.getloadavg()),
        "cpus": os.cpu_count() or 1,
        "memory": _memory(),
        "disks": _disks(folders),
        "certificate_expires_at": certificate_expires_at(),
        "uptime_seconds": int(float(Path("/proc/uptime").read_text().split()[0])),
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **told,
    }


def certificate_expires_at(path: Path = CERTIFICATE) -> str | None:
    """Tell when the node's certificate ends; None if there is none that openssl can read."""
    try:
        words = run(["openssl", "x509", "-in", str(path), "-noout", "-enddate", "-dateopt", "iso_8601"])
    except CommandFailed:
        return None
    found = _NOT_AFTER.match(words)
    return f"{found[1].decode()}T{found[2].decode()}+00:00" if found else None


def _memory(meminfo: Path = Path("/proc/meminfo")) -> dict[str, int]:
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    total, available = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    return {"total": total, "available": available}


def _disks(folders: Iterable[str]) -> list[dict[str, Any]]:
    disks = []
    for folder in folders:
        try:
            facts = os.statvfs(folder)
        except OSError:
            continue
        total, free = facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize
        disks.append({"path": folder, "total": total, "free": free})
    return disks
