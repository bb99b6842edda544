"""The panel's web application, put together."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from config import Settings
from panel import api, web, wiring
from panel.kernel.db import db
from panel.kernel.secrets import ensure_secret

ROOT = Path(__file__).resolve().parent.parent


def create_panel_app(settings: Settings) -> Flask:
    """The application for ``settings``: database, sign-in, pages, API, and the doorbell to the workers."""
    app = create_bare_app(settings)
    web.register(app)
    api.register(app)
    return app


def create_bare_app(settings: Settings) -> Flask:
    """The application without its web edges, for workers and the command line."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    app = Flask(
        "panel",
        root_path=str(ROOT / "panel"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "panel/static"),
    )
    app.config.update(
        CIS=settings,
        SECRET_KEY=settings.secret_key or ensure_secret(settings.below_data(Path("keys/secret_key"))),
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": not settings.sqlalchemy_url.startswith("sqlite")},
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
    )
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    wiring.connect(app)
    return app
