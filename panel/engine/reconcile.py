"""The spine: from rows that are due to rows that were seen. Read it from top to bottom."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from panel.engine import records
from panel.engine.exchange import Exchange
from panel.engine.kinds import Kind, Look, Looker, LookerFor, Wanted
from panel.engine.report import Report
from panel.kernel.db import db
from panel.ledger.differences import is_being_repaired
from panel.ledger.nodes import Lease, Node, renew_lease
from provisioning.plan import Plan, make_plan, require_safe
from provisioning.probes.findings import Finding

REMOVALS_COUNTED_FROM = 50
"""Below this many removals of a kind the guard has nothing to say, so nothing is counted."""


class LeaseLost(Exception):
    """Another worker holds the node now; whatever was not recorded is the other's to do."""


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Makes nodes have what is wanted of ``kinds``, in batches of at most ``batch_size``."""

    kinds: Sequence[Kind]
    exchange: Exchange
    looker_for: LookerFor
    batch_size: int
    lease_seconds: int

    def run(self, node: Node, lease: Lease, report: Report) -> Report:
        """Do the node's whole backlog. Raises LeaseLost, NeedsApproval, and what ``Exchange`` raises."""
        looker = self.looker_for(node)
        while wanted := self._due(node):
            if not renew_lease(lease, seconds=self.lease_seconds):
                raise LeaseLost
            self._batch(node, lease, looker, wanted, report)
        return report

    def _batch(self, node: Node, lease: Lease, looker: Looker, wanted: list[Wanted], report: Report) -> None:
        plan = self._plan(node, wanted)
        by_key = {one.key: one for one in wanted}
        ordered = [by_key[item.kind, item.id] for item in plan.items]
        look = looker.prepare(ordered)
        records.mark_sent(ordered)
        repair = is_being_repaired(node.id)
        reply = self.exchange.apply(node, lease, plan.items, watch=look.watch, repair=repair)
        outcomes = {(one["kind"], one["id"]): one for one in reply["outcomes"]}
        applied = records.record_outcomes(node, by_key, outcomes)
        report.counts.update(one["outcome"] for one in outcomes.values())
        report.failed.update(_others(ordered, applied))
        report.say("batch applied", batch=reply["batch"], sent=len(ordered), applied=len(applied))
        self._look(node, look, applied, report)

    def _look(self, node: Node, look: Look, applied: list[Wanted], report: Report) -> None:
        findings: Mapping[tuple[str, str], Finding] = look.see(applied)
        seen = records.record_findings(node, applied, findings)
        report.failed.update(_others(applied, seen))
        depths = Counter(getattr(findings.get(one.key), "how", "not seen") for one in applied)
        report.say("looked from outside", **{name.replace(" ", "_"): count for name, count in depths.items()})

    def _due(self, node: Node) -> list[Wanted]:
        """Rows that are due, kinds in their order, read fresh, at most one batch."""
        wanted: list[Wanted] = []
        for kind in self.kinds:
            room = self.batch_size - len(wanted)
            if room:
                query = (
                    select(kind.model)
                    .where(kind.model.node_id == node.id, kind.model.is_due())
                    .order_by(kind.model.id)
                    .limit(room)
                )
                rows = db.session.scalars(query.execution_options(populate_existing=True)).unique()
                wanted += [Wanted(kind=kind, row=row, item=kind.to_item(row)) for row in rows]
        return wanted

    def _plan(self, node: Node, wanted: list[Wanted]) -> Plan:
        plan = make_plan((one.item for one in wanted), {})
        removed = Counter(
            kind for (kind, verb), count in plan.counts().items() if verb in ("remove", "purge") for _ in range(count)
        )
        totals = {
            kind.name: self._count(kind, node) for kind in self.kinds if removed[kind.name] >= REMOVALS_COUNTED_FROM
        }
        require_safe(plan, totals)
        return plan

    def _count(self, kind: Kind, node: Node) -> int:
        model = kind.model
        query = (
            select(func.count())
            .select_from(model)
            .where(model.node_id == node.id, model.applied_generation > 0, model.want != "purge")
        )
        return db.session.scalar(query) or 0


def _others(some: Sequence[Wanted], without: Sequence[Wanted]) -> set[uuid.UUID]:
    """Ids of ``some`` that are not among ``without``."""
    left_out = {one.key for one in without}
    return {uuid.UUID(one.item.id) for one in some if one.key not in left_out}
