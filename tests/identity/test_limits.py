"""Tries to come in: what they cost, whom they stop, and whom they must not stop."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from panel.identity.limits import (
    Allowance,
    Attempts,
    account_key,
    address_key,
    attempt,
    check,
    forget,
    give_back,
    note_failure,
)
from panel.identity.lockouts import clear_lockout, forget_old_attempts, lockouts_query
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.kernel.errors import NotAllowed, NotFound, TooMany
from panel.ledger.notices import Notice
from tests.worlds import World, actor
from tests.writers import at_once

ANNA = account_key("Anna@Example.test ")


def test_waits_grow_and_end(world: World) -> None:
    for _ in range(5):
        attempt("password", ANNA)
    check("password", ANNA)
    attempt("password", ANNA)
    with pytest.raises(TooMany) as stopped:
        attempt("password", account_key("anna@example.test"))
    assert 10 <= stopped.value.params["seconds"] <= 15
    for least in (25, 50, 100):
        time_goes_by(900)
        attempt("password", ANNA)
        with pytest.raises(TooMany) as stopped:
            check("password", ANNA)
        assert stopped.value.params["seconds"] >= least
    check("password", account_key("somebody.else@example.test"))
    check("reset", ANNA)


def test_waiting_costs_nothing_more_and_never_lasts_for_ever(world: World) -> None:
    for _ in range(30):
        note_failure("password", ANNA)
    for _ in range(3):
        with pytest.raises(TooMany):
            attempt("password", ANNA)
    row = db.session.scalars(select(Attempts)).one()
    assert row.failures == 30
    assert Allowance(free=5, first=15, most=900).wait(10_000) == 900
    time_goes_by(25 * 3600)
    note_failure("password", ANNA)
    db.session.expire_all()
    assert db.session.scalars(select(Attempts)).one().failures == 1, "a day without failures is a new start"


def test_a_good_try_is_forgotten_or_taken_back(world: World) -> None:
    here = address_key("192.0.2.7")
    for _ in range(31):
        note_failure("password", ANNA, here)
    time_goes_by(900)
    attempt("password", ANNA, here)
    forget("password", ANNA)
    give_back("password", here)
    attempt("password", ANNA, here)
    with pytest.raises(TooMany):
        check("password", here)


def test_addresses_are_counted_by_what_one_customer_is_given() -> None:
    assert address_key("2001:db8:1:2:3::4") == address_key("2001:db8:1:2:ffff::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.7") == address_key("192.0.2.7") != address_key("192.0.2.8")
    assert address_key(None) == address_key("no address") == "address:"


def test_at_once_no_more_tries_pass_than_one_after_the_other(world: World) -> None:
    found = at_once(world.app, [partial(attempt, "password", ANNA, address_key("192.0.2.7"))] * 12)
    assert Counter(type(one).__name__ for one in found) == {"NoneType": 6, "TooMany": 6}


def test_rows_hold_neither_names_nor_what_was_typed(world: World) -> None:
    note_failure("password", ANNA, address_key("192.0.2.7"))
    rows = [str(vars(row)) for row in db.session.scalars(select(Attempts))]
    assert len(rows) == 2
    assert not [row for row in rows if "anna" in row.lower()]


def test_somebody_under_attack_is_told_once_a_day(world: World) -> None:
    anna = uuid.uuid4()
    for _ in range(3):
        for _ in range(8):
            note_failure("password", ANNA, user_id=anna)
            time_goes_by(900)
        forget("password", ANNA)
    told = [(notice.code, notice.user_id) for notice in db.session.scalars(select(Notice))]
    assert told == [("sign_in:under_attack", anna)]


def test_staff_see_who_waits_and_end_it(world: World) -> None:
    for _ in range(40):
        note_failure("password", ANNA, address_key("192.0.2.7"))
    note_failure("password", account_key("quiet@example.test"))
    support, admin = actor("auditor"), actor("association_admin")
    assert len(found(lockouts_query(support))) == 2
    assert [row.network for row in found(lockouts_query(support, search="192.0.2.7"))] == ["192.0.2.7"]
    [row] = found(lockouts_query(support, search="ANNA@example.test"))
    with pytest.raises(NotAllowed):
        clear_lockout(support, row.id)
    clear_lockout(admin, row.id)
    check("password", ANNA)
    with pytest.raises(NotFound):
        clear_lockout(admin, row.id)
    for foreign in (actor("member_admin", world.koscian), actor("support")):
        with pytest.raises(NotAllowed):
            lockouts_query(foreign)
    time_goes_by(25 * 3600)
    assert forget_old_attempts(SYSTEM) == 2


def found(query: object) -> list[Attempts]:
    return list(db.session.scalars(query))  # type: ignore[call-overload]  # a select of Attempts


def time_goes_by(seconds: int) -> None:
    """Move what is kept back in time: the database's clock is not ours to move."""
    with unit_of_work():
        for row in db.session.scalars(select(Attempts).execution_options(populate_existing=True)):
            past = {name: getattr(row, name) for name in ("last_at", "until", "told_at")}
            moved = {name: value - timedelta(seconds=seconds) for name, value in past.items() if value is not None}
            db.session.execute(update(Attempts).where(Attempts.id == row.id).values(**moved))
    db.session.expire_all()
    assert db.session.scalar(select(database_now())) is not None
