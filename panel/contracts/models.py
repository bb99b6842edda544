"""The service catalogue, contracts with their items, amendments and scans."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import JSON, ColumnElement, ForeignKey, Numeric, and_, case, or_
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.members.models import Member

ENTITLEMENT_KINDS = (
    "mailboxes",
    "mailbox_mb",
    "zones",
    "virtual_servers",
    "site_mb",
    "file_accounts",
    "lists",
    "databases",
)
SUSPENSION_LEVELS = ("no_new", "no_send", "no_login", "closed")
EXPIRING_DAYS = 90


class Service(Base):
    """One line of the catalogue. ``entitlements``: per unit, kind → amount; ``portals`` a list of module codes."""

    __tablename__ = "services"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    unit: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    entitlements: Mapped[dict[str, int | list[str]]] = mapped_column(JSON, default=dict)


class Contract(Base):
    """A signed agreement. ``ends_on`` None: for an unlimited time; dates are inclusive."""

    __tablename__ = "contracts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), index=True)
    signed_on: Mapped[date]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None] = mapped_column(index=True)
    notice_days: Mapped[int] = mapped_column(default=90)
    ended_on: Mapped[date | None] = mapped_column(index=True)
    suspended: Mapped[str | None] = mapped_column(index=True)
    suspended_reason: Mapped[str] = mapped_column(default="")
    suspended_contact: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, onupdate=utcnow)

    member: Mapped[Member] = relationship(lazy="joined")
    items: Mapped[list[ContractItem]] = relationship(order_by="ContractItem.id", cascade="all, delete-orphan")
    amendments: Mapped[list[Amendment]] = relationship(order_by="Amendment.effective_on", cascade="all, delete-orphan")
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.created_at", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's declaration

    def last_day(self) -> date | None:
        """The last day on which the contract holds; None while no end is known."""
        known = [day for day in (self.ends_on, self.ended_on) if day is not None]
        return min(known, default=None)

    def status(self, today: date) -> str:
        """``future``, ``active``, ``expiring`` (within 90 days), ``suspended`` or ``ended``, on ``today``."""
        last = self.last_day()
        if last is not None and last < today:
            return "ended"
        if self.suspended:
            return "suspended"
        if self.starts_on > today:
            return "future"
        return "expiring" if last is not None and (last - today).days <= EXPIRING_DAYS else "active"


final_day: ColumnElement[date | None] = case(
    (Contract.ended_on.is_(None), Contract.ends_on),
    (Contract.ends_on.is_(None), Contract.ended_on),
    (Contract.ended_on < Contract.ends_on, Contract.ended_on),
    else_=Contract.ends_on,
)
"""``Contract.last_day`` as SQL."""


def has_status(status: str, today: date) -> ColumnElement[bool]:
    """``Contract.status`` as an SQL condition."""
    begun, known = Contract.starts_on <= today, final_day.is_not(None)
    soon = and_(known, final_day <= today + timedelta(days=EXPIRING_DAYS))
    if status == "ended":
        return and_(known, final_day < today)
    lasts = or_(final_day.is_(None), final_day >= today)
    if status == "suspended":
        return and_(lasts, Contract.suspended.is_not(None))
    free = and_(lasts, Contract.suspended.is_(None))
    if status == "future":
        return and_(free, ~begun)
    return and_(free, begun, soon if status == "expiring" else or_(final_day.is_(None), ~soon))


class Amendment(Base):
    """A change to a contract, with the day it takes effect; its items are the contract's items that name it."""

    __tablename__ = "amendments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    number: Mapped[str]
    signed_on: Mapped[date]
    effective_on: Mapped[date]
    note: Mapped[str] = mapped_column(default="")


class ContractItem(Base):
    """One service with its quantity. Without own dates it holds as long as the contract does."""

    __tablename__ = "contract_items"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    amendment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("amendments.id"))
    service_code: Mapped[str] = mapped_column(ForeignKey("services.code"))
    quantity: Mapped[int]
    unit_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    discount_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]

    service: Mapped[Service] = relationship(lazy="joined")

    def total(self) -> Decimal:
        """Price per year in PLN after the discount."""
        return (self.unit_price * self.quantity * (100 - self.discount_percent) / 100).quantize(Decimal("0.01"))


class Attachment(Base):
    """A signed scan. The file lies in the data folder under its id; ``sha256`` is of its bytes."""

    __tablename__ = "attachments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    contract_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contracts.id"), index=True)
    file_name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
