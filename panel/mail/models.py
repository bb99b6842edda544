"""Mail domains, mailboxes, aliases and activation links."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.ledger.resources import ResourceColumns
from panel.members.models import Member

ADDRESSES = "address"
"""The space in ``ledger.names`` in which mailboxes, aliases and lists claim their addresses."""

HELD_UNKNOWN = -1


_SUSPENDED = "suspended_at IS NOT NULL"


class MailDomain(ResourceColumns, Base):
    """A domain whose mail a node takes. ``shared``: every member may have addresses in it."""

    __tablename__ = "mail_domains"
    __table_args__ = (
        ResourceColumns.due_index("mail_domains"),
        ResourceColumns.look_index("mail_domains"),
        ResourceColumns.problem_index("mail_domains"),
    )

    name: Mapped[str] = mapped_column(unique=True)
    shared: Mapped[bool] = mapped_column(default=False)


class Mailbox(ResourceColumns, Base):
    """A mailbox. ``purge_at`` ends the grace period of a removed one.

    ``held_mb``: how much mail it held at ``used_at``, each beginning MiB whole, as the node told; -1 until it tells, so
    that lists can be sorted by it. ``use_told``: of which part of the capacity, in percent, people were told.
    """

    __tablename__ = "mailboxes"
    __table_args__ = (
        ResourceColumns.due_index("mailboxes"),
        ResourceColumns.look_index("mailboxes"),
        ResourceColumns.problem_index("mailboxes"),
        # Lists of a million: each order people may ask for, and the count, come from an index alone.
        Index("ix_mailboxes_want_id", "want", "id"),
        Index("ix_mailboxes_want_address", "want", "address", "id"),
        Index("ix_mailboxes_want_quota", "want", "quota_mb", "id"),
        Index("ix_mailboxes_member_id", "member_id", "want", "id"),
        Index("ix_mailboxes_member_address", "member_id", "want", "address", "id"),
        Index("ix_mailboxes_want_held", "want", "held_mb", "id"),
        Index("ix_mailboxes_member_held", "member_id", "want", "held_mb", "id"),
        Index("ix_mailboxes_nearly_full", "member_id", "want", "use_told", "id", sqlite_where=text("use_told > 0"),
              postgresql_where=text("use_told > 0")),
        Index("ix_mailboxes_member_quota", "member_id", "want", "quota_mb", "id"),
        Index("ix_mailboxes_domain_address", "domain_id", "want", "address", "id"),
        Index("ix_mailboxes_suspended", "member_id", "id", sqlite_where=text(_SUSPENDED),
              postgresql_where=text(_SUSPENDED)),
    )  # fmt: skip

    domain_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mail_domains.id"))
    address: Mapped[str] = mapped_column(index=True)
    quota_mb: Mapped[int]
    held_mb: Mapped[int] = mapped_column(default=HELD_UNKNOWN, server_default=text("-1"))
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    use_told: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    password_hash: Mapped[str | None]
    statutory: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    purge_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    domain: Mapped[MailDomain] = relationship(lazy="joined")
    member: Mapped[Member] = relationship(lazy="joined")
    links: Mapped[list[ActivationLink]] = relationship(order_by="ActivationLink.id", viewonly=True)
    aliases: Mapped[list[Alias]] = relationship(order_by="Alias.address", viewonly=True)

    @property
    def used_mb(self) -> int | None:
        """How much it holds; None until the node tells."""
        return None if self.held_mb == HELD_UNKNOWN else self.held_mb

    @property
    def login(self) -> str:
        """*waiting* until a password was set, *blocked* while suspended, else *open*."""
        if self.suspended_at is not None:
            return "blocked"
        return "waiting" if self.password_hash is None else "open"

    @property
    def activation_state(self) -> str:
        """*none* needed, *sent* (a link waits), *expired* (the last one did), of the newest link."""
        newest = self.links[-1] if self.links else None
        if self.password_hash is not None or newest is None:
            return "none"
        return "sent" if newest.is_good(utcnow()) else "expired"


class Alias(ResourceColumns, Base):
    """An address whose mail goes to a mailbox: here, the former addresses of renamed ones."""

    __tablename__ = "aliases"
    __table_args__ = (
        ResourceColumns.due_index("aliases"),
        ResourceColumns.look_index("aliases"),
        ResourceColumns.problem_index("aliases"),
    )

    address: Mapped[str] = mapped_column(index=True)
    mailbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mailboxes.id"), index=True)

    mailbox: Mapped[Mailbox] = relationship(lazy="joined")


class ActivationLink(Base):
    """A one-time link by which a mailbox's holder sets the first password; only the token's digest is kept."""

    __tablename__ = "activation_links"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    mailbox_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mailboxes.id"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    mailbox: Mapped[Mailbox] = relationship(lazy="joined")

    def is_good(self, now: datetime) -> bool:
        """Whether the link can still be used."""
        return self.consumed_at is None and self.voided_at is None and now < self.expires_at
