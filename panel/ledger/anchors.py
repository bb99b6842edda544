"""Anchors: the chain's head, signed each day. Whoever keeps them elsewhere can see that the chain was not rewritten."""

from __future__ import annotations

import json
import os
import secrets
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import select, update

from config import Settings
from panel.kernel.access import Actor, require
from panel.kernel.db import database_now, db, new_id, one_at_a_time, unit_of_work
from panel.kernel.errors import Invalid
from panel.kernel.shared_files import file_mode, make_folder
from panel.ledger.chain import Anchor, head
from panel.ledger.digests import canonical, moment
from panel.ledger.verifying import Point

KEY, FOLDER = Path("keys/anchor_ed25519.pem"), Path("anchors")
EVERY = timedelta(days=1)
TOLD_EVERY_SECONDS = 3600.0
_FIELDS = ("at", "seq", "digest")


def make_anchor(actor: Actor, settings: Settings) -> dict[str, Any] | None:
    """Sign the chain's head now, keep it as a row and as a file; None where nothing was chained yet."""
    require(actor, "nodes:write", staff=True)
    with unit_of_work():
        one_at_a_time("event_anchors")
        seq, digest = head()
        if seq == 0:
            return None
        at = db.session.scalars(select(database_now())).one()
        anchor = Anchor(id=new_id(), at=at, seq=seq, digest=digest, signature=b"")
        key = _private_key(settings)
        anchor.signature = key.sign(canonical(_signed(anchor)))
        db.session.add(anchor)
    written = written_anchor(anchor, settings)
    _write(settings, f"{at:%Y-%m-%dT%H%M%SZ}-{seq}.json", written)
    return written


def anchorer(settings: Settings, tell: Callable[[dict[str, Any]], bool]) -> Callable[[Actor], None]:
    """The chore that makes an anchor each day and tells of it; ``tell`` says whether it could, and is asked hourly."""
    tried: float | None = None

    def keep_anchors(actor: Actor) -> None:
        nonlocal tried
        newest = _newest()
        now = db.session.scalars(select(database_now())).one()
        if newest is None or now - newest.at >= EVERY:
            make_anchor(actor, settings)
            newest, tried = _newest(), None
        if newest is None or newest.told_at is not None:
            return
        if tried is None or time.monotonic() - tried >= TOLD_EVERY_SECONDS:
            tried = time.monotonic()
            if tell(written_anchor(newest, settings)):
                _note_told(newest)

    return keep_anchors


def written_anchor(anchor: Anchor, settings: Settings) -> dict[str, Any]:
    """An anchor as it is kept elsewhere, with the public key by which it is checked."""
    public = _private_key(settings).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = b64encode(bytes(anchor.signature)).decode()
    told = {"signature": signature, "public_key": b64encode(public).decode(), "panel": settings.public_url}
    return _signed(anchor) | told


def read_anchor(text: str, settings: Settings) -> Point:
    """The place that a kept anchor names. Raises Invalid ``anchor_bad`` where this panel did not sign it."""
    try:
        told = json.loads(text)
        signed = canonical({name: told[name] for name in _FIELDS})
        public: Ed25519PublicKey = _private_key(settings).public_key()
        public.verify(b64decode(told["signature"]), signed)
        return Point(seq=int(told["seq"]), digest=bytes.fromhex(told["digest"]))
    except (ValueError, TypeError, KeyError, NotBase64, InvalidSignature):
        raise Invalid("anchor_bad", field="from_anchor") from None


def _newest() -> Anchor | None:
    return db.session.scalars(select(Anchor).order_by(Anchor.at.desc()).limit(1)).first()


def _note_told(anchor: Anchor) -> None:
    with unit_of_work():
        db.session.execute(update(Anchor).where(Anchor.id == anchor.id).values(told_at=database_now()))


def _signed(anchor: Anchor) -> dict[str, Any]:
    return {"at": moment(anchor.at), "seq": anchor.seq, "digest": bytes(anchor.digest).hex()}


def _private_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that signs anchors, made where there is none."""
    path = settings.below_data(KEY)
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        make_folder(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(pem)
        with suppress(FileExistsError):  # it is linked when complete, and never over one that another just made
            os.link(draft, path)
        draft.unlink()
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path} holds another kind of key")
    return key


def _write(settings: Settings, name: str, anchor: dict[str, Any]) -> None:
    folder = settings.below_data(FOLDER)
    make_folder(folder)
    path = folder / name
    path.write_text(json.dumps(anchor, indent=2) + "\n")
    path.chmod(file_mode(folder, readable=True))
