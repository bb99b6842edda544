"""A passkey in software (Web Authentication Level 2, 6 and 8.7): makes real keys and signs what it is told to sign."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ORIGIN = "http://localhost:8080"
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One key at one address. Each answer may lie about one thing."""

    origin: str = ORIGIN
    rp_id: str = "localhost"
    count: int = 0
    verified: bool = True
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, challenge: str) -> str:
        """The answer to ``navigator.credentials.create``."""
        at = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self._data(_ATTESTED) + attested})
        return self._answer({
            "clientDataJSON": text(self._client_data("webauthn.create", challenge)),
            "attestationObject": text(made),
            "transports": ["internal", "of-the-future"],
        })  # fmt: skip

    def get(self, challenge: str) -> str:
        """The answer to ``navigator.credentials.get``."""
        self.count += 1
        client, data = self._client_data("webauthn.get", challenge), self._data()
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({
            "clientDataJSON": text(client),
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(self.handle) if self.handle else None,
        })  # fmt: skip

    def _data(self, flags: int = 0) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verified else 0)
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, object]) -> str:
        name = text(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def text(raw: bytes) -> str:
    """Base64url without padding, as browsers and we write bytes."""
    return urlsafe_b64encode(raw).decode().rstrip("=")
