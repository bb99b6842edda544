"""What the agent can tell of its node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioning.agent import supported
from provisioning.agent.adapters.mail_config import DATABASE
from provisioning.wire import PROTOCOL

AGENT_VERSION = "0.1.0"
# What a role's set-up leaves behind.
_ROLE_MARKS = {"mail": Path(DATABASE)}


def roles() -> tuple[str, ...]:
    """Name the roles this node was set up for."""
    return tuple(role for role, mark in _ROLE_MARKS.items() if mark.exists())


def facts() -> dict[str, Any]:
    """Tell versions and roles; reads the package database, some 20 ms."""
    return {
        "protocol": PROTOCOL,
        "agent_version": AGENT_VERSION,
        "release": supported.read_release(),
        "services": supported.read_services(roles()),
        "roles": list(roles()),
    }
