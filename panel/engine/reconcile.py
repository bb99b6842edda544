"""The spine: from rows that are due to rows that were seen. Read it from top to bottom."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from panel.engine import records
from panel.engine.ahead import Ahead, Findings, LookingAhead
from panel.engine.claims import Claims, Told
from panel.engine.exchange import Exchange
from panel.engine.guard import Guard, end_carried_out
from panel.engine.kinds import Kind, Look, Looker, LookerFor, Wanted
from panel.engine.points import reach
from panel.engine.portions import Backlog, Portion, read_ids
from panel.engine.records import Bad, Pace
from panel.engine.report import Report, line
from panel.kernel.db import new_id
from panel.ledger.differences import is_being_repaired
from panel.ledger.nodes import Lease, LeaseLost, Node
from panel.ledger.plans import approved_on
from provisioning.plan import make_plan
from provisioning.probes.findings import Seen
from provisioning.ssh import AgentError

__all__ = ["LeaseLost", "Reconciler"]

DEEP_FIRST, DEEP_MORE = 20, 2
"""How many of what was done in bulk are looked at as deep as can be, in the first look and in each that follows."""

NOTHING_DONE = ("guard", "bad_request")
"""Answers after which no batch can be at work on the node."""


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Makes nodes have what is wanted of ``kinds``, in portions of at most ``batch_size``."""

    kinds: Sequence[Kind]
    exchange: Exchange
    looker_for: LookerFor
    batch_size: int
    pace: Pace

    def run(self, node: Node, lease: Lease, claims: Claims, report: Report) -> None:
        """Do the node's whole backlog and end its jobs. Raises LeaseLost, and what ``Exchange`` raises."""
        with LookingAhead() as looking:
            run = _Run(self, node, lease, claims, report, self.looker_for(node), looking)
            run.read_back()
            run.do_backlog()
            run.end()


