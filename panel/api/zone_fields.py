"""What bodies about zones hold."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from panel.api.fields import Boolean, Field, Id, Integer, ListOf, Shape, Text
from panel.dns.actions import NewZone, Wanted
from panel.dns.committing import COMMENT_MOST
from panel.dns.judging import DEFAULT_TTL, SETS_MAX
from panel.dns.making import BATCH_MAX
from panel.dns.records.canonical import SOA_BOUNDS, TTL_LEAST, TTL_MOST
from panel.dns.templates import TEMPLATES
from panel.kernel.errors import Invalid
from provisioning.record_sets import VALUES_MAX

VALUE_MOST, FILE_MOST = 300_000, 30_000_000
"""Characters: of one record, each octet of which may be written as four; and of a zone file."""


@dataclass(frozen=True, kw_only=True)
class LongText(Text):
    """Text of at most ``most`` characters, perhaps more than people type; longer is refused before any action."""

    def _typed(self, place: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid("type_bad", field=place)
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise Invalid("text_control", field=place)
        if len(value) > self.most:
            raise Invalid("text_long", field=place, most=self.most)
        return value


@dataclass(frozen=True, kw_only=True)
class Octets(Field):
    """Octets as base64 (RFC 4648 4)."""

    def _typed(self, place: str, value: Any) -> bytes:
        if not isinstance(value, str):
            raise Invalid("type_bad", field=place)
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("type_bad", field=place) from None

    def _schema(self) -> dict[str, Any]:
        return {"type": "string", "contentEncoding": "base64", "maxLength": 2 * FILE_MOST}


@dataclass(frozen=True, kw_only=True)
class Signed(Field):
    """Whether a zone is signed: true or false, or as answers tell it, ``{"enabled": true}``."""

    shape: Shape

    def _typed(self, place: str, value: Any) -> dict[str, Any]:
        if isinstance(value, bool):
            return {"enabled": value}
        read: dict[str, Any] = self.shape.read(place, value)
        return read

    def _schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, self.shape.schema()]}


ENABLED = Boolean(required=True)
TTL = Integer(least=TTL_LEAST, most=TTL_MOST, nullable=True, says=f"Seconds; as it is if not given, or {DEFAULT_TTL}.")
VALUES = ListOf(of=LongText(most=VALUE_MOST), most=VALUES_MAX, says="In the words of zone files.")
COMMENT = LongText(most=COMMENT_MOST, says="Why, kept with the version.")
ACCEPT = Boolean(says="Do it in spite of warnings.")
NAME = Text(required=True, most=1_000, says="Relative to the zone, `@` for the zone itself.")
TYPE = Text(required=True, most=100)
SOA = Shape(fields={name: Integer(least=least, most=most) for name, (least, most) in SOA_BOUNDS.items()})
SET = Shape(fields={"name": NAME, "type": TYPE, "ttl": TTL, "values": VALUES})
CHANGE = Shape(
    fields=dict(SET.fields)
    | {"values": ListOf(of=LongText(most=VALUE_MOST), most=VALUES_MAX, nullable=True, says="None: the set goes.")}
)
CHANGES = ListOf(of=CHANGE, required=True, least=1, most=SETS_MAX, rows=True)
NEW = Shape(
    fields={
        "name": Text(required=True, most=300),
        "member_id": Id(nullable=True, says="Whose it is; null: the association's own."),
        "template": Text(
            choices=tuple(one.code for one in TEMPLATES), says="What it begins with; `empty` if not given."
        ),
        "values": Shape(
            fields={one.name: Text(most=100) for template in TEMPLATES for one in template.parameters},
            says="What the template asks for.",
        ),
        "rrsets": ListOf(of=SET, most=SETS_MAX, says="In place of the template's where it has the same."),
        "dnssec": Signed(shape=Shape(fields={"enabled": ENABLED}), says="Signed if not given."),
        "comment": COMMENT,
        "reason": Text(most=COMMENT_MOST, says="Why it gets a name that was another member's not long ago."),
    }
)
BATCH = Shape(
    fields={"zones": ListOf(of=NEW, required=True, least=1, most=BATCH_MAX, rows=True), "accept_warnings": ACCEPT}
)


def new_zone(body: Mapping[str, Any]) -> NewZone:
    """The zone that a body of ``NEW`` asks for."""
    return NewZone(
        member_id=body.get("member_id"),
        name=body["name"],
        template=body.get("template", ""),
        values=body.get("values", {}),
        sets=[wanted(one) for one in body.get("rrsets", ())],
        dnssec=body.get("dnssec", {"enabled": True})["enabled"],
        comment=body.get("comment", ""),
        reason=body.get("reason", ""),
    )


def wanted(body: Mapping[str, Any]) -> Wanted:
    """What a body of ``CHANGE`` wants of a set."""
    return Wanted(name=body["name"], type=body["type"], ttl=body.get("ttl"), values=body.get("values"))
