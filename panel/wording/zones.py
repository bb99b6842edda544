"""Zones in words: what happened to them, why jobs were made, what is wrong and what was refused."""

from __future__ import annotations

from typing import Any

from panel.kernel.i18n import _l

_AGAIN = _l("The panel keeps trying by itself. If this lasts, call whoever looks after the server.")

ZONE_EVENTS: dict[str, tuple[Any, str, str]] = {
    "dns:zone:create": (_l("Zone asked for"), "ok", "globe"),
    "dns:zone:change": (_l("Records changed"), "busy", "pencil"),
    "dns:zone:replace": (_l("Records taken over from a file or another server"), "busy", "upload"),
    "dns:zone:revert": (_l("Earlier version of the zone put back"), "warn", "arrow-counterclockwise"),
    "dns:zone:keep": (_l("Records that a service keeps brought up to date"), "busy", "arrow-repeat"),
    "dns:zone:soa": (_l("Times of the zone changed"), "busy", "pencil"),
    "dns:zone:dnssec": (_l("Signing of the zone switched"), "warn", "shield-check"),
    "dns:zone:remove": (_l("Removal asked for"), "warn", "trash"),
    "dns:zone:restore": (_l("Zone restored"), "ok", "arrow-counterclockwise"),
    "dns:zone:purge": (_l("Deleted for good"), "off", "trash"),
    "dns:zone:outside": (_l("A program changed records with its key"), "ok", "robot"),
    "dns:zone:renew_key": (_l("New key for programs made; the one before is worth nothing"), "warn", "key"),
    "dns:zone:revoke_key": (_l("Key of programs revoked"), "warn", "key"),
    "dns:zone:keys": (_l("A new signing key took over: the parent has its DS record"), "ok", "shield-check"),
}

ZONE_CAUSES: dict[str, Any] = {
    "dns:zone:create": _l("new zone"),
    "dns:zone:change": _l("records of a zone"),
    "dns:zone:replace": _l("records of a zone taken over"),
    "dns:zone:revert": _l("earlier version of a zone"),
    "dns:zone:keep": _l("records that a service keeps"),
    "dns:zone:soa": _l("times of a zone"),
    "dns:zone:dnssec": _l("signing of a zone"),
    "dns:zone:remove": _l("removal of a zone"),
    "dns:zone:restore": _l("restoring of a zone"),
    "dns:zone:purge": _l("deletion of a zone for good"),
    "dns:zone:renew_key": _l("new key for programs"),
    "dns:zone:revoke_key": _l("key of programs revoked"),
}

ZONE_PROBLEMS: dict[str, tuple[Any, Any]] = {
    "not_seen_not_answered": (
        _l("The server has the zone, but does not answer what is wanted."),
        _l("The panel keeps asking. If this lasts, look at the server's words and at the zone on the server."),
    ),
    "not_seen_secondary_behind": (
        _l("A secondary name server does not answer the change yet."),
        _l("The others do. The panel keeps asking; the zone is active as soon as that server has it."),
    ),
    "zone_refused": (
        _l("The name server refuses the zone."),
        _l("What it served before it still serves. Read its words, correct the record, or put the last version back."),
    ),
    "knot": (_l("The name server could not take the change now."), _AGAIN),
    "wrong_role": (
        _l("The server is not set up for this kind of thing."),
        _l("Enrol it again with the role it should have: cis nodes enroll."),
    ),
}

ZONE_ERRORS: dict[str, Any] = {
    "set_twice": _l("%(name)s %(type)s stands here twice. Put all of its values into one."),
    "value_same": _l("The new value is the one there is so far."),
    "zone_big": _l("A zone has at most %(most)s sets of records."),
    "zone_lint": _l(
        "With this the zone %(zone)s would be wrong. Correct what is named; what is served stays as it is."
    ),
    "zone_warnings": _l("With this something in the zone %(zone)s looks wrong. Look at it, then confirm."),
    "set_there": _l("There are records %(type)s of %(name)s already. Open those and add to them."),
    "text_lines": _l("Correct these lines. Nothing was changed."),
    "updates_elsewhere": _l("%(name)s does not lie in this zone, but in one below it. Ask there."),
    "updates_occupied": _l("Records stand at %(name)s already. Take them away first."),
    "updates_many": _l("A zone has at most %(most)s zones for programs below it. Take one away that is not needed."),
    "updates_unproven": _l("Show first whose the name %(name)s is: the zone is not served yet."),
    "no_updates": _l("%(name)s is no zone that programs change."),
    "zone_updates": _l("The records of %(name)s are kept by programs of their own. Change them there."),
    "ds_at_parent": _l(
        "The parent of %(name)s may still have its DS record. Have it removed at the registrar; the signing ends by"
        " itself a day after it was seen gone."
    ),
}

ZONE_FIELDS: dict[str, Any] = {
    "records": _l("Records"),
    "content": _l("Records and settings"),
    "comment": _l("Comment"),
    "accept_warnings": _l("Take it in spite of the warnings"),
    "dnssec": _l("Signed (DNSSEC)"),
    "values": _l("Values"),
    "ttl": _l("Kept for (seconds)"),
    "type": _l("Type"),
}
