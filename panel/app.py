"""The panel's web application, put together."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from config import Settings
from panel import api, web
from panel.kernel.secrets import ensure_secret
from panel.wiring import create_core_app


def create_panel_app(settings: Settings) -> Flask:
    """The application for ``settings``: database, sign-in, pages, API, and the doorbell to the workers."""
    app = create_core_app(settings)
    if not settings.secret_key:  # the web server's alone: neither workers nor commands need it
        app.config["SECRET_KEY"] = ensure_secret(settings.below_data(Path("keys/secret_key")))
    web.register(app)
    api.register(app)
    return app
