"""The steps that make a bare Debian host a node, in order; each does nothing where its work is already done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioning.agent import diagnose, supported
from provisioning.agent.base.account import open_to_panel
from provisioning.agent.base.certificate import ensure_certificate
from provisioning.agent.base.clock import keep_time
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.firewall import close_other_ports
from provisioning.agent.base.packages import ensure_packages
from provisioning.agent.base.program import install_program
from provisioning.agent.base.request import SetupRequest
from provisioning.agent.base.roles import set_up_role


def setup(request: SetupRequest, say: Callable[[str], None]) -> dict[str, Any]:
    """Make this host a node and return its release, services and certificate.

    The panel's key is let in last, so a host whose set-up failed is none the panel can reach. Raises SetupFailed.
    """
    release = _require_release()
    ensure_packages(request.roles, say)
    services = _require_services(release, request.roles)
    certificate = ensure_certificate(request.hostname)
    close_other_ports(request.roles, request.ssh_port, say)
    keep_time(say)
    # Before the services: one of them is started from it. The panel's key comes last all the same.
    install_program(Path(sys.argv[0]), request.agent_digest)
    for role in request.roles:
        say(f"Setting up {role}: {', '.join(f'{name} {version}' for name, version in services.items())}")
        set_up_role(role, request, say)
    open_to_panel(request.panel_key, request.panel_networks)
    say("The panel's key can start the agent, and nothing else")
    return {"release": release, "services": diagnose.services(), "certificate_pem": certificate}


def _require_release() -> str:
    release = supported.read_release()
    try:
        supported.require_release(release)
    except supported.Unsupported as error:
        raise SetupFailed("unsupported", str(error)) from error
    return release


def _require_services(release: str, roles: tuple[str, ...]) -> dict[str, str]:
    services = supported.read_services(roles)
    try:
        supported.require_services(release, services)
    except supported.Unsupported as error:
        raise SetupFailed("unsupported", str(error)) from error
    return services
