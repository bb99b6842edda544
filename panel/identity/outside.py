"""Signing in by an outside provider: the authorization code flow with PKCE, state and nonce.

OpenID Connect Core 3.1, RFC 7636, RFC 9207. What is kept between leaving and coming back lies in the browser's own
session and is good once. Nothing the provider says about e-mail addresses is looked at.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from flask import current_app
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import select

from panel.identity.providers import OutsideProvider, get_provider
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.kernel.errors import Conflict
from panel.kernel.outgoing import CannotFetch, fetch
from panel.ledger.nodes import Node

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"]
"""Signatures by a key pair only: neither none, nor codes made with a secret that a key of the provider could fake."""

PENDING_SECONDS = 10 * 60
LEEWAY_SECONDS = 60
SUBJECT_MAX = 255
CALLBACK = "/outside/callback"


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What this browser left for: kept in its session until it comes back. ``purpose``: sign_in, link or join."""

    provider_id: str
    purpose: str
    state: str
    nonce: str
    verifier: str = field(repr=False)
    at: int
    subject_of: str = ""
    target: str | None = None

    def kept(self) -> dict[str, Any]:
        """As the session keeps it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Somebody:
    """Who came back: ``subject`` at ``provider``."""

    provider: OutsideProvider
    subject: str
    pending: Pending


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What a provider says of itself when it is tried: where it signs people in, and how many keys sign for it."""

    provider: OutsideProvider
    authorization_endpoint: str
    token_endpoint: str
    keys: int


def leave(
    provider: OutsideProvider, *, purpose: str, subject_of: str = "", target: str | None = None
) -> tuple[str, Pending]:
    """Where to send the browser, and what to keep until it comes back.

    ``subject_of``: the user that shall be linked, or the token of the invitation. Raises Conflict ``provider_away``.
    """
    pending = Pending(
        provider_id=str(provider.id), purpose=purpose, state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48), at=int(time.time()), subject_of=subject_of, target=target,
    )  # fmt: skip
    url = prepare_grant_uri(
        _metadata(provider)["authorization_endpoint"],
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=redirect_uri(),
        scope="openid",
        state=pending.state,
        nonce=pending.nonce,
        code_challenge=create_s256_code_challenge(pending.verifier),
        code_challenge_method="S256",
    )
    return str(url), pending


def come_back(kept: object, answer: Mapping[str, str]) -> Somebody:
    """Who the provider says this is, by the ``answer`` in the address it sent the browser to.

    Raises Conflict: ``outside_over`` (nobody left from here, or too long ago), ``outside_refused`` (the provider or
    the person said no), ``outside_bad`` (what came is not for us, or not whole), ``provider_away``.
    """
    pending = _pending(kept, answer.get("state", ""))
    provider = db.session.get(OutsideProvider, uuid.UUID(pending.provider_id))
    if provider is None or not provider.active:
        raise Conflict("outside_over")
    metadata = _metadata(provider)
    _require_issuer(provider, metadata, answer.get("iss"))
    if "error" in answer:
        raise Conflict("outside_refused")
    if not answer.get("code"):
        raise Conflict("outside_bad")
    tokens = _tokens(provider, metadata, pending, answer["code"])
    return Somebody(provider=provider, subject=_subject(provider, metadata, pending, tokens), pending=pending)


def redirect_uri() -> str:
    """Where providers send people back: always at the panel's own address, whatever host was asked."""
    return f"{current_app.config['CIS'].public_url.rstrip('/')}{CALLBACK}"


def try_provider(actor: Actor, provider_id: uuid.UUID) -> Reached:
    """Ask a provider for its description and its keys, as a sign-in would. Raises NotFound, Conflict ``provider_away``.

    Nobody is signed in by it, and the client's secret is not used.
    """
    require(actor, "users:write", staff=True)
    row = get_provider(actor, provider_id)
    found = _metadata(row)
    keys = _signing_keys(_json(found["jwks_uri"]))["keys"]
    if not keys:
        raise Conflict("provider_away")
    return Reached(provider=row, authorization_endpoint=found["authorization_endpoint"],
                   token_endpoint=found["token_endpoint"], keys=len(keys))  # fmt: skip


