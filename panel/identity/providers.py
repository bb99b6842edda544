"""Outside providers by which people may sign in (OpenID Connect), as the association's staff set them up.

Who somebody is at a provider is its issuer and their subject there (OpenID Connect Core 5.7), never an e-mail address:
we host the mailboxes ourselves, and so may the provider.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app
from sqlalchemy import ForeignKey, Select, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from panel.identity.models import User
from panel.kernel.access import Actor, require
from panel.kernel.db import Base, UTCDateTime, db, new_id, read_row, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from panel.kernel.secrets import ensure_secret
from panel.kernel.text import fold, has_control
from panel.ledger.events import record
from panel.members.actions import require_members
from panel.members.models import Member
from panel.members.tree import reach_of

TEXT_MAX = 200


class OutsideProvider(Base):
    """One provider. ``client_secret`` is encrypted with the installation's key. Its issuer never changes."""

    __tablename__ = "oidc_providers"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    issuer: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[str]
    client_secret: Mapped[str] = mapped_column(default="")
    for_staff: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)

    members: Mapped[list[ProviderMember]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    @property
    def secret(self) -> str:
        """The client's secret in clear; empty for a public client. Raises Conflict where the key is another."""
        try:
            return _box().decrypt(self.client_secret.encode()).decode() if self.client_secret else ""
        except InvalidToken:
            raise Conflict("provider_secret") from None


class ProviderMember(Base):
    """A member whose people, with those of what is below it, may sign in by a provider."""

    __tablename__ = "oidc_provider_members"

    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("oidc_providers.id"), primary_key=True)
    member_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("members.id"), primary_key=True, index=True)

    member: Mapped[Member] = relationship(lazy="joined")


