"""First contact with a node, and whatever brings it wholly up to date: with the operator's own key, which nobody keeps.

The caller scans the host's key, shows its fingerprint to a person, and passes on what the person accepted. What is
left on the node is an agent and the panel's public key, which can start that agent and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.agent.base.program import PROGRAM
from provisioning.operator_session import EnrolmentFailed, OperatorLogin, built_program, operator_session
from provisioning.ssh import HostKey, scan_host_key

__all__ = ["Enrolled", "EnrolmentFailed", "HostKey", "OperatorLogin", "enroll", "scan_host_key", "tell_name_servers"]


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
    name_servers: Mapping[str, Any] | None = None,
) -> Enrolled:
    """Make the host a node, or bring the node up to date; doing it twice does nothing more.

    ``panel_public_key`` is in OpenSSH's form, its comment is dropped; it will be accepted from
    ``panel_source_networks`` only (none: from anywhere). ``name_servers`` is what the roles ``dns_…`` need
    (`provisioning.agent.base.name_servers`), with a secret in it. Raises EnrolmentFailed, and `SshError`'s kinds if
    the host cannot be reached, shows another key than ``host_key`` or refuses the operator.
    """
    progress(f"Connecting to {address} as {operator.user}")
    with operator_session(address, port, host_key, operator) as host, built_program() as (program, digest):
        request = {
            "hostname": hostname,
            "roles": list(roles),
            "ssh_port": port,
            "panel_key": " ".join(panel_public_key.split()[:2]),
            "panel_networks": list(panel_source_networks),
            "agent_digest": digest,
            "name_servers": None if name_servers is None else dict(name_servers),
        }
        with host.uploaded(program) as path:
            progress("Agent uploaded; setting the node up")
            done = host.run_program(path, "setup", request, progress)
    return Enrolled(digest[:12], done["release"], done["services"], done["certificate_pem"])


def tell_name_servers(
    address: str,
    port: int,
    host_key: HostKey,
    *,
    operator: OperatorLogin,
    name_servers: Mapping[str, Any],
    progress: Callable[[str], None],
) -> None:
    """Tell a name server that is a node already of all the others; by its own program, which stays as it is.

    Raises as `enroll` does, EnrolmentFailed ``lost`` too where its program does not know how.
    """
    progress(f"Connecting to {address} as {operator.user}")
    with operator_session(address, port, host_key, operator) as host:
        host.run_program(str(PROGRAM), "name-servers", {"name_servers": dict(name_servers)}, progress)
