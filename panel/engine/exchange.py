"""One batch to one node: sent once, answered for certain."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from panel.ledger.nodes import Lease, Node
from provisioning.resources import Item, protocol_of, to_wire
from provisioning.ssh import AgentSession, HostKey, OutcomeUnknown, Sessions
from provisioning.wire import PROTOCOL

SECONDS_BASE, SECONDS_PER_ITEM = 20.0, 0.01
GREETING_SECONDS = 15.0
ASKING_SECONDS = 60.0
FIRST_LATER = 3
"""The first protocol that says more of resources than the one before it; none of before is asked for it."""

FIRST_OPS = frozenset({"hello", "apply", "outcomes", "watch", "state"})
"""What agents of the first protocol can be asked (``provisioning.wire``)."""
LATER_OPS = {"use": 4, "zones": 5, "sets": 5, "changes": 5, "ds_seen": 5}
"""What can be asked since which later protocol than the second."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Sends batches over the warm sessions of this process."""

    sessions: Sessions

    def apply(
        self,
        node: Node,
        lease: Lease,
        items: Sequence[Item],
        *,
        batch: uuid.UUID,
        watch: Mapping[str, Any] | None,
        approved: str | None = None,
        repair: bool = False,
    ) -> dict[str, Any]:
        """Send ``items`` and return the agent's reply.

        When the link breaks after sending, the same batch is sent again under the same id: an agent that had it answers
        from its record and does nothing twice. ``approved``: the digest that a person approved; ``repair``: write again
        what seems to be there. What the agent is too old to understand is not sent, and fails by itself: the outcomes
        tell of it as of the rest. Raises what ``AgentSession.request`` raises.
        """
        since_of = {id(item): since for item in items if (since := protocol_of(item)) >= FIRST_LATER}
        spoken = self._protocol(node) if since_of else PROTOCOL
        late = {id_ for id_, since in since_of.items() if since > spoken}
        if late:
            kept = [item for item in items if id(item) not in late]
            reply = self.apply(node, lease, kept, batch=batch, watch=watch, approved=approved, repair=repair)
            return reply | {"outcomes": [*reply["outcomes"], *(_too_old(item) for item in items if id(item) in late)]}
        message: dict[str, Any] = {
            "op": "apply",
            "batch": str(batch),
            "fence": lease.fence,
            "items": [to_wire(item) for item in items],
        }
        message |= {"watch": dict(watch)} if watch is not None else {}
        message |= {"approved": approved} if approved is not None else {}
        message |= {"repair": True} if repair else {}
        timeout, since = SECONDS_BASE + SECONDS_PER_ITEM * len(items), 2 if repair else 1
        try:
            return self._session(node).request(message, timeout, since=since)
        except OutcomeUnknown:
            return self._session(node).request(message, timeout, since=since)

    def ask(self, node: Node, op: str, *, timeout: float = ASKING_SECONDS, **fields: Any) -> dict[str, Any]:
        """Ask the agent something once and return its reply, or have it do what may be done twice.

        Raises what ``AgentSession.request`` raises: AgentTooOld where the agent's protocol has no such ``op``.
        """
        since = 1 if op in FIRST_OPS else LATER_OPS.get(op, 2)
        return self._session(node).request({"op": op, **fields}, timeout, since=since)

    def greet(self, node: Node) -> dict[str, Any]:
        """Ask the agent who it is: nothing changes on the node. Raises what ``AgentSession.request`` raises."""
        return self._session(node).request({"op": "hello"}, GREETING_SECONDS)

    def _protocol(self, node: Node) -> int:
        """The protocol spoken with the node's agent, which is greeted where no session is open."""
        if self._session(node).protocol is None:
            self.greet(node)
        return self._session(node).protocol or PROTOCOL

    def _session(self, node: Node) -> AgentSession:
        kind, _, key = node.host_key.partition(" ")
        return self.sessions.get(node.address, node.ssh_port, HostKey(kind, key))


def _too_old(item: Item) -> dict[str, Any]:
    told = {"kind": item.kind, "id": item.id, "generation": item.generation}
    return told | {"outcome": "failed", "code": "agent_too_old", "message": ""}