@dataclass
class _Run:
    parts: Reconciler
    node: Node
    lease: Lease
    claims: Claims
    report: Report
    looker: Looker
    looking: LookingAhead
    guard: Guard = field(init=False)
    held_more: bool = False
    looked: bool = False
    ahead: Ahead | None = None

    def __post_init__(self) -> None:
        self.guard = Guard(node=self.node, kinds=self.parts.kinds)

    def read_back(self) -> None:
        """Learn what became of a batch whose outcome was never recorded, before anything else is sent."""
        batch = self.node.batch_on_way
        if batch is None:
            return
        reply = self.parts.exchange.ask(self.node, "outcomes", batch=str(batch))
        self.report.answered = True
        outcomes = _by_key(reply["outcomes"])
        rows = [one for one in read_ids(self.parts.kinds, outcomes) if _is_news(one, outcomes[one.key])]
        self.report.say("read back", batch=str(batch), known=bool(reply["known"]), news=len(rows))
        look = self.looker.prepare(rows)
        if rows and look.watch is not None:
            self.parts.exchange.ask(self.node, "watch", fence=self.lease.fence, watch=dict(look.watch))
        self._record(rows, outcomes, look, str(batch))

    def do_backlog(self) -> None:
        """Send portions until nothing is due; changes that come meanwhile are taken in between."""
        backlog = Backlog(self.node.id, self.parts.kinds, self.parts.batch_size)
        fresh, portion, caught_up = True, None, False
        while fresh or portion is not None or caught_up:
            if fresh:
                self.held_more |= self.guard.check()
                backlog.approved = approved_on(self.node.id)
                self.claims.show(self.report)
            portion, caught_up = backlog.next(self.claims.own), False
            if portion is not None and portion.confirmed:
                self._look_ahead(portion.rows)
            else:
                caught_up = self._catch_up()
                if portion is not None:
                    self._send(portion)
            fresh = self.claims.take()
        if backlog.approved:
            end_carried_out(self.node.id, self.parts.kinds)
            self.guard.check()  # what was set aside because of these may be little enough by now
        records.record_bad_rows(self.node, backlog.bad)

    def end(self) -> None:
        """End the jobs that are left."""
        own = list(self.claims.own)
        left = read_ids(self.parts.kinds, [(kind.name, str(id_)) for kind in self.parts.kinds for id_ in own])
        problems = {one.row.id: Told("failed", code=one.row.problem_code) for one in left if _is_failed(one)}
        self.claims.end_left(problems, self.guard.held_among(own))
        self.claims.end_many(self.report, held=self.held_more)
        reach("finished")

    def _send(self, portion: Portion) -> None:
        by_key = {one.key: one for one in self.looker.ready(portion.rows)}
        ordered = [by_key[item.kind, item.id] for item in make_plan((one.item for one in by_key.values()), {}).items]
        reach("planned")
        look = None if portion.bulk else self.looker.prepare(ordered)
        batch = new_id()
        records.mark_sent(self.lease, batch, ordered, self.parts.pace)
        reach("sent")
        try:
            outcomes = self._exchange(batch, ordered, look, portion.approved)
        except AgentError as error:
            if error.code in NOTHING_DONE:
                records.forget_batch(self.lease, self.parts.pace)
            if error.code != "guard" or not self._set_aside(error, ordered):
                raise
        else:
            self.report.answered = True
            reach("answered")
            self._record(ordered, outcomes, look, str(batch))

    def _exchange(
        self, batch: uuid.UUID, ordered: Sequence[Wanted], look: Look | None, approved: str | None
    ) -> dict[tuple[str, str], Mapping[str, Any]]:
        reply = self.parts.exchange.apply(
            self.node,
            self.lease,
            [one.item for one in ordered],
            batch=batch,
            watch=None if look is None else look.watch,
            approved=approved,
            repair=is_being_repaired(self.node.id),
        )
        return _by_key(reply["outcomes"])

    def _set_aside(self, error: AgentError, ordered: Sequence[Wanted]) -> bool:
        """The node's own bound said no: a person must look. False where there is nothing to set aside."""
        self.report.say("set aside for approval", message=str(error))
        more = self.guard.check(refused=self.guard.refused(error.what, ordered), rows=ordered)
        self.held_more |= more
        return more

    def _record(
        self,
        rows: Sequence[Wanted],
        outcomes: Mapping[tuple[str, str], Mapping[str, Any]],
        look: Look | None,
        batch: str,
    ) -> None:
        """Record what the node said, and what is seen of it, unless the look comes when all is there."""
        pace = self.parts.pace
        good, bad = records.record_outcomes(self.node, self.lease, rows, outcomes, pace, own=self.claims.own)
        self.report.counts.update(
            str(outcomes[one.key]["outcome"]) if one.key in outcomes else "failed" for one in rows
        )
        self.report.log.append(line("batch applied", batch=batch, sent=len(rows), applied=len(good)))
        reach("recorded")
        self.report.failed.update(one.one.row.id for one in bad)
        if look is None:
            self.report.show()
            return
        seen, unseen = self._see(look, good)
        told = self._told(rows, outcomes, {one.row.id: finding for one, finding in seen}, (*bad, *unseen))
        self.claims.end_own(told, batch)

    def _look_ahead(self, rows: Sequence[Wanted]) -> None:
        """Begin to look at what the node confirmed before, and record meanwhile what was seen of the rows before."""
        look = self.looker.prepare(rows, deep=DEEP_FIRST if not self.looked else DEEP_MORE)
        self.looked = True
        if look.watch is not None:
            self.parts.exchange.ask(self.node, "watch", fence=self.lease.fence, watch=dict(look.watch))
        before, self.ahead = self.ahead, self.looking.begin(look, rows)
        self._record_look(before)

    def _catch_up(self) -> bool:
        """Have no look under way: what is sent next is looked at by the same looker. Tell whether one was."""
        before, self.ahead = self.ahead, None
        self._record_look(before)
        return before is not None

    def _record_look(self, ahead: Ahead | None) -> None:
        if ahead is None:
            return
        seen, unseen = self._record_findings(ahead.rows, ahead.findings())
        confirmed = {one.key: {"outcome": "unchanged"} for one in ahead.rows}
        told = self._told(ahead.rows, confirmed, {one.row.id: finding for one, finding in seen}, unseen)
        self.claims.end_own(told, batch="")

    def _see(self, look: Look, rows: Sequence[Wanted]) -> tuple[list[tuple[Wanted, Seen]], list[Bad]]:
        return self._record_findings(rows, look.see(rows) if rows else {})

    def _record_findings(
        self, rows: Sequence[Wanted], findings: Findings
    ) -> tuple[list[tuple[Wanted, Seen]], list[Bad]]:
        seen, unseen = records.record_findings(self.node, self.lease, rows, findings, self.parts.pace)
        reach("looked")
        self.report.failed.update(one.one.row.id for one in unseen)
        self.report.say(
            "looked from outside", **Counter([finding.how for _, finding in seen] + ["not_seen"] * len(unseen))
        )
        return seen, unseen

    def _told(
        self,
        rows: Sequence[Wanted],
        outcomes: Mapping[tuple[str, str], Mapping[str, Any]],
        seen: Mapping[uuid.UUID, Seen],
        bad: Iterable[Bad],
    ) -> dict[uuid.UUID, Told]:
        """What came of the resources that have jobs of their own."""
        own = [one for one in rows if one.row.id in self.claims.own]
        told = {one.row.id: Told(outcomes.get(one.key, {}).get("outcome", "failed")) for one in own}
        for one in own:
            told[one.row.id].applied = told[one.row.id].outcome in records.GOOD
            told[one.row.id].how = seen[one.row.id].how if one.row.id in seen else ""
        for fault in bad:
            if fault.one.row.id in told:
                told[fault.one.row.id].code, told[fault.one.row.id].message = fault.code, fault.message
        return told


def _by_key(outcomes: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(one["kind"], one["id"]): one for one in outcomes}


def _is_news(one: Wanted, outcome: Mapping[str, Any]) -> bool:
    """Whether the outcome tells of the generation that is wanted still, and was not recorded."""
    row = one.row
    return bool(row.wanted_generation == outcome["generation"] and row.seen_generation < row.wanted_generation)


def _is_failed(one: Wanted) -> bool:
    return bool(one.row.problem_code) and one.row.seen_generation < one.row.wanted_generation
