"""Whatever is changed behind the panel's back shows, by place and by what was done; erasures do not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update

from config import Settings
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, new_id, unit_of_work, utcnow
from panel.kernel.errors import Invalid
from panel.ledger.anchors import make_anchor, read_anchor
from panel.ledger.chain import Link, chainer
from panel.ledger.erasing import erase_values, expirer
from panel.ledger.events import Event, EventDetail, record, record_many
from panel.ledger.exporting import export_lines
from panel.ledger.verifying import Point, verify_chain
from tests.checks.files import read
from tests.worlds import World


def test_each_way_of_tampering_is_named_at_its_first_place(world: World) -> None:
    _events(12)
    chainer()(SYSTEM)
    assert _faults() == []
    ids = list(db.session.scalars(select(Link.event_id).order_by(Link.seq)))
    with _unguarded():
        db.session.execute(update(Event).where(Event.id == ids[1]).values(actor="user:other"))
        db.session.execute(update(EventDetail).where(EventDetail.event_id == ids[3]).values(data={"note": "other"}))
        db.session.execute(delete(EventDetail).where(EventDetail.event_id == ids[5]))
        db.session.execute(delete(Event).where(Event.id == ids[5]))
        db.session.execute(delete(Link).where(Link.event_id == ids[7]))
        values = {"salt": None, "erased_by": ids[0], "actor_name": ""}
        db.session.execute(update(EventDetail).where(EventDetail.event_id == ids[9]).values(**values))
    assert _faults() == [("changed", 2), ("details", 4), ("removed", 6), ("link", 8), ("details", 10), ("erased", 0)]


def test_what_is_moved_or_put_in_shows(world: World) -> None:
    _events(6)
    chainer()(SYSTEM)
    ids = list(db.session.scalars(select(Link.event_id).order_by(Link.seq)))
    links = {row.seq: row for row in db.session.scalars(select(Link).where(Link.seq.in_((2, 3))))}
    swapped = [(links[2].event_id, links[2].details_digest, 3), (links[3].event_id, links[3].details_digest, 2)]
    with _unguarded():
        db.session.execute(update(Link).where(Link.seq == 2).values(event_id=uuid.uuid4()))
        for event_id, details, seq in swapped:
            values = {"event_id": event_id, "details_digest": details}
            db.session.execute(update(Link).where(Link.seq == seq).values(**values))
        old = {"at": utcnow() - timedelta(days=30), "tag": "a:b:c", "actor": "user:x"}
        db.session.execute(insert(Event).values(id=new_id(), **old))
    chainer()(SYSTEM)
    assert _faults() == [("changed", 2), ("changed", 3), ("inserted", len(ids) + 1)]


def test_a_chain_made_anew_from_its_beginning_is_caught_by_an_anchor_kept_elsewhere(world: World) -> None:
    settings: Settings = world.app.config["CIS"]
    _events(3)
    chainer()(SYSTEM)
    kept = json.dumps(make_anchor(SYSTEM, settings))
    _events(2)
    chainer()(SYSTEM)
    assert _faults(read_anchor(kept, settings)) == []
    assert verify_chain(SYSTEM).anchors == 1
    with _unguarded():
        db.session.execute(delete(Link))
        db.session.execute(update(Event).where(Event.tag == "a:b:c").values(actor="user:other"))
        db.session.execute(text("DELETE FROM event_anchors"))
    chainer()(SYSTEM)
    assert _faults() == [], "whoever rewrites all of it is not seen from within"
    assert ("anchor", json.loads(kept)["seq"]) in _faults(read_anchor(kept, settings))
    with pytest.raises(Invalid):
        read_anchor(kept.replace('"seq": ', '"seq": 1'), settings)


def test_details_go_at_the_end_of_their_time_and_the_chain_still_verifies(world: World) -> None:
    settings: Settings = replace(world.app.config["CIS"], event_days=730)
    with unit_of_work():
        old = record(SYSTEM, "a:b:old", name="Łódź", note="x")
        young = record(SYSTEM, "a:b:young", name="Łódź")
        db.session.flush()
    with _unguarded():
        db.session.execute(update(Event).values(at=Event.at))
        db.session.execute(update(Event).where(Event.id == old).values(at=utcnow() - timedelta(days=731)))
    assert expirer(settings)(SYSTEM) == 0, "what is not chained yet keeps its details"
    chainer()(SYSTEM)
    assert expirer(settings)(SYSTEM) == 1
    assert expirer(settings)(SYSTEM) == 0
    chainer()(SYSTEM)
    gone, stays = (db.session.get_one(EventDetail, id_, populate_existing=True) for id_ in (old, young))
    assert (gone.actor_name, gone.resource_name, gone.data, gone.salt) == ("", "", {}, None)
    assert stays.resource_name == "Łódź"
    assert [fault for fault in _faults() if fault[0] != "inserted"] == []


def test_of_several_values_one_goes_and_the_others_are_still_proved(world: World) -> None:
    with unit_of_work():
        event_id = record(SYSTEM, "a:b:c", name="Anna", note="x", other=[1, 2.5, None, "ż"])
    chainer()(SYSTEM)
    for name in ("resource_name", "data.note"):
        detail = db.session.get_one(EventDetail, event_id, populate_existing=True)
        with unit_of_work():
            erase_values(record(SYSTEM, "records:person:erase", events=1), [(detail, [name])])
        chainer()(SYSTEM)
        assert _faults() == []
    detail = db.session.get_one(EventDetail, event_id, populate_existing=True)
    assert (detail.resource_name, detail.data) == ("", {"other": [1, 2.5, None, "ż"]})
    with _unguarded():
        db.session.execute(update(EventDetail).where(EventDetail.event_id == event_id).values(data={"other": [1]}))
    assert [what for what, _seq in _faults()] == ["details"]


@pytest.mark.one_database
def test_more_events_than_one_portion_are_chained_at_once(world: World) -> None:
    with unit_of_work():
        record_many(SYSTEM, [{"tag": "a:b:c", "name": f"n{n}", "data": {"quota_mb": n}} for n in range(5_000)])
    assert chainer()(SYSTEM) >= 5_000
    assert verify_chain(SYSTEM).faulty == 0


def test_an_export_is_checked_by_the_program_in_the_documentation(world: World, tmp_path: Path) -> None:
    settings: Settings = world.app.config["CIS"]
    _events(4)
    with unit_of_work():
        event_id = record(SYSTEM, "a:b:c", name="Żaneta", note="x")
    chainer()(SYSTEM)
    detail = db.session.get_one(EventDetail, event_id, populate_existing=True)
    with unit_of_work():
        erase_values(record(SYSTEM, "records:person:erase", events=1), [(detail, ["resource_name"])])
    chainer()(SYSTEM)
    anchor = tmp_path / "anchor.json"
    anchor.write_text(json.dumps(make_anchor(SYSTEM, settings)))
    lines = list(export_lines(SYSTEM))
    assert "aneta" not in "".join(lines)
    assert _checked(tmp_path, lines, anchor) == f"{len(lines)} events are as they were chained\n"
    assert _checked(tmp_path, lines[3:], anchor).startswith(str(len(lines) - 3))
    forged = [line.replace('"a:b:c"', '"a:b:d"') for line in lines]
    assert "was changed" in _checked(tmp_path, forged, anchor)
    assert "missing before 3" in _checked(tmp_path, [*lines[:1], *lines[2:]], anchor)
    assert "ends before the anchor" in _checked(tmp_path, lines[:-1], anchor)


def _checked(folder: Path, lines: list[str], anchor: Path) -> str:
    """What the program in the documentation says about an export."""
    program = re.findall(r"```python\n(.*?)```", read("docs/how-to/audit.md"), re.DOTALL)[0]
    (folder / "events.jsonl").write_text("".join(lines))
    argv = [sys.executable, "-I", "-c", program, str(folder / "events.jsonl"), str(anchor)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout or done.stderr


def _events(number: int) -> None:
    with unit_of_work():
        for _ in range(number):
            record(SYSTEM, "a:b:c", name="Łódź", note="x")


def _faults(since: Point | None = None) -> list[tuple[str, int]]:
    db.session.expire_all()
    return [(fault.what, fault.seq) for fault in verify_chain(SYSTEM, since=since).faults]


@contextmanager
def _unguarded() -> Iterator[None]:
    """The database as its owner has it, who can take the guards away and put them back."""
    sqlite = db.engine.dialect.name == "sqlite"
    kept: list[str] = []
    with unit_of_work():
        if sqlite:
            kept = list(db.session.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'trigger'")))
            for name in list(db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))):
                db.session.execute(text(f"DROP TRIGGER {name}"))
        else:
            db.session.execute(text("SET LOCAL session_replication_role = replica"))
        yield
        for statement in kept:
            db.session.execute(text(statement))
