"""From where needs come: one source for each kind, counted up to a bound and read a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import aliased

from panel.engine import figures
from panel.engine.conditions import CODES, conditions
from panel.engine.kinds import Kind, wired_kinds
from panel.kernel.access import Actor
from panel.kernel.db import database_now, db
from panel.kernel.i18n import _
from panel.ledger.alarms import Alarm
from panel.ledger.closings import list_closings
from panel.ledger.differences import Difference, counts_as_open
from panel.ledger.jobs import Job
from panel.ledger.nodes import Node
from panel.ledger.plans import HeldPlan
from panel.ledger.workers import workers_alive
from panel.web import contract_needs
from panel.web.layout import page_url
from panel.web.need import Need, NeedSource, listed, selected
from panel.web.node_state import node_state
from panel.wording import cause_word, closed_words, kind_word, plan_reasons, problem_words, what_words
from panel.wording.alarms import alarm_words

JOB_DAYS = 7
"""Failed jobs older than so many days wait for nobody any more."""

SHOWN_OTHERWISE = (
    CODES
    - {"ports_silent", "jobs_failing", "backup_old", "messages_failing", "messages_waiting"}
    - {"secondary_silent", "signatures_expiring", "ds_mismatch"}
)
"""Alarms about what stands in the list by itself."""


BACKUP = "backup_old"


def sources(who: Actor, search: str) -> list[NeedSource]:
    """Every source that ``who`` may see, the most urgent first, narrowed to what is called like ``search``."""
    nodes = {node.id: node for node in db.session.scalars(select(Node).order_by(func.lower(Node.name)))}
    found: list[NeedSource] = []
    if who.may_everywhere("nodes:read"):
        found += _of_nodes(nodes, search)
    if who.may_everywhere("jobs:read"):
        found.append(_failed_jobs(search))
    if who.may_everywhere("mail:read"):
        found += [_resources(kind, nodes, search) for kind in wired_kinds()]
    if who.may_everywhere("nodes:read"):
        found.append(_differences(search))
    return found + contract_needs.sources(who, search)


def _of_nodes(nodes: dict[Any, Node], search: str) -> list[NeedSource]:
    return [
        listed("engine", _engine(nodes), search),
        listed("node", _lost(nodes), search),
        listed("node", _unchecked(nodes), search),
        listed("alarm", _alarms(nodes, Alarm.code != BACKUP), search),
        listed("plan", _plans(nodes), search),
        listed("certificate", _certificates(), search),
        listed("backup", _alarms(nodes, Alarm.code == BACKUP), search),
    ]


def _engine(nodes: dict[Any, Node]) -> Iterator[Need]:
    for closing in list_closings():
        node = nodes.get(closing.node_id)
        yield Need(
            kind="engine", tone="bad", icon="slash-circle", name=node.name if node else _("The whole panel"),
            what=_("Nothing is sent to it") if node else _("Nothing is sent to any server"),
            todo=closed_words(closing.reason), since=closing.closed_at, url=page_url("node", node.id) if node else None,
        )  # fmt: skip
    if nodes and not workers_alive():
        yield Need(
            kind="engine", tone="bad", icon="speedometer2", name=_("Workers"), what=_("No worker is running"),
            todo=_("Nothing reaches the servers until one runs: start `cis worker`."),
        )  # fmt: skip


def _lost(nodes: dict[Any, Node]) -> Iterator[Need]:
    for node in nodes.values():
        state = node_state(node)
        if state not in ("problem", "never", "late"):
            continue
        words = problem_words(node.problem_code) if node.problem_code else problem_words("unreachable")
        yield Need(
            kind="node", tone="bad" if state == "problem" else "warn", icon="hdd-network", name=node.name,
            what=words.title if node.problem_code else _("It has not been seen lately."), todo=words.advice,
            since=node.last_seen_at, url=page_url("node", node.id),
        )  # fmt: skip


def _unchecked(nodes: dict[Any, Node]) -> Iterator[Need]:
    for node in nodes.values():
        if node.lets_pretend:
            yield Need(
                kind="node", tone="warn", icon="hdd-network", name=node.name,
                what=_("It does not check in whose name mail is sent."), todo=_("Run `cis nodes enroll` again for it."),
                url=page_url("node", node.id),
            )  # fmt: skip


def _alarms(nodes: dict[Any, Node], which: ColumnElement[bool]) -> Iterator[Need]:
    """Open alarms that stand for nothing else in the list."""
    query = select(Alarm).where(Alarm.cleared_at.is_(None), Alarm.code.not_in(SHOWN_OTHERWISE), which)
    for alarm in db.session.scalars(query.order_by(Alarm.raised_at)):
        words, node = alarm_words(alarm.code, alarm.params), nodes.get(alarm.node_id)
        yield Need(
            kind="backup" if alarm.code == BACKUP else "alarm", tone="bad", icon="exclamation-triangle",
            name=node.name if node else _("The whole panel"), what=words.title, todo=words.advice,
            since=alarm.raised_at, url=page_url("node", node.id) if node else None,
        )  # fmt: skip


def _plans(nodes: dict[Any, Node]) -> Iterator[Need]:
    for plan in db.session.scalars(select(HeldPlan).where(HeldPlan.state == "waiting").order_by(HeldPlan.made_at)):
        yield Need(
            kind="plan", tone="warn", icon="person-check", name=nodes[plan.node_id].name,
            what=" ".join([_("A plan waits for approval."), *plan_reasons(plan.reasons, plan.counts)]),
            todo=_("Look what would be removed, and approve it or leave it."), since=plan.made_at,
            url=url_for("nodes.show_plan", node_id=plan.node_id),
        )  # fmt: skip


def _certificates() -> Iterator[Need]:
    for condition in conditions():
        if condition.code == "certificate_ends" and condition.node is not None:
            words = alarm_words(condition.code, {"node": condition.node.name, **condition.params})
            yield Need(
                kind="certificate", tone="warn", icon="shield-lock", name=condition.node.name, what=words.title,
                todo=words.advice, url=page_url("node", condition.node.id),
            )  # fmt: skip


def _failed_jobs(search: str) -> NeedSource:
    """Failed jobs of the last days, without those that went well when asked for again."""
    later = aliased(Job)
    done = exists().where(later.resource_id == Job.resource_id, later.queued_at > Job.queued_at, later.state == "done")
    lately = Job.queued_at > database_now(-JOB_DAYS * figures.DAY_SECONDS)
    query = select(Job).join(Job.node).where(Job.state == "failed", lately, ~done)
    if search:
        query = query.where(
            or_(Node.name.icontains(search, autoescape=True), Job.cause.icontains(search, autoescape=True))
        )
    return selected("job", query.order_by(Job.queued_at.desc()), _job)


def _job(job: Job) -> Need:
    return Need(
        kind="job", tone="bad", icon="list-task", name=cause_word(job.cause), what=_("The job failed."),
        todo=_("Read its log, correct the cause, then ask again."), where=job.node.name,
        since=job.finished_at or job.queued_at, url=page_url("job", job.id),
    )  # fmt: skip


def _resources(kind: Kind, nodes: dict[Any, Node], search: str) -> NeedSource:
    """Resources with a problem, by the index of those: however many are well costs nothing."""
    model: Any = kind.model
    name = getattr(model, kind.comparison.name if kind.comparison else "name")
    query = select(model).where(model.problem_code.is_not(None))
    if search:
        query = query.where(name.icontains(search, autoescape=True))
    return selected(
        "resource", query.order_by(model.node_id, model.problem_code), lambda row: _resource(kind, nodes, row)
    )


def _resource(kind: Kind, nodes: dict[Any, Node], row: Any) -> Need:
    words, node = problem_words(row.problem_code), nodes.get(row.node_id)
    bad = row.state == "failed"
    return Need(
        kind="resource", tone="bad" if bad else "warn", icon="x-octagon" if bad else "shuffle", name=kind.name_of(row),
        what=f"{kind_word(kind.name)}: {words.title}", todo=words.advice, where=node.name if node else "",
        since=row.problem_since, url=page_url(kind.name, row.id),
    )  # fmt: skip


def _differences(search: str) -> NeedSource:
    query = select(Difference).where(counts_as_open())
    if search:
        query = query.where(Difference.name.icontains(search, autoescape=True))
    return selected("difference", query.order_by(Difference.first_seen_at, Difference.id), _difference)


def _difference(row: Difference) -> Need:
    words = what_words(row.what)
    return Need(
        kind="difference", tone="warn", icon="shuffle", name=row.name, what=f"{kind_word(row.kind)}: {words.title}",
        todo=_("Keep it, adopt it or overwrite it."), where=row.node.name, since=row.first_seen_at,
        url=url_for("differences.show", difference_id=row.id),
    )  # fmt: skip
