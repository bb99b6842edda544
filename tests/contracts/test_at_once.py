"""Two people at the same contract, or at contracts of the same number, at the same moment."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import partial

from panel.contracts.actions import create_contract, end_contract, suspend_contract, update_contract
from panel.contracts.catalogue import CATALOGUE, ensure_catalogue
from panel.contracts.models import Contract
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, read_row
from panel.kernel.errors import Conflict
from panel.members.actions import create_member, update_member
from panel.members.models import Member
from tests.worlds import World, grant
from tests.writers import at_once


def test_a_number_is_one_contract(world: World) -> None:
    ensure_catalogue()
    new = {"number": "1/2026", "member_id": world.koscian.id, "signed_on": date(2026, 1, 1)}
    items = [{"service": "EMAIL", "quantity": 1}]
    ask = partial(create_contract, SYSTEM, items=items, starts_on=date(2026, 1, 1), **new)
    made = at_once(world.app, [ask] * 4)
    assert Counter(type(one).__name__ for one in made) == {"Contract": 1, "Conflict": 3}
    assert {(one.code, one.field) for one in made if isinstance(one, Conflict)} == {("taken", "number")}


def test_the_catalogue_is_made_once(world: World) -> None:
    made = at_once(world.app, [ensure_catalogue] * 4)
    assert sorted(made) == [0, 0, 0, len(CATALOGUE)]


def test_changes_of_different_things_are_both_kept(world: World) -> None:
    contract = grant(world.koscian, lists=1)
    before = contract.version
    done = at_once(
        world.app,
        [
            partial(suspend_contract, SYSTEM, contract.id, level="no_new", reason="zaległość"),
            partial(end_contract, SYSTEM, contract.id, ended_on=date(2030, 1, 1)),
            partial(update_contract, SYSTEM, contract.id, notice_days=30),
        ],
    )
    assert [type(one) for one in done] == [Contract] * 3, done
    db.session.commit()
    now = read_row(Contract, contract.id)
    assert now is not None
    assert (now.suspended, now.ended_on, now.notice_days) == ("no_new", date(2030, 1, 1), 30)
    assert now.version == before + 3


def test_of_two_who_looked_at_the_same_version_one_is_told(world: World) -> None:
    contract = grant(world.koscian, lists=1)
    ask = partial(update_contract, SYSTEM, contract.id, version=contract.version)
    done = at_once(world.app, [partial(ask, notice_days=days) for days in (10, 20)])
    assert Counter(type(one).__name__ for one in done) == {"Contract": 1, "Conflict": 1}
    member = partial(update_member, SYSTEM, world.koscian.id, version=world.koscian.version)
    done = at_once(world.app, [partial(member, address=text) for text in "ab"])
    assert Counter(type(one).__name__ for one in done) == {"Member": 1, "Conflict": 1}
    assert {one.code for one in done if isinstance(one, Conflict)} == {"stale"}


def test_a_members_values_are_its_own(world: World) -> None:
    made = at_once(world.app, [partial(create_member, SYSTEM, name="Nowa", kind="other", slug="nowa")] * 4)
    assert Counter(type(one).__name__ for one in made) == {"Member": 1, "Conflict": 3}
    assert {(one.code, one.field) for one in made if isinstance(one, Conflict)} == {("taken", "slug")}
    assert next(one for one in made if isinstance(one, Member)).slug == "nowa"
