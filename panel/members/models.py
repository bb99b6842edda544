"""Members and the voivodeships they lie in."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.kernel.text import fold

SLUGS = "slug"
"""The space in which short names wait for the members that gave them up (``ledger.names``)."""

GRADES = ("no_new", "no_send", "no_login", "closed")
"""How far a member's services are held back, from the mildest to the strictest; each holds what the milder ones do."""

MEMBER_KINDS = ("municipality", "county", "voivodeship", "school", "cultural_institution", "unit", "other")


class Voivodeship(Base):
    """Reference data: the first two digits of TERYT and the name."""

    __tablename__ = "voivodeships"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Member(Base):
    """A legal entity. ``teryt``: county four digits, municipality six (the seventh changes with town rights).

    ``official_kind`` is the register's kind (``gmina_miejska`` …), ``county`` the county's name, ``slug`` the statutory
    address's local part, ``folded`` what searches look in. ``grade`` is one of GRADES, None where nothing is held back
    (``members.grading``); ``grade_notice`` is what nodes tell whom it stops.
    """

    __tablename__ = "members"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(index=True)
    official_kind: Mapped[str] = mapped_column(default="")
    teryt: Mapped[str | None] = mapped_column(unique=True)
    county: Mapped[str] = mapped_column(default="")
    county_rights: Mapped[bool] = mapped_column(default=False)
    voivodeship_code: Mapped[str | None] = mapped_column(ForeignKey("voivodeships.code"))
    nip: Mapped[str | None] = mapped_column(unique=True)
    regon: Mapped[str | None] = mapped_column(unique=True)
    rspo: Mapped[str | None] = mapped_column(unique=True)
    slug: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    e_delivery_address: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    contacts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    folded: Mapped[str] = mapped_column(default="")
    grade: Mapped[str | None]
    grade_reason: Mapped[str] = mapped_column(default="", server_default=text("''"))
    grade_contact: Mapped[str] = mapped_column(default="", server_default=text("''"))
    grade_notice: Mapped[str] = mapped_column(default="", server_default=text("''"))
    grade_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, onupdate=utcnow)

    parent: Mapped[Member | None] = relationship(remote_side=[id])
    voivodeship: Mapped[Voivodeship | None] = relationship(lazy="joined")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's declaration

    @validates("name", "slug", "teryt", "nip", "regon", "rspo")
    def _refold(self, key: str, value: str | None) -> str | None:
        parts = {name: getattr(self, name) for name in ("name", "slug", "teryt", "nip", "regon", "rspo")} | {key: value}
        self.folded = fold(" ".join(part for part in parts.values() if part))
        return value
