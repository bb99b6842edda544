"""The panel's web application, put together."""

from __future__ import annotations

from flask import Flask

from config import Settings
from panel import api, web
from panel.wiring import create_core_app


def create_panel_app(settings: Settings) -> Flask:
    """The application for ``settings``: database, sign-in, pages, API, and the doorbell to the workers."""
    app = create_core_app(settings)
    web.register(app)
    api.register(app)
    return app
