"""Passkeys (Web Authentication Level 2): keys that a device keeps, and proves to hold at one address only, ours.

Which address that is (relying party and origin) comes from ``CIS_PUBLIC_URL``, never from a request. A challenge is
good once: whoever made it keeps it in their own session, and its digest is written down when it was answered.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import webauthn
from flask import current_app
from sqlalchemy import JSON, BigInteger, ForeignKey, and_, delete, literal, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from panel.identity.models import User
from panel.kernel.db import Base, UTCDateTime, database_now, db, insert_unless_there, new_id, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid
from panel.kernel.text import one_line

CHALLENGE_BYTES, CHALLENGE_SECONDS = 32, 300
NAME_MAX, PER_USER_MAX = 60, 20
_TIMEOUT_MS = CHALLENGE_SECONDS * 1000
_UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What the library raises at answers that are wrong, or none at all."""


class Passkey(Base):
    """One key of ``user_id``: its public half, and how often it says it was used."""

    __tablename__ = "passkeys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    credential_id: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[str]
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    made_at: Mapped[datetime] = mapped_column(UTCDateTime, default=utcnow)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class UsedChallenge(Base):
    """The digest of a challenge that was answered; kept for as long as the challenge would have been good."""

    __tablename__ = "used_challenges"

    digest: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=database_now(), index=True)


def new_challenge() -> str:
    """Random bytes for one ceremony, as text."""
    return bytes_to_base64url(secrets.token_bytes(CHALLENGE_BYTES))


def creation_options(user: User, challenge: str) -> dict[str, Any]:
    """What the browser needs to make a key for ``user``; those there already are named, so that none is made twice."""
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=f"CIS Panel {current_app.config['CIS'].association_name}",
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.name or user.email,
        challenge=base64url_to_bytes(challenge),
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(passkeys_of(user.id)),
    )
    return _as_json(options)


def request_options(challenge: str, user: User | None) -> dict[str, Any]:
    """What the browser needs to prove a key: one of ``user``'s, or for None any it has, with its holder verified."""
    verification = UserVerificationRequirement.REQUIRED if user is None else UserVerificationRequirement.PREFERRED
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=base64url_to_bytes(challenge),
        timeout=_TIMEOUT_MS,
        allow_credentials=[] if user is None else _descriptors(passkeys_of(user.id)),
        user_verification=verification,
    )
    return _as_json(options)


def add_passkey(user: User, *, challenge: str, answer: str, name: str) -> Passkey:
    """Keep the key that the browser made, inside a unit of work. Raises Invalid, Conflict ``passkey_known``."""
    name = checked_name(name)
    if len(passkeys_of(user.id)) >= PER_USER_MAX:
        raise Invalid("passkeys_many", field="name", most=PER_USER_MAX)
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=_expected(challenge),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
        )
        transports = _transports(answer)
    except _UNREADABLE as error:
        raise Invalid("passkey_bad", field="answer") from error
    _use_up(challenge)
    credential_id = bytes_to_base64url(made.credential_id)
    if db.session.scalar(select(Passkey.id).where(Passkey.credential_id == credential_id)) is not None:
        raise Conflict("passkey_known", field="answer")
    row = Passkey(
        id=new_id(), user_id=user.id, credential_id=credential_id, public_key=made.credential_public_key,
        sign_count=made.sign_count, name=name, transports=transports,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def check_passkey(*, challenge: str, answer: str, user: User | None) -> tuple[Passkey, bool]:
    """The key that answered ``challenge``, and whether it verified its holder (then it is worth two factors).

    ``user`` None: any user's key, and its holder must be verified. Raises Invalid ``passkey_bad`` for any reason for
    which the answer is not good; which one is nobody's business.
    """
    try:
        given = parse_authentication_credential_json(answer)
        row = db.session.scalar(select(Passkey).where(Passkey.credential_id == bytes_to_base64url(given.raw_id)))
        if row is None or not row.user.active or (user is not None and row.user_id != user.id):
            raise Invalid("passkey_bad", field="answer")
        handle = given.response.user_handle
        if (user is None and handle is None) or (handle is not None and handle != row.user_id.bytes):
            raise Invalid("passkey_bad", field="answer")
        proved = webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=_expected(challenge),
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=user is None,
        )
    except _UNREADABLE as error:
        raise Invalid("passkey_bad", field="answer") from error
    with unit_of_work():
        _use_up(challenge)
        _count_on(row, proved.new_sign_count)
    return row, bool(proved.user_verified)


def passkeys_of(user_id: uuid.UUID) -> list[Passkey]:
    """The keys of ``user_id``, oldest first."""
    return list(db.session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


def _count_on(row: Passkey, count: int) -> None:
    """Keep the key's counter. One that does not grow was copied, or two answers came at once: refuse."""
    grows = or_(Passkey.sign_count < count, and_(Passkey.sign_count == 0, literal(count) == 0))
    done: Any = db.session.execute(
        update(Passkey).where(Passkey.id == row.id, grows).values(sign_count=count, last_used_at=database_now()),
        execution_options={"synchronize_session": False},
    )
    if done.rowcount != 1:
        raise Invalid("passkey_bad", field="answer")


def _expected(challenge: str) -> bytes:
    """The bytes an answer must carry. Where none were asked for, not even an answer to nothing is good."""
    expected = base64url_to_bytes(challenge)
    if len(expected) != CHALLENGE_BYTES:
        raise Invalid("passkey_bad", field="answer")
    return expected


def _use_up(challenge: str) -> None:
    """Write down that ``challenge`` was answered; a second answer is refused. Old ones go with it."""
    db.session.execute(delete(UsedChallenge).where(UsedChallenge.at < database_now(-4 * CHALLENGE_SECONDS)))
    digest = sha256(challenge.encode()).hexdigest()
    query = insert_unless_there(UsedChallenge).values(digest=digest, at=database_now()).on_conflict_do_nothing()
    if db.session.scalar(query.returning(UsedChallenge.digest)) is None:
        raise Invalid("passkey_bad", field="answer")


def checked_name(name: str) -> str:
    """A key's name as it is kept. Raises Invalid."""
    return one_line("name", name, least=1, most=NAME_MAX)


def _transports(answer: str) -> list[str]:
    named = json.loads(answer).get("response", {}).get("transports") or []
    known = {one.value for one in AuthenticatorTransport}
    return [one for one in named if one in known]


def _descriptors(rows: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(row.credential_id),
            transports=[AuthenticatorTransport(one) for one in row.transports] or None,
        )
        for row in rows
    ]


def _as_json(options: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return read


def _rp_id() -> str:
    return str(urlsplit(current_app.config["CIS"].public_url).hostname)


def _origin() -> str:
    parts = urlsplit(current_app.config["CIS"].public_url)
    return f"{parts.scheme}://{parts.netloc}"
