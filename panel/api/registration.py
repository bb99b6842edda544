"""Putting the API into the application."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from panel.api import (
    backups,
    contract_steps,
    contracts,
    documentation,
    drift,
    erasures,
    events,
    imports,
    invitations,
    jobs,
    mail_domains,
    mailbox_changes,
    mailboxes,
    members,
    nodes,
    orders,
    outside_providers,
    page,
    plans,
    search,
    services,
    step_ins,
    tokens,
    users,
    webhooks,
    zone_imports,
    zone_names,
    zone_records,
    zone_versions,
    zones,
)
from panel.api.operations import OPERATIONS
from panel.api.problems import for_busy_database, for_crash, for_error, for_http
from panel.api.serving import view_of
from panel.kernel import i18n
from panel.kernel.errors import PanelError

PREFIX = "/api/v1"
AREAS = (
    imports,
    members,
    contracts,
    contract_steps,
    orders,
    services,
    mail_domains,
    mailboxes,
    mailbox_changes,
    nodes,
    backups,
    plans,
    drift,
    jobs,
    events,
    tokens,
    invitations,
    step_ins,
    search,
    users,
    erasures,
    outside_providers,
    webhooks,
    zones,
    zone_records,
    zone_versions,
    zone_imports,
    zone_names,
)
"""One module per collection; importing it registers its operations."""


def register(app: Flask) -> None:
    """Add the API and its documentation to ``app``."""
    i18n.connect(app)
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    for operation in OPERATIONS:
        blueprint.add_url_rule(operation.path, operation.name, view_of(operation), methods=[operation.method],
                               provide_automatic_options=False)  # fmt: skip
    documentation.add(blueprint)
    page.add(blueprint)
    blueprint.register_error_handler(PanelError, for_error)
    blueprint.register_error_handler(HTTPException, for_http)
    blueprint.register_error_handler(OperationalError, for_busy_database)
    blueprint.register_error_handler(Exception, for_crash)
    app.register_blueprint(blueprint)
    # First of all: what no route answers must not reach the pages' own checks and error pages.
    app.before_request_funcs.setdefault(None, []).insert(0, _answer_unrouted)


def _answer_unrouted() -> Response | None:
    """Unknown addresses and wrong methods below the API are problems too, not pages."""
    error = request.routing_exception
    return for_http(error) if error is not None and request.path.startswith("/api/") else None
