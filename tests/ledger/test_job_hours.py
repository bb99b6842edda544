"""Jobs by the hour: asked for, done, failed, and how many waited."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, new_id, unit_of_work
from panel.kernel.errors import NotAllowed
from panel.ledger.job_hours import job_hours
from panel.ledger.jobs import Job
from tests.worlds import World, actor


def test_each_hour_tells_what_was_asked_for_what_ended_and_what_waited(world: World) -> None:
    hour = timedelta(hours=1)
    now = db.session.scalars(select(database_now())).one().replace(minute=0, second=0, microsecond=0)
    rows = [
        ("done", now - 5 * hour, now - hour + timedelta(minutes=59)),
        ("failed", now - hour, now - hour),
        ("cancelled", now - hour, now),
        ("done", now - 2 * hour, now),
        ("queued", now - hour, None),
        ("running", now - 90 * hour, None),
        ("done", now - 90 * hour, now - 80 * hour),
    ]
    there = _hours(now)
    with unit_of_work():
        same = {"node_id": world.node.id, "cause": "mail:mailbox:create", "actor": "cli:x"}
        db.session.execute(
            insert(Job),
            [
                same | {"id": new_id(), "state": state, "queued_at": asked, "finished_at": ended}
                for state, asked, ended in rows
            ],
        )
    more = [
        tuple(now - before for now, before in zip(*pair, strict=True)) for pair in zip(_hours(now), there, strict=True)
    ]
    assert more == [(0, 0, 0, 2), (1, 0, 0, 3), (3, 1, 1, 4), (0, 1, 0, 2)]


@pytest.mark.one_database
def test_only_staff_sees_them(world: World) -> None:
    with pytest.raises(NotAllowed):
        job_hours(actor("auditor", world.koscian), hours=1)


def _hours(until: datetime) -> list[tuple[int, int, int, int]]:
    """The hour that began then and the three before it, as (asked, done, failed, waiting)."""
    found = [one for one in job_hours(SYSTEM, hours=24) if until - timedelta(hours=3) <= one.at <= until]
    return [(one.asked, one.done, one.failed, one.waiting) for one in found]
