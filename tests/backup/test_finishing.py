"""A panel restored from yesterday's backup asks its nodes before it sends anything: nothing newer is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from panel.backups.finishing import Finished, finish
from panel.engine.drift import adopt, keep
from panel.engine.repair import overwrite
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kinds import KINDS
from panel.ledger.closings import close, closed, list_closings
from panel.ledger.jobs import Job
from panel.ledger.names import Name
from panel.ledger.nodes import Node
from panel.mail.actions import remove_mailbox, set_password, set_quota
from panel.mail.models import ActivationLink, Mailbox
from provisioning.probes.findings import NotSeen
from provisioning.ssh import AgentTooOld, Unreachable
from tests.drift.panel import PASSWORD, Drifting
from tests.worlds import enrolled_node

OTHER = "zupełnie inne hasło na dziś"


def test_yesterdays_panel_meets_todays_node(drifting: Drifting) -> None:
    same, newer, removed = (drifting.box(name, password=PASSWORD, quota_mb=100) for name in "abc")
    with _restored(drifting):
        set_quota(SYSTEM, same.id, quota_mb=200)
        drifting.engine.ring()
        set_quota(SYSTEM, same.id, quota_mb=100)
        set_password(SYSTEM, newer.id, password=OTHER)
        remove_mailbox(SYSTEM, removed.id)
        drifting.engine.ring()
        created = drifting.box("d", password=PASSWORD)
        bodies = {key: dict(body) for key, body in drifting.agent.bodies.items()}
    drifting.agent.requests.clear()
    drifting.engine.ring()
    assert drifting.agent.requests == []
    (done,) = _finish(drifting)
    assert done.problem is None
    assert done.fence[1] >= drifting.agent.fence
    assert done.lifted == {"mailbox": 3}
    assert done.differences == {"different": 1, "missing": 1, "only_here": 1}
    assert done.only_here == [f"mailbox {created.address}"]
    assert list_closings() == []
    drifting.engine.ring()
    assert drifting.agent.bodies == bodies
    states = {one.name: one.what for one in drifting.open()}
    assert states == {newer.address: "different", removed.address: "missing", created.address: "only_here"}
    assert [drifting.fresh(box).state for box in (same, newer, removed)] == ["active", "drifted", "drifted"]
    set_quota(SYSTEM, same.id, quota_mb=321)
    drifting.engine.ring()
    assert drifting.fresh(same).state == "active"
    assert drifting.agent.bodies["mailbox", str(same.id)]["quota_mb"] == 321


def test_what_differs_can_be_decided_either_way(drifting: Drifting) -> None:
    newer, removed = (drifting.box(name, password=PASSWORD) for name in "ab")
    with _restored(drifting):
        set_password(SYSTEM, newer.id, password=OTHER)
        remove_mailbox(SYSTEM, removed.id)
        drifting.engine.ring()
        created = drifting.box("c", password=PASSWORD)
    _finish(drifting)
    for difference in drifting.open():
        if difference.what == "missing":
            overwrite(SYSTEM, difference.id)
        else:
            adopt(SYSTEM, difference.id, member_id=drifting.world.koscian.id)
    drifting.engine.ring()
    assert drifting.check() == []
    assert {drifting.fresh(box).state for box in (newer, removed, created)} == {"active"}
    assert drifting.agent.bodies["mailbox", str(newer.id)]["password_hash"] == drifting.fresh(newer).password_hash


def test_an_order_of_yesterday_does_not_undo_a_newer_one(drifting: Drifting) -> None:
    box = drifting.box("a", quota_mb=100)
    set_quota(SYSTEM, box.id, quota_mb=150)
    with _restored(drifting):
        drifting.engine.ring()
        set_quota(SYSTEM, box.id, quota_mb=999)
        drifting.engine.ring()
    _finish(drifting)
    drifting.engine.ring()
    assert drifting.agent.bodies["mailbox", str(box.id)]["quota_mb"] == 999
    assert drifting.fresh(box).state == "drifted", "it is not as wanted, whatever is seen of it"
    (difference,) = drifting.open()
    keep(SYSTEM, difference.id, reason="as it is", until=utcnow().replace(year=utcnow().year + 1))
    drifting.engine.ring()
    assert drifting.agent.bodies["mailbox", str(box.id)]["quota_mb"] == 999


def test_what_was_on_its_way_goes_on_where_the_node_agrees_or_never_heard_of_it(drifting: Drifting) -> None:
    applied, unheard = drifting.box("a", quota_mb=100), drifting.box("b", quota_mb=100)
    drifting.engine.looker.hidden[str(applied.id)] = NotSeen("refused", "later")
    set_quota(SYSTEM, applied.id, quota_mb=150)
    drifting.engine.ring()
    set_quota(SYSTEM, unheard.id, quota_mb=150)
    with _restored(drifting):
        pass
    drifting.engine.looker.hidden.clear()
    _finish(drifting)
    assert drifting.fresh(applied).state != "active"
    drifting.engine.ring()
    drifting.sweep()
    assert drifting.open() == []
    assert {drifting.agent.bodies["mailbox", str(box.id)]["quota_mb"] for box in (applied, unheard)} == {150}
    assert {drifting.fresh(box).state for box in (applied, unheard)} == {"active"}


def test_a_node_that_cannot_be_asked_stays_closed_alone(drifting: Drifting) -> None:
    drifting.box("a")
    other = enrolled_node("mail2", address="192.0.2.12")
    old = enrolled_node("mail3", address="192.0.2.13")
    with _restored(drifting):
        pass
    troubles = {other.id: Unreachable("no route"), old.id: AgentTooOld("known")}
    done = {one.node: one.problem for one in _finish(drifting, troubles)}
    assert done == {"mail1": None, "mail2": "no route", "mail3": "agent_too_old"}
    assert closed(drifting.node_id) is None
    assert closed(other.id) is not None
    assert [one.node for one in _finish(drifting, {old.id: AgentTooOld("known")})] == ["mail2", "mail3"]
    assert [closing.node_id for closing in list_closings()] == [old.id]


@pytest.mark.one_database
def test_a_dry_run_changes_nothing(drifting: Drifting) -> None:
    box = drifting.box("a", password=PASSWORD)
    with _restored(drifting):
        set_password(SYSTEM, box.id, password=OTHER)
        drifting.engine.ring()
    before = drifting.fresh(box).wanted_generation
    (done,) = _finish(drifting, dry_run=True)
    assert (done.lifted, done.differences) == ({"mailbox": 1}, {"different": 1})
    assert drifting.fresh(box).wanted_generation == before
    assert drifting.open(None) == []
    assert closed(drifting.node_id) is not None


def test_jobs_of_the_time_before_are_withdrawn(drifting: Drifting) -> None:
    box = drifting.box("a")
    set_quota(SYSTEM, box.id, quota_mb=150)
    with _restored(drifting):
        drifting.engine.ring()
    _finish(drifting)
    assert {job.state for job in db.session.scalars(select(Job).where(Job.resource_id == box.id))} == {
        "done",
        "cancelled",
    }


@contextmanager
def _restored(drifting: Drifting) -> Iterator[None]:
    """What is done within is forgotten by the database, which is closed then; the node remembers."""
    boxes, names, jobs = _rows(Mailbox), _rows(Name), _rows(Job)
    fence = drifting.node().fence
    yield
    with unit_of_work():
        for model in (ActivationLink, Name, Mailbox, Job):
            db.session.execute(delete(model))
        for model, rows in ((Mailbox, boxes), (Name, names), (Job, jobs)):
            db.session.execute(insert(model), rows)
        db.session.execute(update(Node).where(Node.id == drifting.node_id).values(fence=fence))
        close("restored")
    db.session.expunge_all()


def _rows(model: Any) -> list[dict[str, Any]]:
    db.session.commit()
    return [dict(row) for row in db.session.execute(select(*model.__table__.c)).mappings()]


def _finish(
    drifting: Drifting, troubles: Mapping[Any, Exception] | None = None, *, dry_run: bool = False
) -> list[Finished]:
    def ask_of(node: Node) -> Callable[..., Any]:
        def ask(op: str, **fields: Any) -> Any:
            if node.id in (troubles or {}):
                raise (troubles or {})[node.id]
            return drifting.agent.request({"op": op, **fields}, 1)

        return ask

    return finish(SYSTEM, KINDS, ask_of, dry_run=dry_run)
