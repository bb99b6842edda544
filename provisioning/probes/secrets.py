"""The probe's own credentials: a short-lived master login and one-time tokens, and their form on the wire."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Master:
    """The probe's login. The node is told the digest only; the secret stays in the worker's memory."""

    network: str
    seconds: int
    secret: str = field(repr=False)

    def to_wire(self) -> dict[str, Any]:
        """Return the ``master`` part of a watch (see ``wire``)."""
        digest = hashlib.sha256(self.secret.encode()).hexdigest()
        return {"digest": digest, "network": self.network, "seconds": self.seconds}


def new_master(network: str, *, seconds: int = 3600) -> Master:
    """Make a fresh login good for ``seconds``, from ``network`` only (an address or CIDR, comma between several)."""
    return Master(network=network, seconds=seconds, secret=secrets.token_urlsafe(32))


def new_token() -> str:
    """Make a fresh one-time token (128 bits) by which the node knows one probe message."""
    return secrets.token_urlsafe(16)


def watch_of(master: Master | None, tokens: Mapping[str, str]) -> dict[str, Any]:
    """Build the ``watch`` of an apply or watch request; ``tokens`` maps mailbox id to token."""
    watch: dict[str, Any] = {"tokens": [{"mailbox_id": key, "token": token} for key, token in tokens.items()]}
    if master is not None:
        watch["master"] = master.to_wire()
    return watch
