"""A name has one holder, whoever asks at the same time."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from panel.kernel.db import db, new_id, unit_of_work
from panel.kernel.errors import Conflict
from panel.ledger import names
from tests.worlds import World
from tests.writers import at_once, waiting


def test_a_name_that_is_held_is_refused_with_its_row(world: World) -> None:
    holder, other = new_id(), new_id()
    with unit_of_work():
        names.claim("host", [("b", holder)], kind="site")
    with pytest.raises(Conflict) as refused, unit_of_work():
        names.claim("host", [("a", other), ("b", other)], kind="site", field="hostname")
    assert (refused.value.code, refused.value.field) == ("taken", "hostname")
    assert refused.value.params == {"name": "b", "row": 1}
    assert names.taken("host", ["a", "b"]) == {"b": holder}


def test_claiming_what_is_ones_own_changes_nothing(world: World) -> None:
    holder = new_id()
    for _ in range(2):
        with unit_of_work():
            names.claim("host", [("a", holder)], kind="site")
    assert names.taken("host", ["a"]) == {"a": holder}


def test_spaces_do_not_know_each_other_and_released_names_are_free(world: World) -> None:
    one, two = new_id(), new_id()
    with unit_of_work():
        names.claim("host", [("a", one), ("b", one)], kind="site")
        names.claim("login", [("a", two)], kind="file_account")
        names.release("host", holder_id=one, name="a")
        names.claim("host", [("a", two)], kind="site")
    assert names.taken("host", ["a", "b"]) == {"a": two, "b": one}
    with unit_of_work():
        names.release("host", holder_id=two)
    assert names.taken("host", ["a"]) == {}
    assert names.taken("login", ["a"]) == {"a": two}


def test_of_writers_at_once_one_gets_the_name_and_the_others_are_told(world: World) -> None:
    got = at_once(world.app, [lambda: _claim(["a"])] * 8)
    winners = [one for one in got if isinstance(one, uuid.UUID)]
    assert len(winners) == 1
    assert [error.code for error in got if isinstance(error, Conflict)] == ["taken"] * 7
    assert names.taken("host", ["a"]) == {"a": winners[0]}


def test_who_looked_before_the_other_committed_is_told_too(world: World) -> None:
    """The look finds nothing, the insert waits for the other writer, and then nothing may be left of it."""
    with unit_of_work():
        names.claim("host", [("b", new_id())], kind="site")
        db.session.flush()
        ended = waiting(world.app, lambda: _claim(["a", "b", "c"]))
    refused = ended()
    assert isinstance(refused, Conflict)
    assert refused.params["name"] == "b"
    assert set(names.taken("host", ["a", "b", "c"])) == {"b"}


def test_who_waits_for_one_that_gives_up_gets_the_name(world: World) -> None:
    ended: list[Callable[[], object]] = []

    def give_up() -> None:
        with unit_of_work():
            names.claim("host", [("a", new_id())], kind="site")
            ended.append(waiting(world.app, lambda: _claim(["a"])))
            raise LookupError

    with pytest.raises(LookupError):
        give_up()
    assert isinstance(ended[0](), uuid.UUID)


def test_two_that_claim_the_same_names_in_other_orders_never_block_each_other(world: World) -> None:
    forth = [f"n{number:03}" for number in range(200)]
    for _ in range(3):
        got = at_once(world.app, [lambda: _claim(forth), lambda: _claim(forth[::-1])] * 2)
        assert sum(isinstance(one, Conflict) for one in got) == 3
        with unit_of_work():
            for holder in set(names.taken("host", forth).values()):
                names.release("host", holder_id=holder)


def test_ten_thousand_names_are_claimed_at_once(world: World) -> None:
    wanted = [(f"n{number}", new_id()) for number in range(10_000)]
    with unit_of_work():
        names.claim("host", wanted, kind="site")
    assert names.taken("host", [name for name, _ in wanted]) == dict(wanted)


def _claim(wanted: list[str]) -> uuid.UUID:
    holder = new_id()
    with unit_of_work():
        names.claim("host", [(name, holder) for name in wanted], kind="site")
    return holder
