"""On what the agent may work: releases and service versions for which the contract suite has passed.

Unknown means no. A row is added here in the change that makes `tests/contract` pass on it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

# Debian package that tells a service's version, by role.
ROLE_SERVICES: dict[str, dict[str, str]] = {
    "mail": {"postfix": "postfix", "dovecot": "dovecot-core"},
    "dns_primary": {"knot": "knot"},
    "dns_secondary": {"bind": "bind9"},
}
# Debian release → service → first parts of the upstream versions proven on it.
PROVEN: dict[str, dict[str, tuple[str, ...]]] = {
    "12": {"postfix": ("3.7",), "dovecot": ("2.3.19",), "knot": ("3.2",), "bind": ("9.18",)}
}
_SECONDS = 20


class Unsupported(Exception):
    """No contract suite passed for what this node runs; the text says for what."""


def read_release(os_release: Path = Path("/etc/os-release")) -> str:
    """The Debian release of this host ("12"), or the other system's id and version ("ubuntu 24.04"); os-release(5)."""
    lines = (line.partition("=") for line in os_release.read_text().splitlines())
    values = {key: value.strip('"') for key, _, value in lines}
    system, version = values.get("ID", "unknown"), values.get("VERSION_ID", "unknown")
    return version if system == "debian" else f"{system} {version}"


def read_services(roles: Iterable[str]) -> dict[str, str]:
    """The upstream version of each service these roles need; "" where it is not installed."""
    wanted = {service: package for role in roles for service, package in ROLE_SERVICES[role].items()}
    return {service: _package_version(package) for service, package in wanted.items()}


def require_release(release: str) -> None:
    """Raise Unsupported unless some contract suite passed on this release."""
    if release not in PROVEN:
        raise Unsupported(f"Debian {', '.join(PROVEN)} is supported, this node runs {release}")


def require_services(release: str, services: dict[str, str]) -> None:
    """Raise Unsupported unless the contract suite passed with each of these versions on this release."""
    require_release(release)
    for service, version in services.items():
        proven = PROVEN[release].get(service, ())
        if not any(version == part or version.startswith(f"{part}.") for part in proven):
            raise Unsupported(f"{service} {version or 'is missing'}: supported is {', '.join(proven) or 'none'}")


def _package_version(package: str) -> str:
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    status, _, version = done.stdout.partition(" ")
    return _upstream(version) if done.returncode == 0 and status == "installed" else ""


def _upstream(version: str) -> str:
    # deb-version(7): [epoch:]upstream[-revision]; "+dfsg1" marks what Debian took out.
    without_epoch = version.split(":", 1)[-1]
    return without_epoch.rsplit("-", 1)[0].split("+")[0]
