"""The panel's pages: the edge for people with a browser.

Belongs here: reading forms and queries, calling actions, showing what came back. A rule about who may do what, or
about what is a good value, belongs to the action; a word shown on several edges belongs to ``panel/wording.py``.
"""

from __future__ import annotations

from flask import Flask

from panel.kernel import i18n
from panel.web import (
    account,
    activation,
    contract_changes,
    contract_tasks,
    contracts,
    dashboard,
    differences,
    errors,
    events,
    factors,
    filters,
    handing_over,
    headers,
    health,
    helping,
    history,
    imports,
    inside,
    invitations,
    jobs,
    joining,
    language,
    layout,
    live,
    lockouts,
    mail,
    mailbox_changes,
    mailbox_many,
    members,
    metrics,
    needs,
    nodes,
    orders,
    outside,
    own_email,
    own_mailbox,
    preferences,
    providers,
    records,
    resets,
    resource_timeline,
    search,
    second_step,
    security,
    session,
    sign_in_limits,
    stepping_in,
    users,
    webhooks,
    zone_changes,
    zone_imports,
    zone_records,
    zone_updates,
    zone_versions,
    zones,
    zones_many,
)

AREAS = (
    dashboard,
    needs,
    search,
    second_step,
    account,
    own_email,
    factors,
    members,
    contracts,
    contract_changes,
    contract_tasks,
    orders,
    mail,
    mailbox_changes,
    mailbox_many,
    zones,
    zones_many,
    zone_records,
    zone_updates,
    zone_versions,
    zone_changes,
    zone_imports,
    imports,
    invitations,
    joining,
    resets,
    outside,
    providers,
    lockouts,
    helping,
    activation,
    nodes,
    differences,
    jobs,
    events,
    records,
    preferences,
    stepping_in,
    history,
    handing_over,
    resource_timeline,
    health,
    metrics,
    live,
    users,
    webhooks,
    own_mailbox,
)
"""One module per place, each with its blueprint ``area``."""


def register(app: Flask) -> None:
    """Add sign-in, pages, languages, headers and error pages to ``app``."""
    i18n.connect(app)
    headers.protect(app)
    security.init_security(app)
    language.follow(app)
    session.guard(app)
    inside.follow(app)
    sign_in_limits.follow(app)
    filters.add(app)
    layout.add(app)
    live.follow(app)
    errors.add(app)
    for module in AREAS:
        app.register_blueprint(module.area)
