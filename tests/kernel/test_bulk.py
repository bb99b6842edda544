"""Many rows by one statement: the same values as by the library's own way, and ids that keep their order."""

from __future__ import annotations

import time
import uuid

import pytest
from sqlalchemy import Float, bindparam, insert, select, update

from panel.kernel.bulk import execute_many, new_ids
from panel.kernel.db import Base, database_now, db, new_id, unit_of_work, utcnow
from panel.ledger.notices import Notice
from tests.worlds import World


@pytest.mark.parametrize("count", [1, 60])
def test_values_arrive_as_they_were(world: World, count: int) -> None:
    now, ids = utcnow(), new_ids(count)
    rows = [
        {"id": id_, "member_id": world.koscian.id if n % 2 else None, "params": {"ż": n, "list": [None, True]}}
        for n, id_ in enumerate(ids)
    ]
    with unit_of_work():
        execute_many(insert(Notice).values(created_at=now, code="a:b", email="100 %", language="Łucja"), rows)
        table = Base.metadata.tables["notices"]
        again = (
            update(table)
            .where(table.c.id == bindparam("key"))
            .values(code=bindparam("new"), created_at=database_now(bindparam("ago", type_=Float())))
        )
        changed = execute_many(again, [{"key": id_, "new": f"a:{n}", "ago": -3600.5} for n, id_ in enumerate(ids)])
        assert (changed, execute_many(again, [])) == (count, 0)
    found = db.session.scalars(select(Notice).where(Notice.id.in_(ids)).order_by(Notice.id)).all()
    assert [(notice.id, notice.code, notice.member_id, notice.params) for notice in found] == [
        (row["id"], f"a:{n}", row["member_id"], row["params"]) for n, row in enumerate(rows)
    ]
    assert {(notice.email, notice.language) for notice in found} == {("100 %", "Łucja")}
    assert all(3500 < (now - notice.created_at).total_seconds() < 3700 for notice in found)


def test_ids_made_together_sort_in_their_order_between_those_before_and_after() -> None:
    before = new_id()
    time.sleep(0.001)
    many = new_ids(10_000)
    time.sleep(0.005)
    assert many == sorted(many)
    assert len(set(many)) == 10_000
    assert before < many[0]
    assert many[-1] < new_id()
    assert {(one.version, one.variant) for one in many} == {(7, uuid.RFC_4122)}
