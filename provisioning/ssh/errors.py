"""What a caller may have to decide about when it speaks with a node."""

from __future__ import annotations


class SshError(Exception):
    """A node could not be spoken with."""


class Unreachable(SshError):
    """No agent answered; nothing was asked of the node, so trying again is safe."""


class HostKeyChanged(SshError):
    """Another key than the pinned one: another machine, or one in between. Not to be tried again by itself."""


class Refused(SshError):
    """The node does not take this key, from here, for this user."""


class KeyUnusable(SshError):
    """Our own private key cannot be read; no node was asked."""


class ProtocolSkew(SshError):
    """Agent and panel have no version of the protocol in common; nothing was asked of the node."""


class AgentTooOld(ProtocolSkew):
    """The agent speaks no version in which this can be asked: upgrade it (``cis nodes upgrade``)."""


class AgentTooNew(ProtocolSkew):
    """The agent gave up the versions this panel speaks: upgrade the panel, or roll the agent back."""


class OutcomeUnknown(SshError):
    """The link was lost, or time ran out, after the request had begun to leave: read back before asking again."""


class AgentError(SshError):
    """The agent answered that it did nothing, and why: ``code`` as in `wire.ReplyError`.

    ``what``: with *guard*, which of the node's own bounds said no; empty where the agent does not tell.
    """

    def __init__(self, code: str, message: str, *, what: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.what = what
