"""What a change of a zone would do, before it is asked for: nothing is written down."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from panel.dns.committing import zone_to_change
from panel.dns.content import Content, Key, SetChange, diff
from panel.dns.holding import Kept, kept_sets, zone_content
from panel.dns.judging import Wanted, both_remarks, wanted_content
from panel.dns.lint import Remark
from panel.dns.models import Zone
from panel.dns.versions import content_at
from panel.kernel.access import Actor
from panel.kernel.db import unit_of_work
from panel.kernel.errors import Conflict
from provisioning.record_sets import RecordSet, Soa


@dataclass(frozen=True, kw_only=True)
class Previewed:
    """What would change in version ``version`` of a zone, and what the lint says of that and did not say before.

    ``soa``: both starts where they differ. ``kept``: which of the changed sets something else keeps.
    """

    version: int
    changes: list[SetChange]
    soa: tuple[Soa, Soa] | None
    remarks: list[Remark]
    kept: dict[Key, Kept]

    @property
    def is_nothing(self) -> bool:
        """Whether the zone would stay as it is."""
        return not self.changes and self.soa is None

    @property
    def has_errors(self) -> bool:
        """Whether the change would be refused."""
        return any(one.level == "error" for one in self.remarks)


def preview_change(actor: Actor, *, zone_id: uuid.UUID, changes: Sequence[Wanted | RecordSet]) -> Previewed:
    """What ``change_zone`` would do now. Raises as it does, but for what the lint says."""
    with unit_of_work():
        zone = zone_to_change(actor, zone_id)
        if zone.updates:
            raise Conflict("zone_updates", name=zone.name)
        old = zone_content(zone)
        return _previewed(zone, old, wanted_content(old, changes))


def preview_revert(actor: Actor, *, zone_id: uuid.UUID, number: int) -> Previewed:
    """What ``revert_zone`` would do now. Raises as it does, but for what the lint says."""
    with unit_of_work():
        zone = zone_to_change(actor, zone_id)
        return _previewed(zone, zone_content(zone), content_at(zone, number))


def _previewed(zone: Zone, old: Content, new: Content) -> Previewed:
    changes, kept = diff(old, new), kept_sets(zone.id)
    keys = [(one.name, one.type) for one in changes]
    return Previewed(
        version=zone.version,
        changes=changes,
        soa=None if old.soa == new.soa else (old.soa, new.soa),
        remarks=both_remarks(new, before=old)[1],
        kept={key: kept[key] for key in keys if key in kept},
    )
