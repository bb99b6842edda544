"""Sessions with agents over SSH: the only door to paramiko.

A session is one warm transport on which one agent runs and answers requests in order. What comes out of here is a
reply or one of the errors below, always within the caller's deadline: paramiko itself may wait for ever on a cut
link, so every wait in this package is its own.
"""

from provisioning.ssh.errors import (
    AgentError,
    AgentTooNew,
    AgentTooOld,
    HostKeyChanged,
    KeyUnusable,
    OutcomeUnknown,
    ProtocolSkew,
    Refused,
    SshError,
    Unreachable,
)
from provisioning.ssh.sessions import AGENT_USER, AgentSession, Sessions
from provisioning.ssh.transport import CONNECT_SECONDS, HostKey, open_transport, scan_host_key

__all__ = [
    "AGENT_USER",
    "CONNECT_SECONDS",
    "AgentError",
    "AgentSession",
    "AgentTooNew",
    "AgentTooOld",
    "HostKey",
    "HostKeyChanged",
    "KeyUnusable",
    "OutcomeUnknown",
    "ProtocolSkew",
    "Refused",
    "Sessions",
    "SshError",
    "Unreachable",
    "open_transport",
    "scan_host_key",
]
