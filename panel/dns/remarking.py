"""What looks wrong in zones as they are now: of one that is opened, or of a page of a list."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from panel.dns.around import around_us
from panel.dns.content import Content
from panel.dns.holding import sets_of, soa_of
from panel.dns.lint import Remark, lint
from panel.dns.models import Zone, ZoneSet
from panel.kernel.db import db

ALONE_MOST, LISTED_MOST = 5_000, 500
"""So many sets of a zone are looked through each time it is shown; fewer where many zones are."""

Remarks = Sequence[Remark]


def remarks_of(zones: Sequence[Zone]) -> Mapping[uuid.UUID, Remarks | None]:
    """What the lint says of zones, by id; None of one that is too large to look through whenever it is shown.

    Nothing is said of zones that are not wanted, and of those that programs change.
    """
    judged = [zone for zone in zones if zone.want == "put" and not zone.updates]
    large = _large([zone.id for zone in judged], ALONE_MOST if len(zones) == 1 else LISTED_MOST)
    shown = [zone for zone in judged if zone.id not in large]
    sets = sets_of([zone.id for zone in shown])
    around = around_us(many=len(shown) > 1)
    found: dict[uuid.UUID, Remarks | None] = {zone.id: None if zone.id in large else () for zone in zones}
    for zone in shown:
        found[zone.id] = lint(Content(zone.name, soa_of(zone), sets.get(zone.id, ())), around=around)
    return found


def _large(ids: Sequence[uuid.UUID], most: int) -> frozenset[uuid.UUID]:
    query = select(ZoneSet.zone_id).where(ZoneSet.zone_id.in_(ids)).group_by(ZoneSet.zone_id)
    return frozenset(db.session.scalars(query.having(func.count() > most)))
