"""Running totals: whoever adds at the same time, nothing is lost."""

from __future__ import annotations

from panel.kernel.db import unit_of_work
from panel.ledger import usage
from tests.worlds import World
from tests.writers import at_once


def test_changes_add_up(world: World) -> None:
    for change in ({"zones": 2}, {"zones": 3, "lists": 1}, {"zones": -1}):
        with unit_of_work():
            usage.add(world.koscian.id, change)
    assert usage.used(world.koscian.id) == {"zones": 4, "lists": 1}
    assert usage.used(world.smigiel.id) == {}


def test_the_first_of_many_writers_makes_the_row_and_none_is_lost(world: World) -> None:
    def add() -> None:
        with unit_of_work():
            usage.add(world.koscian.id, {"zones": 1, "lists": 2})

    assert at_once(world.app, [add] * 8) == [None] * 8
    assert usage.used(world.koscian.id) == {"zones": 8, "lists": 16}
