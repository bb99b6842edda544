"""What each role adds to a node: the adapter's configuration, then its services, running and started at boot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from provisioning.agent import diagnose
from provisioning.agent.adapters import mail_base
from provisioning.agent.adapters.commands import CommandFailed
from provisioning.agent.base import account, dns, sender_check
from provisioning.agent.base.errors import SetupFailed
from provisioning.agent.base.request import SetupRequest, read_servers
from provisioning.agent.base.services import Service, keep_running

# Debian's own unit runs configure-instance.sh first: it fills the chroot that some of Postfix' services live in.
_MAIL = (
    Service(
        "dovecot",
        "dovecot",
        40,
        ("/usr/sbin/dovecot",),
        Path("/run/dovecot/master.pid"),
        "dovecot",
        ("doveadm", "reload"),
    ),
    Service(
        "postfix",
        "postfix",
        50,
        ("/usr/lib/postfix/configure-instance.sh -", "/usr/sbin/postfix start"),
        Path("/var/spool/postfix/pid/master.pid"),
        "master",
        ("postfix", "reload"),
    ),
)


def set_up_role(role: str, request: SetupRequest, say: Callable[[str], None]) -> None:
    """Configure and start what the role needs. Raises SetupFailed with the service's own words."""
    if role == "mail":
        _set_up_mail(request.hostname)
    elif role == "dns_primary" and request.name_servers:
        dns.set_up_primary(request.name_servers, request.panel_networks, say)
    elif role == "dns_secondary" and request.name_servers:
        dns.set_up_secondary(request.name_servers, request.panel_networks)


def tell_name_servers(body: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Have a name server know all of them as they are now; nothing else of the node is touched. Raises SetupFailed."""
    roles = tuple(role for role in diagnose.roles() if role.startswith("dns_"))
    servers = read_servers(roles, body)
    if servers is None:
        raise SetupFailed("no_name_server", "this host serves no zones: cis nodes enroll")
    if "dns_primary" in roles:
        dns.set_up_primary(servers, account.networks(), say)
    else:
        dns.set_up_secondary(servers, account.networks())
    return {}


def _set_up_mail(hostname: str) -> None:
    try:
        mail_base.install(hostname=hostname)
    except CommandFailed as error:
        raise SetupFailed("service", error.words) from error
    sender_check.install()
    for service in _MAIL:
        keep_running(service)
