"""The chain's head is signed each day, kept as a file and told once; events are kept two years at least."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from config import Settings, SettingsError
from panel.kernel.access import SYSTEM
from panel.kernel.db import database_now, db, unit_of_work
from panel.ledger.anchors import FOLDER, anchorer
from panel.ledger.chain import Anchor, chainer
from panel.ledger.events import record
from tests.worlds import World


def test_an_anchor_is_made_each_day_and_told_until_somebody_took_it(world: World) -> None:
    settings: Settings = world.app.config["CIS"]
    told: list[dict[str, Any]] = []
    taken = [False, True, True]

    def tell(anchor: dict[str, Any]) -> bool:
        told.append(anchor)
        return taken[len(told) - 1]

    keep = anchorer(settings, tell)
    for _round in range(3):
        with unit_of_work():
            record(SYSTEM, "a:b:c")
        chainer()(SYSTEM)
        keep(SYSTEM)
    assert len(_anchors()) == len(told) == 1, "one a day, and not told again within the hour"
    keep = anchorer(settings, tell)  # as after a restart
    keep(SYSTEM)
    assert told[0] == told[1]
    with unit_of_work():
        db.session.execute(update(Anchor).values(at=database_now(-24 * 3600 - 1)))
    keep(SYSTEM)
    assert [one["seq"] for one in told] == [told[0]["seq"]] * 2 + [_anchors()[-1].seq]
    assert _anchors()[-1].seq > told[0]["seq"]
    assert len(list((settings.data_dir / FOLDER).iterdir())) == 2


def test_nobody_sets_the_record_to_less_than_two_years(world: World) -> None:
    with pytest.raises(SettingsError, match="730"):
        replace(world.app.config["CIS"], event_days=729)


def _anchors() -> list[Anchor]:
    return list(db.session.scalars(select(Anchor).order_by(Anchor.seq).execution_options(populate_existing=True)))
