"""Zones, their records, versions and imports as they look outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.dns.content import SetChange
from panel.dns.folders import Verdict
from panel.dns.holding import Kept, soa_of
from panel.dns.idn import to_unicode
from panel.dns.importing import Preview
from panel.dns.lint import Remark
from panel.dns.models import Zone, ZoneVersion
from panel.dns.proofs import NameProof
from panel.dns.versions import Compared, changes_of
from panel.kernel.errors import Invalid, PanelError
from panel.shapes.values import API, identifier, moment, resource
from provisioning.record_sets import RecordSet

Say = Callable[[PanelError], str]
SayCode = Callable[[str, Mapping[str, Any]], str]
"""Words of a remark or a note by its code and parameters."""


def zone(row: Zone, remarks: Sequence[Remark] | None, say: SayCode) -> dict[str, Any]:
    """A zone; ``remarks`` None where nobody looked, as it is too large."""
    return resource(row, "zone") | {
        "name": row.name,
        "name_unicode": to_unicode(row.name),
        "serial": row.serial,
        "version": row.version,
        "seen_version": row.seen_version,
        "template": row.template,
        "dnssec": {
            "enabled": row.dnssec,
            "leaving": row.leaving,
            "ds": list(row.ds),
            "parent": row.parent_ds or None,
            "signatures_until": moment(row.signatures_until),
        },
        "soa": soa_of(row).plain(),
        "warnings": None if remarks is None else [remark(one, say) for one in remarks],
        "answers": dict(row.answers or {}),
        "removed_at": moment(row.removed_at),
        "purge_at": moment(row.purge_at),
    }


def remark(one: Remark, say: SayCode) -> dict[str, Any]:
    """What the lint says: of a set, or of a name or the zone where it has no type or name."""
    return {
        "level": one.level,
        "code": one.code,
        "name": one.name,
        "type": one.type,
        "message": say(one.code, one.params),
    }


def proof(row: NameProof, say: Callable[[str], str]) -> dict[str, Any]:
    """What shows, or is to show, whose a name is: the record to put into the zone where it is served now."""
    return {
        "state": row.state,
        "record": {"name": row.record_name, "type": "TXT", "value": row.token},
        "how": row.how,
        "finding": {"code": row.finding, "message": say(row.finding)} if row.state == "waiting" else None,
        "asked_at": moment(row.asked_at),
        "next_at": moment(row.next_at) if row.state == "waiting" else None,
        "expires_at": moment(row.expires_at),
        "settled_at": moment(row.settled_at),
        "settled_by": row.settled_by,
        "reason": row.reason,
    }


def record_set(one: RecordSet, kept: Kept | None = None) -> dict[str, Any]:
    """A set of records; ``kept`` by what, where something keeps it."""
    return {
        "name": one.name,
        "type": one.type,
        "ttl": one.ttl,
        "values": list(one.values),
        "source": kept.source if kept else "",
        "overridden": bool(kept and kept.overridden),
    }


def set_change(one: SetChange) -> dict[str, Any]:
    """A set that came, went or differs; each side null or its TTL and values."""
    return {"name": one.name, "type": one.type, "before": _side(one.before), "after": _side(one.after)}


def version(row: ZoneVersion) -> dict[str, Any]:
    """A version, without what it changed."""
    return {
        "number": row.number,
        "at": moment(row.at),
        "actor": row.actor,
        "actor_name": row.actor_name,
        "comment": row.comment,
        "changed": len(row.changes),
        "settings": [{"name": name, "before": sides[0], "after": sides[1]} for name, sides in row.settings.items()],
    }


def whole_version(row: ZoneVersion) -> dict[str, Any]:
    """A version and what it changed."""
    return version(row) | {"changes": [set_change(one) for one in changes_of(row)]}


def compared(found: Compared) -> dict[str, Any]:
    """What differs between two versions."""
    soa = [] if found.soa is None else [_setting("soa", *(one.plain() for one in found.soa))]
    return {"changes": [set_change(one) for one in found.sets], "settings": soa}


def zone_import(found: Preview, say: Say, remark_words: SayCode, note_words: SayCode) -> dict[str, Any]:
    """What was read, what taking it over would change, and what of it was refused, with file and line."""
    row = found.row
    return {
        "id": str(row.id),
        "member_id": identifier(row.member_id),
        "zone_id": identifier(row.zone_id),
        "version": row.version,
        "name": row.name,
        "way": row.way,
        "by": row.actor_name,
        "serial": row.serial,
        "would": "create" if row.zone_id is None else "unchanged" if found.is_unchanged else "change",
        "elsewhere": found.is_elsewhere,
        "changes": [set_change(one) for one in found.changes],
        "soa": found.content.soa.plain(),
        "soa_changes": found.soa,
        "warnings": [remark(one, remark_words) for one in found.remarks],
        "refusals": [_line(one) | {"message": say(Invalid(one["code"], **one["params"]))} for one in row.refusals],
        "notes": [
            {"code": one["code"], "count": one.get("count", 1), "message": note_words(one["code"], one["params"])}
            for one in row.notes
        ],
        "created_at": moment(row.created_at),
        "links": {"self": f"{API}/zones/imports/{row.id}"},
    }


def verdict(one: Verdict, say: Say) -> dict[str, Any]:
    """What became of a file of a folder, or would."""
    problem = None if one.fault is None else {"code": one.fault.code, "message": say(one.fault)}
    told = {name: getattr(one, name) for name in ("file", "name", "would", "sets", "refused")}
    return told | {"problem": problem}


def _setting(name: str, before: Any, after: Any) -> dict[str, Any]:
    return {"name": name, "before": before, "after": after}


def _side(one: RecordSet | None) -> dict[str, Any] | None:
    return None if one is None else {"ttl": one.ttl, "values": list(one.values)}


def _line(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"file": one["file"], "line": one["line"], "code": one["code"]}
