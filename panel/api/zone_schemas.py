"""What answers about zones look like: part of the components in ``schemas.py``."""

from __future__ import annotations

from panel.api.schema_parts import ANYTHING, FLAG, ID, MOMENT, TEXT, WHOLE, Schema, list_of, one_of, or_null, ref, thing
from panel.dns.imports import WAYS
from panel.dns.proofs import STATES as PROOF_STATES
from panel.dns.records.canonical import SOA_BOUNDS
from panel.ledger.resources import RESOURCE_STATES

_SOA = thing({"mname": TEXT, "rname": TEXT} | dict.fromkeys(SOA_BOUNDS, WHOLE))
_REMARK = thing({"level": one_of(["error", "warning"]), "code": TEXT, "name": TEXT, "type": TEXT, "message": TEXT})
_SIDE = or_null(thing({"ttl": WHOLE, "values": list_of(TEXT)}))
_CHANGE = thing({"name": TEXT, "type": TEXT, "before": _SIDE, "after": _SIDE})
_PLAIN_SET = thing({"name": TEXT, "type": TEXT, "ttl": WHOLE, "values": list_of(TEXT)})
_SETTING = thing({"name": TEXT, "before": {}, "after": {}})
_DNSSEC = thing(
    {
        "enabled": FLAG,
        "leaving": FLAG | {"description": "Signed still, until the parent's DS is gone and forgotten."},
        "ds": list_of(TEXT) | {"description": "What the parent zone should have."},
        "parent": or_null(one_of(["match", "mismatch", "absent"])),
        "signatures_until": or_null(MOMENT),
    }
)
_PROOF = {
    "state": one_of(PROOF_STATES),
    "record": thing({"name": TEXT, "type": TEXT, "value": TEXT}),
    "how": TEXT,
    "finding": or_null(thing({"code": TEXT, "message": TEXT})),
    "asked_at": or_null(MOMENT),
    "next_at": or_null(MOMENT),
    "expires_at": MOMENT,
    "settled_at": or_null(MOMENT),
    "settled_by": TEXT,
    "reason": TEXT,
}
_VERSION = {
    "number": WHOLE,
    "at": MOMENT,
    "actor": TEXT,
    "actor_name": TEXT,
    "comment": TEXT,
    "changed": WHOLE,
    "settings": list_of(_SETTING),
}


def zone_components(resource: Schema) -> dict[str, Schema]:
    """The components about zones; ``resource``: what every resource carries."""
    zone = resource | {
        "name": TEXT,
        "name_unicode": TEXT,
        "serial": or_null(WHOLE),
        "version": WHOLE,
        "seen_version": WHOLE,
        "template": TEXT,
        "dnssec": _DNSSEC,
        "soa": _SOA,
        "warnings": or_null(list_of(_REMARK)),
        "answers": ANYTHING | {"description": "Name server → serial by the last look."},
        "removed_at": or_null(MOMENT),
        "purge_at": or_null(MOMENT),
    }
    brief = {"id": ID, "member_id": or_null(ID), "name": TEXT, "state": one_of(RESOURCE_STATES), "held": FLAG}
    return {
        "Zone": thing(zone, also={"job": or_null(ID), "proof": or_null(ref("NameProof"))}),
        "ZoneBatch": thing({"items": list_of(thing(brief)), "total": WHOLE, "jobs": list_of(ID)}),
        "NameProof": thing(_PROOF),
        "RecordSet": thing(
            {"name": TEXT, "type": TEXT, "ttl": WHOLE, "values": list_of(TEXT), "source": TEXT, "overridden": FLAG}
        ),
        "ZoneFile": thing({"name": TEXT, "serial": WHOLE, "soa": _SOA, "rrsets": list_of(_PLAIN_SET)}),
        "ZoneVersion": thing(_VERSION),
        "WholeZoneVersion": thing(_VERSION | {"changes": list_of(_CHANGE)}),
        "ComparedVersions": thing({"changes": list_of(_CHANGE), "settings": list_of(_SETTING)}),
        "ZoneImport": _import(),
    }


def _import() -> Schema:
    refusal = thing({"file": TEXT, "line": WHOLE, "code": TEXT, "message": TEXT})
    return thing(
        {
            "id": ID,
            "member_id": or_null(ID),
            "zone_id": or_null(ID),
            "version": or_null(WHOLE),
            "name": TEXT,
            "way": one_of(WAYS),
            "by": TEXT,
            "serial": WHOLE,
            "would": one_of(["create", "change", "unchanged"]),
            "elsewhere": FLAG | {"description": "No name server of the association is among those it names."},
            "changes": list_of(_CHANGE),
            "soa": _SOA,
            "soa_changes": FLAG,
            "warnings": list_of(_REMARK),
            "refusals": list_of(refusal),
            "notes": list_of(thing({"code": TEXT, "count": WHOLE, "message": TEXT})),
            "created_at": MOMENT,
            "links": thing({"self": TEXT}),
        }
    )
