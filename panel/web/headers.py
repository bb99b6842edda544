"""Headers of every answer: what a browser may load, embed and remember. Https where the installation has it."""

from __future__ import annotations

from flask import Flask, current_app, redirect, request
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from panel.web.cookies import OneCookie

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_YEAR = 365 * 24 * 3600


class PagesCSRF(CSRFProtect):
    """CSRF protection of everything but the API, which takes no cookies."""

    def protect(self, apply_exemptions: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's signature
        """Check the form's token, except below ``/api/``."""
        if not request.path.startswith("/api/"):
            super().protect(apply_exemptions=apply_exemptions)


def protect(app: Flask) -> None:
    """Set cookies' flags, check CSRF tokens on all forms, and add the headers to every answer."""
    secure = app.config["CIS"].secure_cookies
    app.config.update(
        SESSION_COOKIE_NAME="__Host-cis" if secure else "cis_session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        REMEMBER_COOKIE_NAME="__Host-remember" if secure else "cis_remember",
        REMEMBER_COOKIE_SECURE=secure,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        # Pages that hold a secret in their address send no referrer; the token and SameSite protect their forms.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = OneCookie()
    PagesCSRF(app)
    _trust_proxies(app)
    if secure:
        app.before_request(_force_https)
    app.after_request(_add_headers)


def _trust_proxies(app: Flask) -> None:
    """Read who asks from as many proxies as there are of ours; a header beyond them is anybody's words."""
    count = app.config["CIS"].proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]  # Flask's documented way


def _force_https() -> Response | None:
    """Send a page asked for without TLS to the panel's own address, whatever host the request names."""
    if request.is_secure or request.path in ("/healthz", "/readyz"):
        return None
    own = str(current_app.config["CIS"].public_url).rstrip("/")
    base = own if own.startswith("https://") else "https://" + request.host
    return redirect(base + request.full_path.rstrip("?"), code=308)


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["CIS"].secure_cookies:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}; includeSubDomains")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("Cookie", "Accept-Language"))
    elif "v" in request.args:  # the mark of the file's state: another state has another address (RFC 8246)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response
