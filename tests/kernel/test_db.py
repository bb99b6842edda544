"""Units of work, rows and times: the same on every database."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError, StatementError

from panel.kernel import db as kernel_db
from panel.kernel.db import db, new_id, one_at_a_time, one_of, read_row, unit_of_work
from panel.kernel.errors import Conflict, Invalid
from panel.members.models import Member
from tests.servers import Cluster
from tests.writers import at_once, waiting

WRITERS, UNITS = 8, 15


def test_eight_writers_at_once_lose_nothing_and_none_is_turned_away(app: Flask, member: uuid.UUID) -> None:
    def write() -> None:
        for _ in range(UNITS):
            with unit_of_work():
                row = read_row(Member, member, for_change=True)
                assert row is not None
                row.address = str(int(row.address) + 1)
                db.session.add(_member())

    assert at_once(app, [write] * WRITERS) == [None] * WRITERS
    assert _address(member) == str(WRITERS * UNITS)
    assert _count() == 1 + WRITERS * UNITS


def test_readers_are_not_kept_waiting_by_a_writer(app: Flask, member: uuid.UUID) -> None:
    with unit_of_work():
        db.session.execute(update(Member).values(address="new"))
        begun = time.monotonic()
        assert at_once(app, [lambda: _address(member)] * 4) == ["0"] * 4
        assert time.monotonic() - begun < 5
    assert _address(member) == "new"


def test_what_fails_leaves_nothing_and_calls_nobody(app: Flask, member: uuid.UUID) -> None:
    called: list[str] = []

    def fail() -> None:
        with unit_of_work() as work:
            work.after_commit(("a", "b"), lambda: called.append("x"))
            db.session.add(_member())
            db.session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (_count(), called) == (1, [])


def test_inner_units_join_the_outer_one_which_alone_commits(app: Flask, member: uuid.UUID) -> None:
    called: list[int] = []
    with unit_of_work():
        for _ in range(2):
            with unit_of_work() as inner:
                db.session.add(_member())
                inner.after_commit(("ring", "a"), lambda: called.append(_count()))
        db.session.flush()
        assert at_once(app, [_count]) == [1]
        assert called == []
    assert called == [3]


def test_what_an_inner_unit_wrote_goes_when_the_outer_one_fails(app: Flask, member: uuid.UUID) -> None:
    def fail() -> None:
        with unit_of_work():
            with unit_of_work():
                db.session.add(_member())
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert _count() == 1


def test_a_row_is_read_as_it_is_now(app: Flask, member: uuid.UUID) -> None:
    known = db.session.get_one(Member, member)
    db.session.commit()
    at_once(app, [lambda: _set_address(member, "theirs")])
    assert known.address == "0"
    row = read_row(Member, member)
    assert row is known
    assert row.address == "theirs"
    assert read_row(Member, new_id()) is None


def test_a_row_read_for_change_waits_for_its_turn(app: Flask, member: uuid.UUID) -> None:
    with unit_of_work():
        row = read_row(Member, member, for_change=True)
        assert row is not None
        ended = waiting(app, lambda: _set_address(member, "theirs"))
        row.address = "ours"
    assert ended() is None
    assert _address(member) == "theirs"


def test_what_was_changed_under_ones_hands_is_stale(app: Flask, member: uuid.UUID) -> None:
    mine = db.session.get_one(Member, member)
    db.session.commit()
    at_once(app, [lambda: _set_address(member, "theirs")])
    with pytest.raises(Conflict) as refused, unit_of_work():
        mine.address = "mine"
    assert refused.value.code == "stale"
    assert _address(member) == "theirs"


def test_what_is_named_is_done_one_at_a_time(app: Flask, member: uuid.UUID) -> None:
    def once() -> str:
        with unit_of_work():
            one_at_a_time("letters")
            if _count() > 1:
                return "late"
            time.sleep(0.05)
            db.session.add(_member())
            return "made"

    assert sorted(map(str, at_once(app, [once] * 6))) == ["late"] * 5 + ["made"]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_times_are_kept_to_the_microsecond_and_compared_by_moment(
    app: Flask, member: uuid.UUID, zone: timezone
) -> None:
    moment = datetime(2026, 3, 29, 3, 0, 0, 1, tzinfo=zone)
    with unit_of_work():
        db.session.execute(update(Member).values(created_at=moment))
    read = db.session.scalar(select(Member.created_at))
    assert (read, read and read.tzinfo) == (moment, UTC)
    second = timedelta(microseconds=1)
    assert _count(Member.created_at > moment - second, Member.created_at < moment + second) == 1
    assert _count(Member.created_at == moment) == 1
    assert _count(Member.created_at < moment) == 0


def test_a_time_without_zone_is_refused(app: Flask, member: uuid.UUID) -> None:
    with pytest.raises(StatementError, match="naive time"):
        _count(Member.created_at < datetime(2026, 1, 1))  # noqa: DTZ001 - wrong on purpose


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = []
    for _ in range(20):
        made.append(new_id())
        time.sleep(0.002)
    assert made == sorted(made)
    assert {one.version for one in made} == {7}


def test_postgresql_who_waits_too_long_is_told(
    postgresql_app: Flask, member_there: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_db, "_WAIT_SECONDS", 1)
    with unit_of_work():
        read_row(Member, member_there, for_change=True)
        (told,) = at_once(postgresql_app, [lambda: _set_address(member_there, "theirs")])
    assert isinstance(told, OperationalError)


def test_postgresql_who_stops_in_the_middle_lets_the_others_on(
    postgresql_app: Flask, member_there: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_db, "_IDLE_SECONDS", 1)

    def stop() -> None:
        with unit_of_work():
            read_row(Member, member_there, for_change=True)
            ended = waiting(postgresql_app, lambda: _set_address(member_there, "theirs"))
            assert ended() is None
            _count()

    with pytest.raises(OperationalError):
        stop()
    assert _address(member_there) == "theirs"


def test_postgresql_that_takes_no_writes_now_is_away(postgresql_app: Flask, member_there: uuid.UUID) -> None:
    def write() -> None:
        with unit_of_work():
            db.session.execute(text("SET TRANSACTION READ ONLY"))
            _set_address(member_there, "theirs")

    with pytest.raises(OperationalError):
        write()
    assert _address(member_there) == "0"


@pytest.mark.parametrize("values", [{"address": "a\0b"}, {"version": 2**40}])
def test_postgresql_values_it_cannot_keep_are_invalid(
    postgresql_app: Flask, member_there: uuid.UUID, values: dict[str, object]
) -> None:
    with pytest.raises(Invalid), unit_of_work():
        db.session.execute(update(Member).values(**values))
    assert _count() == 1


def _member() -> Member:
    return Member(id=new_id(), name="x", kind="other", slug=uuid.uuid4().hex, address="0")


def _set_address(member: uuid.UUID, address: str) -> None:
    with unit_of_work():
        row = read_row(Member, member, for_change=True)
        assert row is not None
        row.address = address


def _address(member: uuid.UUID) -> str | None:
    with db.engine.connect() as connection:
        return connection.scalar(select(Member.address).where(Member.id == member))


def _count(*conditions: object) -> int:
    return db.session.scalar(select(func.count()).select_from(Member).where(*conditions)) or 0  # type: ignore[arg-type]  # any


def _app(url: str) -> Iterator[Flask]:
    app = Flask("test")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


def _first_member() -> uuid.UUID:
    with unit_of_work():
        member = _member()
        db.session.add(member)
    db.session.remove()
    return member.id


@pytest.mark.parametrize("count", [0, 1, 40])
def test_few_and_many_ids_narrow_alike(member: uuid.UUID, count: int) -> None:
    others = [new_id() for _ in range(count)]
    found = db.session.scalars(select(Member.id).where(one_of(Member.id, {*others, member}))).all()
    assert found == [member]
    assert not db.session.scalars(select(Member.id).where(one_of(Member.id, others))).all()


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    yield from _app(database_url)


@pytest.fixture
def member(app: Flask) -> uuid.UUID:
    return _first_member()


@pytest.fixture
def postgresql_app(postgresql: Cluster, postgresql_template: str) -> Iterator[Flask]:
    with postgresql.database(template=postgresql_template) as name:
        yield from _app(postgresql.url(name))


@pytest.fixture
def member_there(postgresql_app: Flask) -> uuid.UUID:
    return _first_member()


def test_ids_sort_by_the_time_they_were_made_also_within_a_millisecond() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