class OutsideLink(Base):
    """That the subject ``subject`` at a provider is the user ``user_id``."""

    __tablename__ = "oidc_links"
    __table_args__ = (UniqueConstraint("provider_id", "subject"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("oidc_providers.id"))
    subject: Mapped[str]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    linked_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    provider: Mapped[OutsideProvider] = relationship(lazy="joined")


def providers_query(actor: Actor, *, search: str = "") -> Select[OutsideProvider]:
    """The providers, for staff. ``search``: words in name or issuer; they are few, so each is looked at."""
    require(actor, "users:read", staff=True)
    query = select(OutsideProvider)
    words = fold(search).split()
    if not words:
        return query
    named = {row.id: fold(f"{row.name} {row.issuer}") for row in db.session.scalars(query)}
    return query.where(
        OutsideProvider.id.in_([id_ for id_, name in named.items() if all(one in name for one in words)])
    )


def get_provider(actor: Actor, provider_id: uuid.UUID) -> OutsideProvider:
    """One provider, for staff. Raises NotFound."""
    row = db.session.scalar(providers_query(actor).where(OutsideProvider.id == provider_id))
    if row is None:
        raise NotFound("not_found")
    return row


def add_provider(
    actor: Actor,
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str = "",
    member_ids: Collection[uuid.UUID] = (),
    for_staff: bool = False,
) -> OutsideProvider:
    """Set a provider up. ``for_staff``: people with a role on the whole association may use it too.

    Raises NotAllowed without a fresh second factor, Invalid, Conflict ``taken``.
    """
    _require_staff(actor)
    issuer = _checked_issuer(issuer)
    with unit_of_work():
        if db.session.scalar(select(OutsideProvider.id).where(OutsideProvider.issuer == issuer)) is not None:
            raise Conflict("taken", field="issuer", name=issuer)
        row = OutsideProvider(id=new_id(), issuer=issuer)
        _fill(row, name=name, client_id=client_id, member_ids=member_ids, for_staff=for_staff)
        row.client_secret = _sealed(client_secret)
        db.session.add(row)
        _record(actor, row, "add")
    return row


def change_provider(
    actor: Actor, provider_id: uuid.UUID, *, client_secret: str | None = None, active: bool = True, **values: Any
) -> OutsideProvider:
    """Change all but the issuer; ``client_secret`` None keeps the one there is. Raises NotFound, Invalid."""
    _require_staff(actor)
    with unit_of_work():
        row = read_row(OutsideProvider, provider_id, for_change=True)
        if row is None:
            raise NotFound("not_found")
        _fill(row, **values)
        row.active = active
        if client_secret is not None:
            row.client_secret = _sealed(client_secret)
        _record(actor, row, "change")
    return row


def alter_provider(actor: Actor, provider_id: uuid.UUID, **changed: Any) -> OutsideProvider:
    """Change only what is said, as ``change_provider`` does."""
    with unit_of_work():
        row = read_row(OutsideProvider, provider_id, for_change=True)
        if row is None:
            _require_staff(actor)
            raise NotFound("not_found")
        kept = {name: getattr(row, name) for name in ("name", "client_id", "for_staff", "active")}
        kept["member_ids"] = [one.member_id for one in row.members]
        return change_provider(actor, provider_id, **(kept | changed))


def remove_provider(actor: Actor, provider_id: uuid.UUID) -> None:
    """Take a provider away that nobody is linked to; one in use is switched off instead.

    Raises NotFound, NotAllowed without a fresh second factor, Conflict ``provider_linked``.
    """
    _require_staff(actor)
    with unit_of_work():
        row = read_row(OutsideProvider, provider_id, for_change=True)
        if row is None:
            raise NotFound("not_found")
        if db.session.scalar(select(OutsideLink.id).where(OutsideLink.provider_id == row.id).limit(1)) is not None:
            raise Conflict("provider_linked", name=row.name)
        _record(actor, row, "remove")
        db.session.delete(row)


def providers_for(user: User) -> list[OutsideProvider]:
    """The providers by which ``user`` may sign in."""
    return [row for row in open_providers() if allows(row, user)]


def open_providers() -> list[OutsideProvider]:
    """The providers that are switched on, by name."""
    return list(
        db.session.scalars(select(OutsideProvider).where(OutsideProvider.active).order_by(OutsideProvider.name))
    )


def allows(provider: OutsideProvider, user: User) -> bool:
    """Whether ``provider`` may speak for ``user``: for every member on which the user holds a role."""
    return all(allows_member(provider, grant.member_id) for grant in user.grants)


def allows_member(provider: OutsideProvider, member_id: uuid.UUID | None) -> bool:
    """Whether ``provider`` may speak for people of ``member_id``; None: for staff."""
    if not provider.active:
        return False
    if member_id is None:
        return provider.for_staff
    return member_id in reach_of([row.member_id for row in provider.members])


def _require_staff(actor: Actor) -> None:
    require(actor, "users:write", staff=True)
    if not actor.fresh:
        raise NotAllowed("fresh_factor_needed", permission="users:write")


def _fill(
    row: OutsideProvider, *, name: str, client_id: str, member_ids: Collection[uuid.UUID], for_staff: bool
) -> None:
    for field, value in (("name", name), ("client_id", client_id)):
        if not value.strip():
            raise Invalid("required", field=field)
        if len(value) > TEXT_MAX or has_control(value):
            raise Invalid("text_bad", field=field)
    require_members(member_ids)
    row.name, row.client_id, row.for_staff = name.strip(), client_id.strip(), for_staff
    kept = {one.member_id: one for one in row.members}
    row.members = [kept.get(one) or ProviderMember(member_id=one) for one in dict.fromkeys(member_ids)]


def _checked_issuer(issuer: str) -> str:
    """An issuer as OpenID Connect Discovery 1.0 (3) has it: https, no query, no fragment."""
    issuer = issuer.strip()
    schemes = ("https", "http") if current_app.config["CIS"].env == "lab" else ("https",)
    try:
        parts = urlsplit(issuer)
    except ValueError:
        raise Invalid("issuer_bad", field="issuer") from None
    plain = not (parts.query or parts.fragment or parts.username or has_control(issuer))
    if parts.scheme not in schemes or not parts.hostname or not plain or len(issuer) > TEXT_MAX:
        raise Invalid("issuer_bad", field="issuer")
    return issuer


def _sealed(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode() if secret else ""


def _box() -> Fernet:
    key = ensure_secret(current_app.config["CIS"].below_data(Path("keys/outside")), shared=True)
    return Fernet(urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def _record(actor: Actor, row: OutsideProvider, action: str) -> None:
    record(actor, f"identity:provider:{action}", kind="provider", resource_id=row.id, name=row.name)
