"""A small OpenID provider in a thread: discovery, authorization, token and keys, signing for real.

It says who somebody is by what a test put into ``person``; ``lies`` has it misbehave in one way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
CLIENT, SECRET = "panel", "of the panel, at the provider"


class Quiet(WSGIRequestHandler):
    """Answers without a line on the terminal for each request."""

    def log_request(self, *args: object) -> None:
        """Say nothing."""


@dataclass
class Provider:
    """One running provider. ``lies``: ``nonce iss aud alg_none alg_hs256 expired no_sub azp at_hash …``."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "anna-at-the-provider"})
    lies: str = ""
    algorithm: str = "ES256"
    says_issuer: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make a key of its own; that for RSA takes long to make and is the same for all."""
        self.keys: dict[str, RSAKey | ECKey] = {
            "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
            "RS256": RSA,
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request."""
        request = Request(environ)
        self.asked.append(request.path)
        views: dict[str, Callable[[Request], Response]] = {
            "/.well-known/openid-configuration": self._describe,
            "/authorize": self._authorize,
            "/token": self._token,
            "/keys": self._show_keys,
        }
        view = views.get(request.path)
        return (Response(status=404) if view is None else view(request))(environ, start_response)

    def authorize(self, url: str) -> str:
        """What a browser does that is sent to ``url``, its holder signing in: the address it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"]} | ({"iss": self.issuer} if self.says_issuer else {})
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def _describe(self, _request: Request) -> Response:
        issuer = "https://other.example" if self.lies == "discovery" else self.issuer
        return _json({
            "issuer": issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": self.says_issuer,
        })  # fmt: skip

    def _authorize(self, request: Request) -> Response:
        return Response(status=302, headers={"Location": self.authorize(request.url)})

    def _token(self, request: Request) -> Response:
        asked = self.codes.pop(request.form["code"], None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or request.headers.get("Authorization") != f"Basic {basic}":
            return _json({"error": "invalid_grant"}, 400)
        challenge = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        same = _base64(challenge) == asked["code_challenge"]
        if not same or request.form["redirect_uri"] != asked["redirect_uri"]:
            return _json({"error": "invalid_grant"}, 400)
        return _json({"access_token": "x", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce} | self.person
        lies: dict[str, dict[str, Any]] = {
            "nonce": {"nonce": "another"},
            "iss": {"iss": "https://other.example"},
            "aud": {"aud": "somebody-else"},
            "azp": {"aud": [CLIENT, "other"], "azp": "other"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "no_sub": {"sub": ""},
            "at_hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        }
        claims |= lies.get(self.lies, {})
        if self.lies == "no_nonce":
            del claims["nonce"]
        if self.lies == "alg_none":
            parts = [{"alg": "none"}, claims]
            return ".".join(_base64(json.dumps(one).encode()) for one in parts) + "."
        if self.lies == "alg_hs256":
            return self._by_secret(claims)
        key = self.keys[self.algorithm]
        if self.lies == "other_key":
            key = ECKey.generate_key("P-256", {"kid": "ec"})
        return jwt.encode({"alg": self.algorithm, "kid": str(key.kid)}, claims, key, algorithms=[self.algorithm])

    def _by_secret(self, claims: dict[str, Any]) -> str:
        """Signed with the public key taken for a secret, as whoever has only that would do."""
        parts = [{"alg": "HS256", "kid": "rsa"}, claims]
        text = ".".join(_base64(json.dumps(one).encode()) for one in parts)
        return f"{text}.{_base64(hmac.digest(RSA.as_pem(private=False), text.encode(), 'sha256'))}"

    def _show_keys(self, _request: Request) -> Response:
        keys: list[Any] = KeySet(list(self.keys.values())).as_dict(private=False)["keys"]
        of_later = [{"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44"}, {"kty": "RSA", "use": "enc", "kid": "ec"}, "?"]
        return _json({"keys": [*of_later, *keys]})


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that answers on a free port of this host."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider, threaded=True, request_handler=Quiet)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
