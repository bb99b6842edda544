"""Zones, their sets of records and their versions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.ledger.resources import ResourceColumns
from panel.members.models import Member

ZONES = "zone"
"""The space in ``ledger.names`` in which zones claim their names."""

_TROUBLED_SIGNATURES = "dnssec AND want = 'put'"


class Zone(ResourceColumns, Base):
    """A zone as wanted; its sets stand in ``zone_sets``.

    ``name``: A-labels in lower case, no dot at the end. ``version``: the number of the newest version, ``seen_version``
    the newest that all name servers answered. ``digest``: of all that it is to hold (``record_sets.content_digest``).
    ``held``: why it is not sent, a problem's code (*unproven*), empty where nothing holds it. ``updates``: the name of
    the key by which programs may change it (RFC 2136), empty for all but such child zones. ``leaving``: signed still
    while the world forgets that it is, until ``dnssec`` is given up too.

    Told from outside: ``serial`` as it was seen with ``seen_version``, ``answers`` (server → serial) by the last look,
    ``silent`` the secondary that did not answer it though all is as it was,
    ``ds`` of all its keys, ``wanted_ds`` of the newest of them (a line each) and ``signatures_until`` by the primary at
    ``facts_at``, ``parent_ds`` (*match*, *rolling*: the parent has an earlier key's only, *mismatch*, *absent*; empty
    where nobody was asked) at ``parent_asked_at``, the same since ``parent_since``. ``confirmed_ds``: of which
    ``wanted_ds`` the primary was told that the parent has it. ``serial_floor``: what the serial
    must come to be above.
    """

    __tablename__ = "zones"
    __table_args__ = (
        ResourceColumns.due_index("zones"),
        ResourceColumns.look_index("zones"),
        ResourceColumns.problem_index("zones"),
        Index("ix_zones_want_id", "want", "id"),
        Index("ix_zones_want_name", "want", "name", "id"),
        Index("ix_zones_member_id", "member_id", "want", "id"),
        Index("ix_zones_member_name", "member_id", "want", "name", "id"),
        Index("ix_zones_signatures", "signatures_until", sqlite_where=text(_TROUBLED_SIGNATURES),
              postgresql_where=text(_TROUBLED_SIGNATURES)),
        Index("ix_zones_facts", "node_id", "facts_at"),
    )  # fmt: skip

    name: Mapped[str] = mapped_column(index=True)
    template: Mapped[str] = mapped_column(default="")
    dnssec: Mapped[bool] = mapped_column(default=True)
    leaving: Mapped[bool] = mapped_column(default=False)
    updates: Mapped[str] = mapped_column(default="")
    soa_mname: Mapped[str]
    soa_rname: Mapped[str]
    soa_refresh: Mapped[int]
    soa_retry: Mapped[int]
    soa_expire: Mapped[int]
    soa_minimum: Mapped[int]
    soa_ttl: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
    seen_version: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str] = mapped_column(default="")
    held: Mapped[str] = mapped_column(default="")
    serial: Mapped[int | None] = mapped_column(BigInteger)
    serial_floor: Mapped[int] = mapped_column(BigInteger, default=0)
    answers: Mapped[dict[str, int | None]] = mapped_column(JSON, default=dict)
    silent: Mapped[str] = mapped_column(default="")
    ds: Mapped[list[str]] = mapped_column(JSON, default=list)
    wanted_ds: Mapped[str] = mapped_column(default="", server_default=text("''"))
    confirmed_ds: Mapped[str] = mapped_column(default="", server_default=text("''"))
    signatures_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    facts_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    parent_ds: Mapped[str] = mapped_column(default="")
    parent_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    parent_asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    purge_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    member: Mapped[Member | None] = relationship(lazy="joined")

    def change(self, **values: Any) -> None:
        """As of every resource; one that is held goes on saying why."""
        super().change(**values)
        self.hold(self.held)

    def hold(self, code: str) -> None:
        """Keep it from being sent and say why with a problem's code; with an empty one let it go."""
        if self.held and self.problem_code == self.held:
            self.problem_code = self.problem_message = self.problem_since = None
        self.held = code
        if code and self.want not in ("remove", "purge"):
            self.problem_code, self.problem_message, self.problem_since, self.retry_at = code, "", utcnow(), None

    @property
    def is_held(self) -> bool:
        """Whether it is wanted, but not sent."""
        return bool(self.held) and self.want not in ("remove", "purge")


class ZoneSet(Base):
    """All records of one name and type: what is wanted now. ``name`` is relative, ``@`` for the zone's own.

    ``source``: what keeps it, e.g. ``mail:UUID``; empty where people do. ``overridden``: people put something else
    there than the source offers. ``keep_ptr``: the reverse names of its addresses follow it.
    """

    __tablename__ = "zone_sets"
    __table_args__ = (
        Index("ix_zone_sets_keep_ptr", "zone_id", sqlite_where=text("keep_ptr"), postgresql_where=text("keep_ptr")),
    )

    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    ttl: Mapped[int]
    values: Mapped[list[str]] = mapped_column("rdata", JSON)
    source: Mapped[str] = mapped_column(default="", server_default=text("''"))
    overridden: Mapped[bool] = mapped_column(default=False)
    keep_ptr: Mapped[bool] = mapped_column(default=False)


class ZoneVersion(Base):
    """One change of a zone. ``generation``: with which it goes to the node.

    ``changes``: ``[name, type, before, after]`` of the sets that changed, each side ``[ttl, values]`` or null;
    ``settings``: ``{setting: [before, after]}`` of SOA and DNSSEC where they did. The content of any version is had by
    going back from the present one. ``digest``: of all that it held then. ``serial``: with which a change from outside
    was found on the primary; None for changes made here.
    """

    __tablename__ = "zone_versions"
    __table_args__ = (
        UniqueConstraint("zone_id", "number"),
        Index("ix_zone_versions_generation", "zone_id", "generation"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"))
    number: Mapped[int]
    generation: Mapped[int]
    actor: Mapped[str]
    actor_name: Mapped[str]
    comment: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    changes: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    settings: Mapped[dict[str, list[Any]]] = mapped_column(JSON, default=dict)
    digest: Mapped[str] = mapped_column(default="")
    serial: Mapped[int | None] = mapped_column(BigInteger)
