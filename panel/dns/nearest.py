"""Which zone of ours a name lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from panel.dns.models import ZONES, Zone
from panel.kernel.db import db
from panel.ledger.domain_names import DomainName

AT_ONCE = 200


def nearest_zones(above: Mapping[str, Sequence[str]]) -> dict[str, Zone]:
    """For each name the first zone of ``above`` it that is wanted and not changed by programs; without, it is left out.

    ``above``: the names that come into question, the nearest first. A name that nobody proved in time may be another's
    by now: its zone holds no name any more.
    """
    every = sorted({one for several in above.values() for one in several})
    held = select(Zone).join(DomainName, (DomainName.space == ZONES) & (DomainName.holder_id == Zone.id))
    zones: dict[str, Zone] = {}
    for start in range(0, len(every), AT_ONCE):
        some = held.where(Zone.name.in_(every[start : start + AT_ONCE]), Zone.want == "put", Zone.updates == "")
        zones |= {zone.name: zone for zone in db.session.scalars(some).unique()}
    near = {name: next((zones[one] for one in several if one in zones), None) for name, several in above.items()}
    return {name: zone for name, zone in near.items() if zone is not None}