def _pending(kept: object, state: str) -> Pending:
    try:
        pending = Pending(**kept) if isinstance(kept, dict) else None
    except TypeError:
        pending = None
    if pending is None or not 0 <= time.time() - pending.at <= PENDING_SECONDS:
        raise Conflict("outside_over")
    if not hmac.compare_digest(pending.state.encode(), state.encode()):
        raise Conflict("outside_over")
    return pending


def _require_issuer(provider: OutsideProvider, metadata: Mapping[str, Any], issuer: str | None) -> None:
    """Refuse an answer that another provider gave (mix-up, RFC 9207 2.4)."""
    says = bool(metadata.get("authorization_response_iss_parameter_supported"))
    if (issuer is None and says) or (issuer is not None and issuer != provider.issuer):
        raise Conflict("outside_bad")


def _metadata(provider: OutsideProvider) -> dict[str, Any]:
    """The provider's own description (OpenID Connect Discovery 1.0, 4), of the issuer we know and no other."""
    found = _json(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if found.get("issuer") != provider.issuer or not all(isinstance(found.get(name), str) for name in needed):
        raise Conflict("provider_away")
    if not found["authorization_endpoint"].startswith(("https://", "http://")[: 1 + _in_lab()]):
        raise Conflict("provider_away")
    return found


def _tokens(provider: OutsideProvider, metadata: Mapping[str, Any], pending: Pending, code: str) -> dict[str, Any]:
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=redirect_uri(), code_verifier=pending.verifier
    )
    offered = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    method = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
    auth = ClientAuth(provider.client_id, provider.secret, method if provider.client_secret else "none")
    _, headers, body = auth.prepare("POST", metadata["token_endpoint"], {"Accept": "application/json"}, body)
    return _json(metadata["token_endpoint"], form=body, headers=headers)


def _subject(
    provider: OutsideProvider, metadata: Mapping[str, Any], pending: Pending, tokens: Mapping[str, Any]
) -> str:
    """The subject of a good ID token (OpenID Connect Core 3.1.3.7)."""
    keys = _signing_keys(_json(metadata["jwks_uri"]))
    try:
        token = jwt.decode(str(tokens.get("id_token", "")), KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"essential": True, "value": provider.issuer},
                     "aud": {"essential": True, "value": provider.client_id}},
            params={"nonce": pending.nonce, "client_id": provider.client_id,
                    "access_token": tokens.get("access_token")},
        )  # fmt: skip
        claims.validate(leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, KeyError):
        raise Conflict("outside_bad") from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
        raise Conflict("outside_bad")
    return subject


def _signing_keys(found: Mapping[str, Any]) -> Any:
    """Those of a provider's keys (RFC 7517) that sign as we know it; others are for others to understand."""
    listed = found.get("keys")
    keys = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {"keys": [one for one in keys if one.get("kty") in ("RSA", "EC") and one.get("use", "sig") == "sig"]}


def _json(url: str, *, form: str | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at ``url``. Raises Conflict ``provider_away``, for a refused code ``outside_bad``."""
    nodes = {part for row in db.session.execute(select(Node.address, Node.hostname)) for part in row if part}
    try:
        found = fetch(current_app.config["CIS"], url, form=form, headers=headers, refused=nodes)
        value = json.loads(found.body)
    except (CannotFetch, ValueError, RecursionError):
        raise Conflict("provider_away") from None
    if found.status != 200 or not isinstance(value, dict):
        raise Conflict("provider_away" if form is None or found.status >= 500 else "outside_bad")
    return value


def _in_lab() -> bool:
    return bool(current_app.config["CIS"].env == "lab")
