"""A zone as a file: as name servers read it, or as programs do. What comes out goes in again and changes nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from panel.dns.committing import get_zone
from panel.dns.content import Content
from panel.dns.holding import zone_content
from panel.dns.zonefile import write_zone
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid

FORMS = ("zone", "json")
_TYPES = {"zone": "text/dns", "json": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file to be saved; ``media_type`` as RFC 4027 has it for zone files."""

    file_name: str
    media_type: str
    text: str


def export_zone(actor: Actor, *, zone_id: uuid.UUID, form: str = "zone") -> Exported:
    """The zone as wanted now, as one of FORMS. Raises Invalid, NotFound."""
    if form not in FORMS:
        raise Invalid("choice", field="form", choices=", ".join(FORMS))
    zone = get_zone(actor, zone_id)
    content, serial = zone_content(zone), zone.serial or zone.serial_floor or zone.version
    text = _json(content, serial) if form == "json" else write_zone(zone.name, content.soa, content.sets, serial)
    name = f"{zone.name.replace('/', '_')}.{form}"
    return Exported(file_name=name, media_type=_TYPES[form], text=text)


def plain_zone(content: Content, serial: int) -> dict[str, Any]:
    """A zone's content as JSON has it."""
    return {
        "name": content.name,
        "serial": serial,
        "soa": content.soa.plain(),
        "rrsets": [
            {"name": one.name, "type": one.type, "ttl": one.ttl, "values": list(one.values)} for one in content.sets
        ],
    }


def zone_file_of(plain: Any, *, origin: str) -> bytes | None:
    """The zone file that says what ``plain_zone`` said, perhaps changed by hand; None for what is no such thing."""
    if not isinstance(plain, dict) or not isinstance(plain.get("rrsets"), list):
        return None
    try:
        lines = [*_start(plain), *(line for one in plain["rrsets"] for line in _lines(one))]
    except (KeyError, TypeError, ValueError):
        return None
    return "\n".join([f"$ORIGIN {origin}.", *lines, ""]).encode()


def _json(content: Content, serial: int) -> str:
    return json.dumps(plain_zone(content, serial), indent=2) + "\n"


def _start(plain: dict[str, Any]) -> Iterable[str]:
    if not (soa := plain.get("soa")):
        return []
    mname, rname = (_one_line(soa[name]) for name in ("mname", "rname"))
    numbers = [plain.get("serial") or 0, *(soa[name] for name in ("refresh", "retry", "expire", "minimum"))]
    return [f"@ {int(soa['ttl'])} IN SOA {mname} {rname} {' '.join(str(int(one)) for one in numbers)}"]


def _lines(one: dict[str, Any]) -> Iterable[str]:
    owner = f"{_one_line(one['name'])} {int(one['ttl'])} IN {_one_line(one['type'])}"
    return [f"{owner} {_one_line(value)}" for value in one["values"]]


def _one_line(text: Any) -> str:
    """``text``, which cannot begin another line, directive or comment of its own. Raises ValueError."""
    if not isinstance(text, str) or not text.strip() or text[0] in "$; \t" or not text.isprintable():
        raise ValueError("no value of a record")
    return text
