"""The panel's part while an operator works on a node by hand: lease held, looks before and after, news recorded.

With the lease held no worker sends the node anything; the heartbeat keeps it for as long as the operator's part lives.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from panel.engine.exchange import Exchange
from panel.engine.kinds import Kind, LookerFor, Wanted
from panel.kernel.access import Actor, require
from panel.kernel.db import db, unit_of_work
from panel.kernel.errors import Conflict
from panel.ledger.agents import record_agent
from panel.ledger.events import record
from panel.ledger.nodes import Lease, Node
from provisioning.probes.findings import Finding, Seen
from provisioning.ssh import SshError

SAMPLE = 5
"""How many resources of each kind are looked at: enough to see that the node serves, few enough to wait for."""

_VERBS = {"upgrade": "upgrade", "rollback": "rollback"}


@dataclass
class Attendance:
    """One node under the operator's hands. ``seen``: what was seen working before, and must be afterwards."""

    node: Node
    lease: Lease
    exchange: Exchange
    kinds: Sequence[Kind]
    looker_for: LookerFor
    seen: set[tuple[str, str]] = field(default_factory=set)

    def look_before(self) -> int:
        """Look at a sample of what is active and remember what was seen; 0 where the agent cannot help to look."""
        try:
            findings = self._look(self._sample())
        except SshError:
            findings = {}
        self.seen = {key for key, finding in findings.items() if isinstance(finding, Seen)}
        return len(self.seen)

    def accept(self, actor: Actor, *, program: str, what: str) -> int:
        """Greet the agent, look again at all that was seen before, record the new program; return how much was seen.

        ``program``: the first twelve digits of the SHA-256 that the agent must name as its version; ``what``:
        *upgrade* or *rollback*. Raises Conflict ``agent_other_program``, ``agent_lost_sight``, and SshError's kinds.
        """
        require(actor, "nodes:write", staff=True)
        hello = self.exchange.ask(self.node, "hello")
        if hello.get("agent_version") != program:
            raise Conflict("agent_other_program", node=self.node.name, program=program)
        again = [one for one in self._sample() if one.key in self.seen]
        findings = self._look(again)
        lost = [one for one in again if not isinstance(findings.get(one.key), Seen)]
        if lost:
            names = ", ".join(one.kind.name_of(one.row) for one in lost[:SAMPLE])
            raise Conflict("agent_lost_sight", node=self.node.name, names=names)
        self._record(actor, hello, program, _VERBS[what])
        return len(again)

    def _record(self, actor: Actor, hello: Mapping[str, object], program: str, verb: str) -> None:
        with unit_of_work():
            before = record_agent(self.node.id, hello, program=program)
            record(
                actor,
                f"nodes:agent:{verb}",
                kind="node",
                resource_id=self.node.id,
                node_id=self.node.id,
                name=self.node.name,
                program=program,
                before=before,
            )

    def _look(self, wanted: Sequence[Wanted]) -> Mapping[tuple[str, str], Finding]:
        if not wanted:
            return {}
        look = self.looker_for(self.node).prepare(wanted)
        if look.watch is not None:
            self.exchange.ask(self.node, "watch", fence=self.lease.fence, watch=dict(look.watch))
        return look.see(wanted)

    def _sample(self) -> list[Wanted]:
        return [
            Wanted(kind=kind, row=row, item=kind.to_item(row))
            for kind in self.kinds
            for row in _settled(kind, self.node.id)
        ]


def _settled(kind: Kind, node_id: uuid.UUID) -> Sequence[object]:
    """The newest rows of a kind that are wanted and were seen; what was seen before must not depend on what is due."""
    model = kind.model
    query = (
        select(model)
        .where(
            model.node_id == node_id, model.want == "put", model.problem_code.is_(None), model.suspended_at.is_(None)
        )
        .where(model.seen_generation == model.wanted_generation)
        .order_by(model.id.desc())
        .limit(SAMPLE)
    )
    return db.session.scalars(query.execution_options(populate_existing=True)).unique().all()
