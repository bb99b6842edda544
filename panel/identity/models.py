"""Users, grants and tokens."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask_security import RoleMixin, UserMixin
from sqlalchemy import JSON, BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from panel.kernel.db import Base, UTCDateTime, new_id, utcnow
from panel.kernel.text import fold


class Role(Base, RoleMixin):
    """A name from ``kernel.access.ROLES``; the row exists so that grants can point at it."""

    __tablename__ = "roles"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)  # type: ignore[assignment]  # a UUID, not a number
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(default="")


class User(Base, UserMixin):
    """A person. A new ``fs_uniquifier`` ends all sessions; ``tf_totp_secret`` holds the second factor, encrypted.

    ``totp_step`` is the time step of the last code that was taken: neither it nor an older one is taken again.
    ``factor_due_at``: until when a role lets its holder wait with setting up a second factor.
    ``folded`` is what searches look in.
    """

    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)  # type: ignore[assignment]  # a UUID, not a number
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    folded: Mapped[str] = mapped_column(default="")
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(default="pl")
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tf_primary_method: Mapped[str | None]
    tf_totp_secret: Mapped[str | None]
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    factor_due_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_login_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # type: ignore[assignment]  # may be never
    current_login_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # type: ignore[assignment]  # may be never
    last_login_ip: Mapped[str | None]
    current_login_ip: Mapped[str | None]
    login_count: Mapped[int] = mapped_column(default=0)
    create_datetime: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    update_datetime: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow, onupdate=utcnow)

    grants: Mapped[list[Grant]] = relationship(lazy="selectin", cascade="all, delete-orphan")
    roles: Mapped[list[Role]] = relationship(secondary="grants", viewonly=True)  # type: ignore[assignment]  # ours

    @validates("email", "name")
    def _refold(self, key: str, value: str) -> str:
        parts = {"email": self.email, "name": self.name} | {key: value}
        self.folded = fold(f"{parts['name'] or ''} {parts['email'] or ''}")
        return value


class Grant(Base):
    """A role held by a user on a member and what is below it; ``member_id`` None: on the whole association.

    It ends by itself at ``until``. ``granted_by_id`` is the user who gave it, None for a command or the panel itself.
    """

    __tablename__ = "grants"
    __table_args__ = (UniqueConstraint("user_id", "role_id", "member_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    role_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("roles.id"))
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"), index=True)
    until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    granted_by_id: Mapped[uuid.UUID | None]
    granted_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)

    role: Mapped[Role] = relationship(lazy="joined")

    def holds_at(self, moment: datetime) -> bool:
        """Whether it has not ended by itself before ``moment``."""
        return self.until is None or self.until > moment


class ApiToken(Base):
    """A bearer token, kept as its digest. It never exceeds its maker at the time of use."""

    __tablename__ = "api_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(default="")
    digest: Mapped[str] = mapped_column(unique=True)
    maker_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    member_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("members.id"))
    role: Mapped[str]
    kinds: Mapped[list[str] | None] = mapped_column(JSON)
    networks: Mapped[list[str] | None] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)

    maker: Mapped[User] = relationship(lazy="joined")
