"""How what was found on a name server becomes what is wanted: by the ordinary actions, under the person's own name.

Of a zone that differs, the sets that differ are shown and can be taken over; no more than people can look through.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from panel.dns import actions
from panel.dns.content import by_key
from panel.dns.holding import sets_of
from panel.dns.judging import Wanted
from panel.dns.models import Zone
from panel.kernel.access import Actor
from panel.kernel.db import db
from panel.kernel.errors import NotFound
from panel.ledger.differences import Difference
from provisioning.record_sets import RecordSet
from provisioning.resources import InvalidResource

SHOWN_MOST = 100
COMMENT = "Taken over from the name server"


class ZoneAdopter:
    """Sets that differ are taken over; what is missing is removed, what was removed and is there comes back."""

    def obstacle(self, difference: Difference) -> str | None:
        """Why no action can express the difference; None where one can."""
        if difference.what == "missing":
            return None
        if difference.what == "only_here":
            known = db.session.get(Zone, difference.resource_id)
            return None if known is not None and known.want == "remove" else "adopt_no_action"
        sets = (difference.secrets or {}).get("sets")
        return (
            None if difference.what == "different" and sets and difference.differs == ["records"] else "adopt_no_action"
        )

    def adopt(self, actor: Actor, difference: Difference, *, member_id: uuid.UUID | None) -> None:  # noqa: ARG002 - whose a zone is stays
        """Call the actions. Raises what they raise."""
        if difference.resource_id is None:
            raise NotFound("not_found")
        if difference.what == "missing":
            actions.remove_zone(actor, zone_id=difference.resource_id)
        elif difference.what == "only_here":
            actions.restore_zone(actor, zone_id=difference.resource_id)
        else:
            changes = [
                Wanted(name=name, type=type_, ttl=None if side is None else side[0], values=side and side[1])
                for name, type_, side in (difference.secrets or {})["sets"]
            ]
            actions.change_zone(
                actor, zone_id=difference.resource_id, changes=changes, comment=COMMENT, accept_warnings=True
            )


def explain(id_: str, wanted: Mapping[str, Any], body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a zone differs, for people (``wanted``, ``found``) and for whoever takes it over (``secrets``).

    ``body`` is what the node says it has, as a zone is sent, unless somebody edited it by hand.
    """
    name = {"name": wanted["name"]}
    ours = by_key(sets_of([uuid.UUID(id_)]).get(uuid.UUID(id_), ()))
    try:
        theirs = by_key(RecordSet(name, type_, ttl, tuple(values)) for name, type_, ttl, values in body["records"])
    except (InvalidResource, KeyError, TypeError, ValueError):
        theirs = ours
    keys = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    if not 0 < len(keys) <= SHOWN_MOST:
        return {"differs": ["content"], "wanted": dict(wanted), "found": name, "secrets": None}
    return {
        "differs": [" ".join(key) for key in keys],
        "wanted": name | {" ".join(key): _shown(ours.get(key)) for key in keys},
        "found": name | {" ".join(key): _shown(theirs.get(key)) for key in keys},
        "secrets": {"sets": [[*key, _side(theirs.get(key))] for key in keys]},
    }


def _shown(one: RecordSet | None) -> str:
    return "" if one is None else f"{one.ttl} {', '.join(one.values)}"


def _side(one: RecordSet | None) -> list[Any] | None:
    return None if one is None else [one.ttl, list(one.values)]
