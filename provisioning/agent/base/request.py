"""What the operator asks of a host that shall become a node."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.name_servers import NameServers, read_name_servers
from provisioning.agent.supported import ROLE_SERVICES
from provisioning.resources import InvalidResource, check_domain

# OpenSSH's own form of a public key without options and comment (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
_PUBLIC_KEY = re.compile(r"(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]{40,2000}={0,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """A checked request: what may stand in the host's configuration as it is.

    ``panel_networks`` are those from which the panel's key is accepted; ``agent_digest`` is SHA-256, hex, of the
    program that was uploaded. ``name_servers``: all of them, where the host becomes one.
    """

    hostname: str
    roles: tuple[str, ...]
    ssh_port: int
    panel_key: str
    panel_networks: tuple[str, ...]
    agent_digest: str
    name_servers: NameServers | None


def read_request(body: dict[str, Any]) -> SetupRequest:
    """Check every field. Raises SetupFailed("request", …) naming the first bad one."""
    try:
        roles = tuple(_role(role) for role in body["roles"])
        return SetupRequest(
            hostname=check_domain(body["hostname"], field="hostname"),
            roles=roles,
            ssh_port=_port(body["ssh_port"]),
            panel_key=_matching(_PUBLIC_KEY, body["panel_key"], "panel_key"),
            panel_networks=tuple(str(ipaddress.ip_network(text)) for text in body["panel_networks"]),
            agent_digest=_matching(_DIGEST, body["agent_digest"], "agent_digest"),
            name_servers=_name_servers(roles, body),
        )
    except (InvalidResource, KeyError, TypeError, ValueError) as error:
        raise SetupFailed("request", f"{type(error).__name__}: {error}") from error


def read_digest(body: dict[str, Any]) -> str:
    """The SHA-256, hex, of the program that was uploaded. Raises SetupFailed."""
    try:
        return _matching(_DIGEST, body["agent_digest"], "agent_digest")
    except (KeyError, TypeError, ValueError) as error:
        raise SetupFailed("request", f"{type(error).__name__}: {error}") from error


def read_servers(roles: tuple[str, ...], body: dict[str, Any]) -> NameServers | None:
    """What a host with these roles is told of all name servers; None if it is none. Raises SetupFailed."""
    try:
        return _name_servers(roles, body)
    except (KeyError, TypeError, ValueError) as error:
        raise SetupFailed("request", f"{type(error).__name__}: {error}") from error


def _role(role: str) -> str:
    if role not in ROLE_SERVICES:
        raise ValueError(f"roles: {role!r} is unknown, there are {', '.join(ROLE_SERVICES)}")
    return role


def _name_servers(roles: tuple[str, ...], body: dict[str, Any]) -> NameServers | None:
    wanted = {"dns_primary", "dns_secondary"} & set(roles)
    if not wanted:
        return None
    servers = read_name_servers(body["name_servers"])
    role = "dns_primary" if servers.myself in servers.primaries else "dns_secondary"
    if wanted != {role}:
        raise ValueError("roles: a host is a primary or a secondary name server, as name_servers says")
    return servers


def _port(port: int) -> int:
    if type(port) is not int or not 1 <= port <= 65535:
        raise ValueError(f"ssh_port: {port!r}")
    return port


def _matching(pattern: re.Pattern[str], value: str, field: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"{field}: syntax")
    return value
